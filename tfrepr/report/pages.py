"""The report: every table and figure of the paper with the paper's numbers beside ours, in Markdown.

No number stands without the count of runs behind it, the epochs they were trained, their device and their data; what was not
run says so. All of it comes from run directories and from the files of experiments without runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from tfrepr.claims.catalogue import judgements
from tfrepr.config import RunConfig
from tfrepr.errors import UserError
from tfrepr.experiments.marking import is_measured
from tfrepr.paper import STATEMENTS
from tfrepr.reading import noted
from tfrepr.registry import EXPERIMENTS, WEAK_EXPERIMENTS
from tfrepr.report.account import account
from tfrepr.report.claim_rows import answers_html, claim_sections, short_claims, verdict_table
from tfrepr.report.external_comparison import comparison_section
from tfrepr.report.robustness import robustness_section
from tfrepr.report.rows import (
    NOT_RUN,
    Row,
    Sources,
    accuracy_rows,
    architecture_rows,
    attack_rows,
    feature_rows,
    history_rows,
    statistics_rows,
    threshold_rows,
)
from tfrepr.results.seeds import RunIndex
from tfrepr.results.tables import read_results
from tfrepr.selection import find_runs
from tfrepr.text_tables import markdown_table, markdown_text
from tfrepr.weak_labels.results import markdown, mean_table, result_table
from tfrepr.weak_labels.runs import FOLDER as WEAK_LABELS
from tfrepr.weak_labels.runs import WeakLabelRun

README, ANSWERS, WEAK_PAGE, LISTEN = "README.md", "docs/results.md", "docs/weak-labels.md", "docs/index.html"
PAGES = {README: ("verdicts",), ANSWERS: ("claims", "results"), WEAK_PAGE: ("weak-labels",), LISTEN: ("answers",)}
"""Pages of the project that the records fill in part: between `<!-- NAME:begin -->` and `<!-- NAME:end -->`."""
COLUMNS = ("", "paper", "ours", "difference", "n", "epochs", "device", "data", "others")
SHORT_COLUMNS = ("", "paper", "ours", "difference", "n", "epochs", "device; data", "command")
ROWS: dict[str, Callable[[Sequence[RunConfig], Sources], Iterator[Row]]] = {
    "figure2": history_rows, "figure3": attack_rows("images"), "figure5": feature_rows, "figure6": attack_rows("clean_correct"),
    "figure7": attack_rows("images"), "figure8": feature_rows, "a1-threshold": threshold_rows, "miniproject": history_rows,
    "table2": lambda cells, sources: statistics_rows(sources),
    "tables3-5": lambda cells, sources: architecture_rows(sources),
}
"""How the rows of an experiment are made, where not by `accuracy_rows`."""
NEXT = {
    **{name: f"python scripts/attack.py --experiment {name}" for name in ("figure3", "figure6", "figure7")},
    **{name: f"python scripts/plot_results.py --experiment {name}" for name in ("figure2", "figure4", "figure5", "figure8")},
    "figure9": "python scripts/analyse.py RUN_DIR",
    "a1-threshold": "python scripts/speak.py --test-set --run RUN_DIR",
}
"""What is to be done with the trained cells."""
FOREST_WORDS = "Forest plot: every comparison of every claim with its interval, margin and verdict"
FOREST_LIMITS = ("*All comparisons that have a difference; of pairs that are compared in many settings (C3, C5) the worst and "
                 "the best for the claim. Where a longer run of a first look has data, the first look is left out.*")
OTHERS = ("Others: what two groups measured with the authors' code (`tfrepr/results/external_runs.py`). Here: accuracy of the "
          "best checkpoint on validation images, with their epochs.")
OTHERS_UNDER_ATTACK = ("Others: what one group measured with the authors' code (`tfrepr/results/external_runs.py`): best "
                       "checkpoint of 100 (category) or 200 epochs, 10,000 test images; gradients of the iterative attack add "
                       "up.")
TRIALS = "Shorter than any experiment asks for, as with `--scale`: they say how a command runs, and enter nothing above."


def read_sources(output: Path) -> Sources:
    """All runs under a folder; none is not an error here."""
    try:
        paths = find_runs(output)
    except UserError:
        paths = []
    results = read_results(paths)
    return Sources(results, RunIndex(results.runs), output)


def with_blocks(text: str, path: Path, blocks: Mapping[str, str]) -> str:
    """The text with other contents between the markers of the blocks.

    Args:
        text: What the file holds.
        path: The file, for messages.
        blocks: By name, from `page_blocks`.

    Raises:
        UserError: It does not have each marker once, in this order.
    """
    for name, content in blocks.items():
        begin, end = (f"<!-- {name}:{word} -->" for word in ("begin", "end"))
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", flags=re.S)
        if (text.count(begin), text.count(end), len(pattern.findall(text))) != (1, 1, 1):
            raise UserError(f"{path} must have one line {begin} and after it one line {end}; the table goes between them.")
        text = pattern.sub(lambda _, new=f"{begin}\n{content}\n{end}": new, text)
    return text


def page_blocks(sources: Sources) -> dict[str, dict[str, str]]:
    """What the records say on each of the `PAGES`: by page and block."""
    judged = judgements(sources)
    contents = {"verdicts": "\n".join(verdict_table(judged)), "answers": answers_html(judged),
                "claims": "\n".join(short_claims(judged)),
                "results": short_table(sources), "weak-labels": "\n".join(weak_label_tables(sources))}
    return {page: {name: contents[name] for name in names} for page, names in PAGES.items()}


def full_report(sources: Sources, picture: str | None = None, figures: Mapping[str, Sequence[str]] | None = None) -> str:
    """Markdown: claims, what a reproduction owes its reader, a section an experiment, other runs, versions, what is left out.

    Args:
        sources: All runs.
        picture: Where the forest plot lies, seen from the report; None where there is none.
        figures: By experiment, lines that show its figures (`published_figures.figure_lines`).
    """
    runs = sources.results.runs
    head = ["# Results", "", "Written by `python scripts/report.py`; do not edit. Ours are means over seeds ± the sample "
            "standard deviation, n counts the seeds; a single run has no deviation. Accuracies and rates are percent, "
            "differences percentage points. Runs that are not finished are left out. "
            f"Runs found: {len(runs)}, {int(runs['finished'].sum())} of them finished.", ""]
    sections = [line for name in EXPERIMENTS for line in (*section(name, sources), *(figures or {}).get(name, ()))]
    forest = [f"![{FOREST_WORDS}]({picture})", "", FOREST_LIMITS, ""] if picture else []
    claims = ["## Claims", "", *forest, *claim_sections(judgements(sources))]
    return "\n".join([*head, *claims, *account(sources), *sections, *robustness_section(sources),
                      *comparison_section(sources), "## Missing and noisy labels", "",
                      *weak_label_tables(sources), "", *_other_runs(sources), *_trials(sources),
                      *_versions(sources), *_notes(sources)]).rstrip() + "\n"


def weak_label_tables(sources: Sources, *, trials: bool = False) -> list[str]:
    """Means over the seeds of all finished runs with missing and with noisy labels, a table each.

    Args:
        sources: Where the runs are.
        trials: Those with a `--scale` alone, instead of all others.
    """
    runs = [WeakLabelRun(path.parent) for path in sorted((sources.output / WEAK_LABELS).glob("*/metrics.json"))]
    scales = [noted(lambda run=run: run.config().scale, None) for run in runs]
    found = result_table([run for run, scale in zip(runs, scales, strict=True)
                          if scale is not None and (scale != 1) == trials])
    if found.empty:
        return [] if trials else ["Not run."]
    lines = []
    for name in WEAK_EXPERIMENTS:
        config = WEAK_EXPERIMENTS[name]()[0]
        rows = found[found["task"] == config.task]
        if len(rows):
            head = f"With `scripts/{config.script}`:" if trials else f"As `python scripts/{config.script} --experiment {name}`:"
            lines += [*([""] if lines else []), head, "", markdown(mean_table(rows)).rstrip()]
    return lines


def section(name: str, sources: Sources) -> list[str]:
    """Title, what the paper says, command, table, and how many cells are left."""
    cells = EXPERIMENTS[name]()
    lines = [f"## {name}", "", EXPERIMENTS.describe(name), ""]
    lines += [f"Paper: {STATEMENTS[name]}", ""] if name in STATEMENTS else []
    then = f" Then: `{NEXT[name]}`." if name in NEXT else ""
    lines += [f"Command: `{command(name)}`.{then} {progress(name, cells, sources)}", ""]
    rows = list(ROWS.get(name, accuracy_rows)(cells, sources))
    others = OTHERS if ROWS.get(name, accuracy_rows) is accuracy_rows else OTHERS_UNDER_ATTACK
    return [*lines, *([*table(rows, others), ""] if rows else [])]


def command(name: str) -> str:
    """What trains the cells of an experiment."""
    return f"python scripts/train.py --experiment {name}"


def progress(name: str, cells: Sequence[RunConfig], sources: Sources) -> str:
    """`"Not run."`, or how many of the cells were trained, at least for one seed, and how others were."""
    if is_measured(name):
        done = (sources.output / f"{name}.json").is_file()
        return "Done." if done else "Not run."
    whole, others = sources.index.trained(cells)
    if not whole and not others:
        return "Not run."
    count = len({cell.replace(seed=0) for cell in cells})
    mixed = [seeds for seeds in map(sources.index.in_mixed_precision, whole) if seeds]
    precisions = " or ".join(sorted({one.precision for seeds in mixed for one in seeds}))
    ways: dict[str, set[int]] = {}
    for seeds in others:
        ways.setdefault(seeds.precision, set()).add(seeds.epochs)
    otherwise = "; ".join(f"{' or '.join(map(str, sorted(ways[precision])))} epochs in {precision}" for precision in ways)
    return f"Trained as asked: {len(whole)} of {count} cells, each with one seed or more" + (
        f", {len(mixed)} of them with `--mixed-precision {precisions}` alone." if mixed else ".") + (
        f" Trained otherwise, some others: {otherwise}." if ways else "")


def table(rows: Sequence[Row], others: str = OTHERS) -> list[str]:
    """A Markdown table of rows; where others measured one of them, with a last column of theirs, and what it is."""
    if all(row.others == "-" for row in rows):
        return markdown_table(COLUMNS[:-1], [astuple(row)[:-1] for row in rows])
    return [*markdown_table(COLUMNS, [astuple(row) for row in rows]), "", others]


def short_table(sources: Sources) -> str:
    """The short table: rows of the paper's tables and figures for which there are runs, then the names of the other lists."""
    rows, left = [], []
    for name in EXPERIMENTS:
        cells = EXPERIMENTS[name]()
        done = progress(name, cells, sources)
        if done == "Not run.":
            left.append(name)
        elif name.startswith("table1"):
            rows += [(f"Table 1: {row.what}", row.paper, row.ours, row.difference, row.n, row.epochs,
                      f"{row.device}; {row.data}", f"`{command(name)}`")
                     for row in accuracy_rows(cells, sources)
                     if row.ours != NOT_RUN and not row.what.endswith("threshold")]
        else:
            rows.append((EXPERIMENTS.describe(name).rstrip("."), "-", f"{done} See RESULTS.md.", "-", "-", "-", "-",
                         f"`{command(name)}`"))
    lines = markdown_table(SHORT_COLUMNS, rows) if rows else []
    return "\n".join([*lines, *([""] if rows and left else []),
                      *([f"Not run: {', '.join(f'`{name}`' for name in left)}."] if left else [])])


def _other_runs(sources: Sources) -> list[str]:
    """Accuracies of finished runs that are cells of no experiment."""
    rows = list(accuracy_rows(sources.index.other_cells(), sources))
    return ["## Other runs", "", *table(rows), ""] if rows else []


def _trials(sources: Sources) -> list[str]:
    """Accuracies of runs that are too short to stand for a cell of an experiment."""
    index = RunIndex(sources.results.runs, trials=True)
    rows, weak = list(accuracy_rows(index.cells(), replace(sources, index=index))), weak_label_tables(sources, trials=True)
    lines = [*(table(rows) if rows else []), *([""] if rows and weak else []), *weak]
    return ["## Trials", "", TRIALS, "", *lines, ""] if lines else []


def _versions(sources: Sources) -> list[str]:
    """What the runs ran on; more than one line means that numbers above may mix them."""
    runs = sources.results.runs
    if runs.empty:
        return []
    names = ("commit", "backend", "device", "python", "versions")
    counts = Counter(tuple(str(value) if value is not None and value == value else "not recorded" for value in values)
                     for values in runs[list(names)].itertuples(index=False))
    mixed = "Means over runs of several versions are marked above. " if len(counts) > 1 else ""
    return ["## Versions", "", f"{mixed}A commit ending in `-modified` had changes that were not committed.", "",
            *markdown_table(("runs", *names), [(str(count), *values) for values, count in counts.most_common()]), ""]


def _notes(sources: Sources) -> list[str]:
    """Torn lines and unreadable files."""
    notes = [f"- {markdown_text(note.replace(str(sources.output), 'output', 1))}" for note in sources.results.notes]
    return ["## Left out", "", *notes, ""] if notes else []
