"""What the repository says about itself is true: requirements, links, file names and commands in the documentation."""

from __future__ import annotations

import ast
import functools
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tfrepr.registry import EXPERIMENTS

ROOT = Path(__file__).resolve().parents[1]
MODULES_OF = {  # distribution -> module, where the names differ
    "adversarial-robustness-toolbox": "art",
    "espeakng-loader": "espeakng_loader",
    "google-cloud-texttospeech": "google",
    "huggingface-hub": "huggingface_hub",
    "keras-hub": "keras_hub",
    "lazy-loader": "lazy_loader",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "tensorflow-io": "tensorflow_io",
}
PACKAGES = {"tfrepr", "tests", "benchmarks"}
NOT_IMPORTED_HERE = {"ruff", "import-linter", "pytest-xdist"}
"""Two commands, and the option of pytest that the Makefile uses."""
CODE, CHECKS = ("tfrepr", "scripts"), ("tests", "benchmarks", "examples")  # one example needs ART, which dev brings
MAX_BYTES = 1_500_000
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/(?:home|root|Users|work|tmp|opt|mnt)/\w|[A-Z]:\\Users)")
PROJECT_PATH = re.compile(
    r"(?<![\w./-])(?:(?:tfrepr|scripts|tests|benchmarks|examples|\.ci)/[\w./-]*\w|requirements[\w-]*\.txt|pyproject\.toml)"
)
PROJECT_NAME = re.compile(r"\btfrepr(?:\.[A-Za-z_]\w*)+")
COMMAND = re.compile(r"(?:\bpython3? +(?:scripts|benchmarks)/(\w+)\.py|(?:^|`|=\w+ )tfrepr +([a-z-]+))(?![\w.])([^\n`|]*)",
                     flags=re.M)
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "MODEL_CARD.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")))


@functools.cache
def project_file() -> dict:
    """Returns the content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def project() -> dict:
    return project_file()["project"]


def extra(name: str) -> list[Requirement]:
    """Returns what an extra asks for, or, for `""`, what the package itself does."""
    return [Requirement(line) for line in (project()["optional-dependencies"][name] if name else project()["dependencies"])]


def pins(name: str) -> list[Requirement]:
    """Returns the lines of a requirement file, without those that it takes from another file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.partition("  #")[0]) for line in lines if re.match(r"\w", line)]


def named(found: list[Requirement]) -> set[str]:
    return {requirement.name.lower() for requirement in found}


def module_of(distribution: str) -> str:
    return MODULES_OF.get(distribution, distribution)


def imported_modules(*folders: str) -> dict[str, Path]:
    """Returns the third-party modules that the code in these folders imports, each with one file that does."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return {name: file for file in files for name in imports_of(file) if not is_own_or_standard(name, file)}


def is_own_or_standard(name: str, importer: Path) -> bool:
    """Whether a module is part of Python, one of our packages, or a file beside the one that imports it."""
    return name in {*sys.stdlib_module_names, "tomllib"} or name in PACKAGES or (importer.parent / f"{name}.py").exists()


def imports_of(file: Path) -> set[str]:
    """Returns the top-level modules of a file's import statements, `import_module` and `importorskip` calls."""
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "importorskip")):
            names += [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
    return {name.split(".")[0] for name in names}


EXTRAS = sorted(project()["optional-dependencies"])


@pytest.mark.parametrize(("name", "folders"), [("", CODE), ("dev", CHECKS), *((name, CODE + CHECKS) for name in EXTRAS)])
def test_every_requirement_is_used(name: str, folders: tuple[str, ...]) -> None:
    used = imported_modules(*folders)
    unused = {dist for dist in named(extra(name)) - NOT_IMPORTED_HERE if module_of(dist) not in used}
    assert not unused, f"pyproject.toml asks for {sorted(unused)}, which no file in {folders} imports"


@pytest.mark.parametrize(("folders", "left_out"), [(CODE, {"dev", "bench"}), (CHECKS, set())])
def test_every_import_is_declared(folders: tuple[str, ...], left_out: set[str]) -> None:
    declared = {module_of(dist) for name in {"", *EXTRAS} - left_out for dist in named(extra(name))}
    missing = {name: str(file.relative_to(ROOT)) for name, file in imported_modules(*folders).items() if name not in declared}
    assert not missing, f"imported, but not in pyproject.toml: {missing}"


@pytest.mark.parametrize(("file", "names"), [("requirements.txt", ("", "tfio")), ("requirements-dev.txt", ("dev",))])
def test_the_pinned_environment_lies_inside_the_ranges(file: str, names: tuple[str, ...]) -> None:
    """requirements.txt is one point of what pyproject.toml allows, and names the same packages."""
    ranges: dict[str, SpecifierSet] = {}
    for name in names:
        for requirement in extra(name):
            ranges.setdefault(requirement.name.lower(), requirement.specifier)  # the package's own range before an extra's
    assert named(pins(file)) == set(ranges)
    for pin in pins(file):
        edges = [part.version for part in pin.specifier if part.operator in ("==", ">=")]
        assert edges, f"{pin} has no lowest version"
        assert all(version in ranges[pin.name.lower()] for version in edges), f"{pin} is not in {ranges[pin.name.lower()]}"


@pytest.mark.parametrize(("name", "distribution", "fixed"), [
    ("", "filelock", "3.20.3"), ("", "pillow", "12.3"), ("", "soundfile", "0.13"), ("dev", "pytest", "9.0.3"),
    ("bench", "torch", "2.10"),
])
def test_lower_bounds_leave_out_releases_with_known_holes(name: str, distribution: str, fixed: str) -> None:
    for requirement in [*extra(name), *pins("requirements.txt"), *pins("requirements-dev.txt")]:
        if requirement.name == distribution:
            lowest = min(Version(part.version) for part in requirement.specifier if part.operator in ("==", ">="))
            assert lowest >= Version(fixed)


def test_only_its_own_front_end_needs_tensorflow_io() -> None:
    """It has no maintainer any more: where it is missing, nothing but `--frontend tfio` may notice."""
    importers = [file.name for folder in CODE for file in (ROOT / folder).rglob("*.py") if "tensorflow_io" in imports_of(file)]
    assert importers == ["tfio_frontend.py"]


def test_the_extra_gpu_adds_libraries_and_changes_nothing_else() -> None:
    plain = next(requirement for requirement in extra("") if requirement.name == "tensorflow")
    assert [(one.name, one.extras, one.specifier) for one in extra("gpu")] == [("tensorflow", {"and-cuda"}, plain.specifier)]


# Documentation


def text_of(document: str) -> str:
    """Returns a document's text; skips the test where the document is not written yet."""
    path = ROOT / document
    if not path.exists():
        pytest.skip(f"there is no {document} yet")
    return path.read_text(encoding="utf-8")


def headings(text: str) -> set[str]:
    """Returns the anchors that a Markdown renderer makes of the headings."""
    titles = re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def markdown_files() -> list[str]:
    return sorted(name for name in tracked_files() if name.endswith(".md")) or list(DOCUMENTS)


def test_relative_links_lead_somewhere() -> None:
    dead = []
    for document in markdown_files():
        for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", text_of(document)):
            dead += [f"{document}: {link}" for link in target if link and not leads_somewhere(ROOT / document, link)]
    assert not dead, f"dead links: {dead}"


def leads_somewhere(document: Path, link: str) -> bool:
    """Whether a link's file exists, and its heading too where it names one; links into the web count as alive."""
    if re.match(r"[a-z]+:", link):
        return True
    name, _, anchor = link.partition("#")
    target = document.parent / name if name else document
    if not target.exists():
        return False
    return not anchor or anchor in headings(target.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_the_documentation_names_exist(document: str) -> None:
    named = set(PROJECT_PATH.findall(text_of(document)))
    missing = sorted(path for path in named if not (ROOT / path).exists())
    modules = set(re.findall(r"`([\w/]+/\w+\.py)`", text_of(document)))  # as `results/features.py`, seen from the package too
    missing += sorted(path for path in modules if not any((folder / path).is_file() for folder in (ROOT, ROOT / "tfrepr")))
    assert not missing, f"{document} names files that do not exist: {missing}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_and_functions_that_the_documentation_names_exist(document: str) -> None:
    named = set(PROJECT_NAME.findall(text_of(document)))
    missing = sorted(name for name in named if not is_defined(name))
    assert not missing, f"{document} names what the package does not have: {missing}"


def is_defined(dotted: str) -> bool:
    """Whether a dotted name is a module, or a module's top-level function, class or variable."""
    *parents, last = dotted.split(".")
    folder = ROOT.joinpath(*parents)
    if (folder / last).is_dir() or (folder / f"{last}.py").is_file():
        return True
    modules = [folder / "__init__.py", folder / "__init__.pyi"] if folder.is_dir() else [folder.with_suffix(".py")]
    return any(module.is_file() and last in top_level_names(module) for module in modules)


def top_level_names(module: Path) -> set[str]:
    names = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        names |= {target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)}
        names |= {alias.asname or alias.name for alias in getattr(node, "names", [])}
        names |= {node.name} if hasattr(node, "name") else set()
    return names


def documented_commands(document: str) -> list[tuple[str, list[str]]]:
    """Returns the command lines `tfrepr x ...` and `python scripts/x.py ...` of a document: script and words, without comments.

    In running text a command ends where the text in backquotes does.
    """
    joined = re.sub(r"\\\n\s*", " ", text_of(document))
    return [((script or name.replace("-", "_")), shlex.split(rest, comments=True))
            for script, name, rest in COMMAND.findall(joined)]


@functools.cache
def click_command(script: str) -> click.Command:
    """Returns the command of a script in `scripts`."""
    return runpy.run_path(str(ROOT / "scripts" / f"{script}.py"))["main"]


def fault_of(script: str, words: list[str]) -> str | None:
    """Returns what is wrong with a command line, read as the command itself reads it: options, choices, ranges, arguments.

    Benchmarks, which import everything at once, are not loaded: their options must stand in their code.
    """
    benchmark = ROOT / "benchmarks" / f"{script}.py"
    if benchmark.is_file():
        text = benchmark.read_text(encoding="utf-8")
        return next((f"no option {word}" for word in words if word.startswith("-") and f'"{word}"' not in text), None)
    if not (ROOT / "scripts" / f"{script}.py").is_file():
        return "there is no such command"
    try:
        click_command(script).make_context(script, list(words))
    except click.exceptions.Exit:  # --help and --list-voices
        return None
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documented_commands_exist_and_take_their_options(document: str) -> None:
    faults = {f"{script} {shlex.join(words)}": fault_of(script, words) for script, words in documented_commands(document)}
    wrong = {line: fault for line, fault in faults.items() if fault}
    assert not wrong, f"{document} shows commands that do not work: {wrong}"


def test_commands_are_found_in_every_way_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text(
        "```\ntfrepr plot-results --figure a   # words\nKERAS_BACKEND=jax tfrepr train\n.venv/bin/python scripts/train.py \\\n"
        "  --seed 1\n```\nType `tfrepr report`, not tfrepr.attack; tfrepr trains.\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert documented_commands("page.md") == [("plot_results", ["--figure", "a"]), ("train", []), ("train", ["--seed", "1"]),
                                              ("report", [])]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documented_make_targets_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    named = set(re.findall(r"(?:^|`)make (?:[A-Z]+=\S+ )?([a-z-]+)", text_of(document), flags=re.M))
    assert named <= targets, f"{document} names unknown make targets: {sorted(named - targets)}"


def test_the_demo_ends_with_the_quickstarts_own_speaker() -> None:
    spoken, = (config for config in EXPERIMENTS["quickstart"]() if config.label == "speech")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"SPEAKER := {spoken.run_name}\n" in makefile
    assert (ROOT / re.search(r"speak\.py (\S+) --run", makefile).group(1)).is_file()


# Tracked files


@functools.cache
def tracked_files() -> tuple[str, ...]:
    """Returns the tracked files that exist, relative to the root; none where this is not a git checkout."""
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    return tuple(name for name in listing.split("\0") if name and (ROOT / name).is_file())


def test_tracked_files_are_small() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in tracked_files()}
    large = {name: size for name, size in sizes.items() if size > MAX_BYTES}
    assert not large, f"larger than {MAX_BYTES} bytes: {large}"


def test_tracked_files_name_no_path_of_one_machine() -> None:
    found = []
    for name in tracked_files():
        text = (ROOT / name).read_bytes().decode("utf-8", errors="ignore") if is_text(ROOT / name) else ""
        found += [f"{name}: {match.group()}" for match in MACHINE_PATH.finditer(text)]
    assert not found, f"paths that exist on one machine only: {found}"


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:8192]
