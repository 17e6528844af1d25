"""What the repository says about itself is true: requirements, links, file names and commands in the documentation."""

from __future__ import annotations

import ast
import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES_OF = {  # distribution -> module, where the names differ
    "adversarial-robustness-toolbox": "art",
    "espeakng-loader": "espeakng_loader",
    "google-cloud-texttospeech": "google",
    "huggingface-hub": "huggingface_hub",
    "keras-hub": "keras_hub",
    "pillow": "PIL",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "tensorflow-io": "tensorflow_io",
}
PACKAGES = {"tfrepr", "tests", "benchmarks"}
NOT_IMPORTED_HERE = {"ruff", "import-linter", "sentencepiece"}  # two commands; KerasHub 0.25 imports the third
CODE, CHECKS = ("tfrepr", "scripts"), ("tests", "benchmarks")
MAX_BYTES = 1_500_000
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/(?:home|root|Users|work|tmp|opt|mnt)/\w|[A-Z]:\\Users)")
PROJECT_PATH = re.compile(
    r"(?<![\w./-])(?:(?:tfrepr|scripts|tests|benchmarks|\.ci)/[\w./-]*\w|requirements[\w-]*\.txt|pyproject\.toml)"
)
PROJECT_NAME = re.compile(r"\btfrepr(?:\.[A-Za-z_]\w*)+")
COMMAND = re.compile(r"\bpython3? +((?:scripts|benchmarks)/\w+\.py[^\n`|]*)")
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "MODEL_CARD.md")


def requirements(name: str) -> set[str]:
    """Returns the distributions that a requirement file names itself, lower case."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.match(r"[\w.-]+", line).group().lower() for line in lines if re.match(r"\w", line)}


def module_of(distribution: str) -> str:
    return MODULES_OF.get(distribution, distribution)


def imported_modules(*folders: str) -> dict[str, Path]:
    """Returns the third-party modules that the code in these folders imports, each with one file that does."""
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    return {name: file for file in files for name in imports_of(file) if not is_own_or_standard(name, file)}


def is_own_or_standard(name: str, importer: Path) -> bool:
    """Whether a module is part of Python, one of our packages, or a file beside the one that imports it."""
    return name in sys.stdlib_module_names or name in PACKAGES or (importer.parent / f"{name}.py").exists()


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


def optional_files() -> list[str]:
    """Returns the requirement files that a user adds for one purpose, such as another backend."""
    optional = {file.name for file in ROOT.glob("requirements-*.txt")} - {"requirements-dev.txt", "requirements-gpu.txt"}
    return sorted(optional)


@pytest.mark.parametrize(
    ("name", "folders"),
    [("requirements.txt", CODE), ("requirements-dev.txt", CHECKS), *((name, CODE + CHECKS) for name in optional_files())],
)
def test_every_requirement_is_used(name: str, folders: tuple[str, ...]) -> None:
    used = imported_modules(*folders)
    unused = {dist for dist in requirements(name) - NOT_IMPORTED_HERE if module_of(dist) not in used}
    assert not unused, f"{name} names {sorted(unused)}, which no file in {folders} imports"


@pytest.mark.parametrize(
    ("folders", "files"), [(CODE, ["requirements.txt"]), (CHECKS, ["requirements.txt", "requirements-dev.txt"])]
)
def test_every_import_is_declared(folders: tuple[str, ...], files: list[str]) -> None:
    declared = {module_of(dist) for name in [*files, *optional_files()] for dist in requirements(name)}
    missing = {name: str(file.relative_to(ROOT)) for name, file in imported_modules(*folders).items() if name not in declared}
    assert not missing, f"imported, but in no requirement file: {missing}"


@pytest.mark.parametrize(("file", "distribution", "fixed"), [
    ("requirements.txt", "filelock", (3, 20, 3)), ("requirements.txt", "pillow", (12, 3)),
    ("requirements.txt", "soundfile", (0, 13)),
    ("requirements-dev.txt", "pytest", (9, 0, 3)), ("requirements-bench.txt", "torch", (2, 10)),
])
def test_lower_bounds_leave_out_releases_with_known_holes(file: str, distribution: str, fixed: tuple[int, ...]) -> None:
    bound = re.search(rf"^{distribution}>=([\d.]+)", (ROOT / file).read_text(encoding="utf-8"), flags=re.M).group(1)
    assert tuple(map(int, bound.split("."))) >= fixed


def test_only_its_own_front_end_needs_tensorflow_io() -> None:
    """It has no maintainer any more: where it is missing, nothing but `--frontend tfio` may notice."""
    importers = [file.name for folder in CODE for file in (ROOT / folder).rglob("*.py") if "tensorflow_io" in imports_of(file)]
    assert importers == ["tfio_frontend.py"]


def test_gpu_requirements_change_only_the_extra() -> None:
    """requirements-gpu.txt asks for the TensorFlow releases of requirements.txt, with their CUDA libraries."""
    plain = re.findall(r"^tensorflow(==.*)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), flags=re.M)
    gpu = re.findall(r"^tensorflow\[and-cuda\](==.*)", (ROOT / "requirements-gpu.txt").read_text(encoding="utf-8"), flags=re.M)
    assert gpu == plain != []


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
    module = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    return module.is_file() and last in top_level_names(module)


def top_level_names(module: Path) -> set[str]:
    names = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        names |= {target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)}
        names |= {alias.asname or alias.name for alias in getattr(node, "names", [])}
        names |= {node.name} if hasattr(node, "name") else set()
    return names


def documented_commands(document: str) -> list[list[str]]:
    """Returns the command lines `python scripts/X.py ...` of a document, split into words, comments left out."""
    joined = re.sub(r"\\\n\s*", " ", text_of(document))
    return [shlex.split(command, comments=True) for command in COMMAND.findall(joined)]


@functools.cache
def help_options(*command: str) -> frozenset[str]:
    """Returns the options that a script lists with `--help`."""
    finished = subprocess.run(
        [sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=3600
    )
    assert finished.returncode == 0, f"{' '.join(command)} --help failed:\n{finished.stderr}"
    return frozenset(re.findall(r"(?<![\w-])--[a-z][\w-]*", finished.stdout))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documented_commands_exist_with_their_options(document: str) -> None:
    wrong = []
    for script, *words in documented_commands(document):
        if not (ROOT / script).is_file():
            wrong.append(script)
            continue
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        wrong += [f"{script} {option}" for option in sorted(given - help_options(script))]
    assert not wrong, f"{document} shows commands that do not work: {wrong}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documented_make_targets_exist(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    named = set(re.findall(r"(?:^|`)make (?:[A-Z]+=\S+ )?([a-z-]+)", text_of(document), flags=re.M))
    assert named <= targets, f"{document} names unknown make targets: {sorted(named - targets)}"


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
