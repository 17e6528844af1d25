"""The rows of the report, one function for each kind of table or figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tfrepr.config import SINGLE, RunConfig
from tfrepr.data.splits import share_in_words
from tfrepr.experiments.measurements import read_measurement
from tfrepr.figures.style import DATASET_TITLES, ENCODER_TITLES
from tfrepr.options import off_default, plain_text
from tfrepr.paper import TABLE_5, Published, published
from tfrepr.reading import noted, read_json
from tfrepr.results.external_runs import other_accuracies, other_attack
from tfrepr.results.features import feature_scores
from tfrepr.results.seeds import NOT_MATCHED, Mean, Run, Seeds, distinct_cells
from tfrepr.results.sources import Sources
from tfrepr.results.tables import config_columns

NOT_RUN = "not run"
EPSILONS = (0.1, 0.2, 0.3)
CRITERIA = {"nearest": "test_accuracy", "threshold": "test_threshold_accuracy"}


@dataclass(frozen=True)
class Row:
    """One line of a table, in words.

    Attributes:
        what: Label, encoder and quantity.
        paper: What the paper prints, `"-"` where it prints no number.
        ours: Ours, or `NOT_RUN`.
        difference: Ours minus the paper's, where there are both.
        n: Runs behind our number.
        epochs, device, data: What they were trained for, on and with.
        others: What others measured with the authors' code (`tfrepr.results.external_runs`), `"-"` where they did not.
    """

    what: str
    paper: str = "-"
    ours: str = NOT_RUN
    difference: str = "-"
    n: str = "-"
    epochs: str = "-"
    device: str = "-"
    data: str = "-"
    others: str = "-"


def accuracy_rows(cells: Sequence[RunConfig], sources: Sources) -> Iterator[Row]:
    """Test accuracy by the nearest label and under the threshold, percent (Table 1, Figure 4)."""
    for cell in distinct_cells(cells):
        for criterion, column in CRITERIA.items():
            if (cell.label, criterion) != ("category", "threshold"):
                name = "arg max" if cell.label == "category" else criterion
                others = others_text(cell) if criterion == "nearest" else "-"
                yield from (replace(row, others=others) for row in _compared(
                    cell, f"{title(cell)}, {name}", _table_1(cell, criterion), sources,
                    lambda run, column=column: _percent(run, column)))


def history_rows(cells: Sequence[RunConfig], sources: Sources) -> Iterator[Row]:
    """Losses after the last epoch, and validation accuracy there, percent (Figure 2, the student report)."""
    last = {run: rows.iloc[-1] for run, rows in sources.results.histories.groupby("run")}
    for cell in distinct_cells(cells):
        for name, column, factor in (("training loss", "train_loss", 1), ("validation loss", "val_loss", 1),
                                     ("validation accuracy", "val_accuracy", 100)):
            yield from _compared(cell, f"{title(cell)}, last {name}", None, sources,
                                 lambda run, column=column, factor=factor: _last_value(run, last, column, factor), digits=3)


def attack_rows(reference: str) -> Callable[[Sequence[RunConfig], Sources], Iterator[Row]]:
    """Accuracy under the paper's attacks, percent, nearest label (Figures 3, 6 and 7).

    Args:
        reference: `"images"`, or `"clean_correct"` for the images that were right before the attack (Figure 6).
    """

    def rows(cells: Sequence[RunConfig], sources: Sources) -> Iterator[Row]:
        survived = surviving(sources.results.attacks, "paper", reference)
        kinds = sorted({key[1:4] for key in survived}, reverse=True)
        for cell in distinct_cells(cells):
            for seeds in sources.index.seeds(cell):
                for kind in kinds:
                    means = {epsilon: seeds.mean(lambda run, rest=(*kind, epsilon): survived.get((run["run"], *rest)))
                             for epsilon in EPSILONS}
                    attack, goal, images = kind
                    if any(means.values()):
                        row = _row(f"{title(cell)}, {goal} {attack}, {images:,.0f} images", seeds, means)
                        yield replace(row, others=_others_under_attack(cell, attack, goal) if reference == "images" else "-")

    return rows


def surviving(attacks: pd.DataFrame, protocol: str, reference: str = "images") -> dict[tuple, float]:
    """Percent by run, attack, goal, count of images and epsilon, by the nearest label.

    Args:
        attacks: `Results.attacks`.
        protocol: Of the attacks that are taken.
        reference: Column by which the surviving images are divided.
    """
    attacks = attacks[(attacks["protocol"] == protocol) & (attacks["criterion"] == "nearest")]
    shares = 100 * attacks["still_correct"] / attacks[reference].where(attacks[reference] > 0)
    return {tuple(key): share for *key, share in zip(attacks["run"], attacks["attack"], attacks["goal"], attacks["images"],
                                                     attacks["epsilon"].round(6), shares, strict=True)}


def feature_rows(cells: Sequence[RunConfig], sources: Sources) -> Iterator[Row]:
    """Silhouette and k-NN purity of the features by share of the training (Figures 5 and 8)."""
    for cell in distinct_cells(cells):
        for seeds in sources.index.seeds(cell):
            scores = {run["run"]: feature_scores(Path(run["path"])) for run in seeds.runs}
            shares = sorted({share for by_place in scores.values() for share, _ in by_place})
            for name in ("silhouette", "knn_purity"):
                means = {f"{share:.0%}": seeds.mean(lambda run, at=(share, name), scores=scores: scores[run["run"]].get(at))
                         for share in shares}
                if any(means.values()):
                    yield _row(f"{title(cell)}, {name.replace('_', ' ')}", seeds, means, digits=3, sign="")


def threshold_rows(cells: Sequence[RunConfig], sources: Sources) -> Iterator[Row]:
    """How often two ways of judging an answer agree, percent (A.1; scripts/speak.py writes `spoken/a1.json`)."""
    names = {"threshold_agrees_with_nearest": ("threshold agrees with nearest label", None),
             "threshold_agrees_with_heard": ("threshold agrees with the transcribed sound", 99.4)}
    for cell in distinct_cells(cells):
        for key, (name, paper) in names.items():
            printed = None if paper is None else Published("A.1", cell.dataset, cell.label, key, paper, 0.0, cell.encoder)
            yield from _compared(cell, f"{title(cell)}, {name}", printed, sources,
                                 lambda run, key=key: _json_percent(Path(run["path"]) / "spoken" / "a1.json", key))


def statistics_rows(sources: Sources) -> Iterator[Row]:
    """Table 2: entropy, L1 and L2 of our labels."""
    for row in read_measurement("table2", sources.output):
        if row.get("quantity") in ("entropy", "L1", "L2"):
            ours, printed = Mean(row["mean"], row["spread"], row["classes"]), row["paper_cell"] is not None
            yield Row(f"{row['label']}, {DATASET_TITLES.get(row['dataset'], row['dataset'])}, {row['quantity']}",
                      f"{row['paper_mean']:.2f} ± {row['paper_spread']:.2f}" if printed else "-", ours.text(),
                      _difference(row["mean"], row["paper_mean"]) if printed else "-", f"{row['classes']} labels")


def architecture_rows(sources: Sources) -> Iterator[Row]:
    """Tables 3 to 5: trainable parameters, and the layers of the label decoder."""
    layers = [row for row in read_measurement("tables3-5", sources.output) if row["table"] == "Table 5"]
    for row in read_measurement("tables3-5", sources.output):
        if row["table"] != "Table 5":
            printed = published(row["table"], dataset=row["dataset"], label=row["label"], quantity="parameters",
                                encoder=row["encoder"])
            agrees = "agrees" if printed.agrees(row["value"], 0) else printed.note or f"{row['value'] - printed.mean:+,.0f}"
            yield Row(f"{row['table']}, {row['label']}, {ENCODER_TITLES[row['encoder']]}, {DATASET_TITLES[row['dataset']]}, "
                      "parameters", f"{printed.mean:.3g}", f"{row['value']:,}", agrees, "1 model")
    for expected, row in zip(TABLE_5, layers, strict=False):
        found = tuple(row[name] for name in ("layer", "input", "output", "kernel", "stride", "padding"))
        yield Row(f"Table 5, {row['layer']}", " / ".join(expected[1:]), " / ".join(found[1:]),
                  "agrees" if found == expected else "differs", "1 model")


def title(cell: RunConfig) -> str:
    """`"speech, ResNet-32, CIFAR-10, 4% of 50,000 training images"`; what else is off its default is named too.

    What runs of one cell may differ in is left out: columns beside the title say it.
    """
    options = off_default(cell.label_options)
    own = options.pop("label_file", None)
    parts = [cell.label if own is None else f"label file {Path(own).name}", ENCODER_TITLES.get(cell.encoder, cell.encoder),
             DATASET_TITLES.get(cell.dataset, cell.dataset)]
    parts += [share] if (share := share_in_words(cell.percent, cell.percent_of)) else []
    known = ("percent", "percent_of", "label_options", *NOT_MATCHED)
    parts += [f"{name.replace('_', ' ')} {plain_text(value)}"
              for name, value in {**cell.off_default(), **options}.items() if name not in known]
    return ", ".join(parts)


def others_text(cell: RunConfig) -> str:
    """Validation accuracies that others reached on a cell, percent, as `"88.82 (100 epochs)"`; `"-"` where there are none."""
    found = [(Mean.of(other.values), other.epochs) for other in other_accuracies(config_columns(cell))]
    return "; ".join(f"{mean.text()} ({epochs} epochs{f', n={mean.count}' if mean.count > 1 else ''})"
                     for mean, epochs in found) or "-"


def _others_under_attack(cell: RunConfig, attack: str, goal: str) -> str:
    known = other_attack(config_columns(cell), attack, goal)
    return "; ".join(f"ε {epsilon}: {known[epsilon]:.1f}" for epsilon in EPSILONS if epsilon in known) or "-"


def _compared(cell: RunConfig, what: str, printed: Published | None, sources: Sources,
              value: Callable[[Run], float | None], digits: int = 2) -> Iterator[Row]:
    """A row for each group of seeds that has the value; one that says `NOT_RUN` where the paper has it and we do not."""
    paper = "-" if printed is None else f"{printed.mean:.2f} ± {printed.spread:.2f}" if printed.spread else f"{printed.mean:g}"
    found = [(seeds, mean) for seeds in sources.index.seeds(cell) if (mean := seeds.mean(value)) is not None]
    for seeds, mean in found:
        difference = "-" if printed is None else _difference(mean.value, printed.mean, digits)
        yield Row(what, paper, mean.text(digits), difference, *behind(seeds, mean))
    if not found and printed is not None:
        yield Row(what, paper)


def _row(what: str, seeds: Seeds, means: dict[Any, Mean | None], digits: int = 1, sign: str = "ε ") -> Row:
    """A row of several means, each behind what it belongs to."""
    known = {key: mean for key, mean in means.items() if mean is not None}
    fewest = min(known.values(), key=lambda mean: mean.count)
    return Row(what, "-", "; ".join(f"{sign}{key}: {mean.text(digits)}" for key, mean in known.items()), "-",
               *behind(seeds, fewest))


def behind(seeds: Seeds, mean: Mean) -> tuple[str, str, str, str]:
    """Columns n, epochs, device and data; marks say what a reader should not overlook."""
    epochs = f"{seeds.epochs}" if seeds.epochs >= seeds.cell.epochs else f"{seeds.epochs} of {seeds.cell.epochs}"
    versions = ", mixed versions" if seeds.mixed_versions else ""
    precision = [seeds.precision] if seeds.precision != SINGLE else []
    return (f"{mean.count}{versions}", epochs, ", ".join([seeds.said("device"), *precision]), seeds.said("data_variant"))


def _difference(ours: float, paper: float, digits: int = 2) -> str:
    """With a sign, unless it rounds to nothing."""
    difference = round(ours - paper, digits)
    return f"{difference:+.{digits}f}" if difference else f"{0:.{digits}f}"


def _table_1(cell: RunConfig, criterion: str) -> Published | None:
    if set(cell.off_default()) - {"seed"}:
        return None
    return published("Table 1", dataset=cell.dataset, label=cell.label, quantity=criterion, encoder=cell.encoder)


def _percent(run: Run, column: str) -> float | None:
    return None if run[column] is None else 100 * run[column]


def _last_value(run: Run, last: dict[str, Any], column: str, factor: float) -> float | None:
    return factor * last[run["run"]][column] if run["run"] in last else None


def _json_percent(path: Path, key: str) -> float | None:
    values = noted(lambda: read_json(path, {key: float}, needed=(key,)), {}) if path.exists() else {}
    return 100 * values[key] if key in values else None
