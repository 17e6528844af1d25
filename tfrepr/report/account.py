"""What a reproduction owes its reader beside results: scope, effort, settings, compute, every seed, threats to validity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd

from tfrepr.config import in_any_precision
from tfrepr.experiments.evidence import BASELINE_DECAYS, BASELINE_RATES
from tfrepr.experiments.marking import is_measured
from tfrepr.figures.style import DATASET_TITLES, ENCODER_TITLES
from tfrepr.paper import paper_epochs
from tfrepr.registry import EXPERIMENTS
from tfrepr.report.rows import title
from tfrepr.results.seeds import Seeds, known
from tfrepr.results.sources import Sources
from tfrepr.text_tables import Markup, markdown_table, markdown_text

EASY = (
    "The paper's text, its appendix and the authors' published label tables settle the labels, the two heads, the recipe and "
    "the attacks; parameter counts and the decoder agree with Tables 3 to 5, but for an exponent that is printed wrong.",
    "Networks are small: one epoch over all images is minutes on one CPU core, 600 epochs with 1% of them about a third of an "
    "hour in bfloat16 and twice as long in float32.",
    "Runs repeat bit for bit on one kind of CPU, so that a changed number means a changed program.")
DIFFICULT = (
    "Spoken labels are made anew with another voice than the authors', so that Table 2's numbers of `speech` differ.",
    "Defaults of PyTorch that the text does not name decide results: weight decay inside the gradient, slopes, padding, moving "
    "variances, initialisation.",
    "The text and the authors' code differ, for example in iterative attacks, which sum gradients in the code; both forms are "
    "protocols here.",
    "Figures 2 to 8 print no numbers, so that only orders and shapes can be compared.",
    "600 epochs on all images take more than a day of one CPU core for each run: the schedules were shortened in proportion.")
SETTINGS = ("batch_size", "learning_rate", "momentum", "weight_decay", "schedule", "label_smoothing", "augmentation",
                "validation", "epochs", "validation_every")
"""Settings in the table of hyperparameters."""
PAPERS = {"batch_size": "128", "learning_rate": "0.1", "momentum": "0.9", "weight_decay": "0.0001; VGG19 with category 0.0005",
          "schedule": "step: times 0.1 at half and three quarters",
          "label_smoothing": "0; in one curve some, it does not say how much",
          "augmentation": "random crops and flips", "validation": "split",
          "epochs": "200 for category, 600 for high-dimensional labels",
          "validation_every": "not said; in the authors' code 1"}


def account(sources: Sources) -> Iterator[str]:
    """The sections, in Markdown."""
    runs = sources.results.runs
    runs = runs[runs["finished"].astype(bool)]
    yield from ("## Scope", "", *_scope(runs), "")
    yield from ("## What was easy", "", *(f"- {line}" for line in EASY), "")
    yield from ("## What was difficult", "", *(f"- {line}" for line in DIFFICULT), "")
    yield from ("## Threats to validity", "", *(f"- {line}" for line in threats(runs)), "")
    yield from ("## Hyperparameters", "", *_hyperparameters(runs), "")
    yield from ("## Compute", "", *compute(sources), "")
    yield from ("## Every seed", "", *every_seed(sources), "")


def _scope(runs: pd.DataFrame) -> Iterator[str]:
    yield ("Tested are the claims of section 1 and of Figures 2 to 7 and Table 1 of Chen et al. (ICLR 2021), with spoken "
           "labels that are made anew and the authors' tables of the labels that are drawn. Tested are claims of our own, too: "
           "equal training, attacks on the decision itself, dimension against entropy.")
    if len(runs):
        said = {"data": _listed(runs, "dataset", lambda name: DATASET_TITLES.get(name, name)),
                "encoders": _listed(runs, "encoder", lambda name: ENCODER_TITLES.get(name, name)),
                "labels": _listed(runs, "label"), "percent of the training images": _listed(runs, "percent", "{:g}".format),
                "epochs": _listed(runs, "epochs", str)}
        yield "Trained so far, in " + "; ".join(f"{name}: {values}" for name, values in said.items()) + "."
    yield ("Not tested: CIFAR-100, ResNet-110 and the whole schedules wherever the tables below say so, the authors' own "
           "recordings, labels from BERT and GloVe.")


def threats(runs: pd.DataFrame) -> Iterator[str]:
    """What may make the verdicts wrong, as far as it is true of these runs."""
    if runs["data_variant"].astype(str).str.contains("copy").any():
        yield ("**The data are a JPEG copy.** All CIFAR-10 images, for training and test, went through JPEG of quality 75. The "
               "claims Data and Data first look ask what that costs networks on original test images; what training on "
               "originals would change, and whether lossy images favour a label or an attack, was not measured.")
    if "speech" in set(runs["label"]):
        yield ("**The voice is espeak-ng's,** not the authors' recordings; that `speech` behaves as theirs is an assumption.")
    if (runs["epochs"] < runs["label"].map(paper_epochs)).any():
        yield ("**Schedules are short.** Where epochs are fewer than the paper's 200 and 600, labels that learn late look "
               "worse than they are. In the paper, in C1 and in C2 category has fewer epochs than the others; C1e and C2b give "
               "all labels the same epochs.")
    if (runs["mixed_precision"] != "off").any():
        yield ("**Half of the precision, in part.** Numbers marked `bfloat16` are of networks that were trained in mixed "
               "precision. The paper does not say in what its networks were trained. Claims compare networks of one precision "
               "alone, but for the claim Precision, which asks what bfloat16 costs.")
    if runs["encoder"].nunique() < len(ENCODER_TITLES):
        yield f"**Few encoders:** {_listed(runs, 'encoder', lambda name: ENCODER_TITLES.get(name, name)) or 'none yet'}."
    yield ("**Single networks.** With all images most labels have one seed: an interval over test images says nothing of "
           "another initialisation.")
    yield ("**One draw of a label.** All seeds of a label train against one table: intervals over seeds say nothing of another "
           "draw of `random`, `shuffle`, `composite` or `lowdim`.")
    yield ("**Attacks may be too weak.** What an attack leaves bounds robustness from above only. Ours have bounds on steps "
           "and queries, and look at part of the test images where the tables say so.")
    yield ("**The label is not all that differs.** Category has another loss, head and learning curve than regressed labels. "
           "D1 to D3 hold these fixed and still leave distances between label rows apart.")
    yield (f"**One machine.** {_listed(runs, 'device', str) or 'None yet'}; sums are rounded elsewhere in another order, which "
           "changes an accuracy as another seed does.")
    yield ("**First looks came first.** Margins of first looks were set after their runs; the same people chose the claims, "
           "the margins and the attacks.")


def _hyperparameters(runs: pd.DataFrame) -> Iterator[str]:
    yield ("Nothing was tuned for the claims: settings are those of the paper (A.4.1), the same for all labels but for "
           "epochs and VGG19's weight decay, which differ there, too. The one "
           f"exception is the experiment `evidence-baseline`, which tries rates {_numbers(BASELINE_RATES)} and weight decays "
           f"{_numbers(BASELINE_DECAYS)} for category with 1%, chosen by validation accuracy; only C2t uses its choice. "
           "Checkpoints are chosen by validation accuracy, among the epochs that were validated.")
    yield ""
    rows = [(name.replace("_", " "), PAPERS[name], Markup(_listed(runs, name, _number)) or "-") for name in SETTINGS]
    yield from markdown_table(("setting", "paper", "our runs"), rows)


def compute(sources: Sources) -> list[str]:
    """Hours of training and of attacks by experiment and device; a run counts once, at the shortest list that asks for it.

    A run that no list asks for counts where its cell is asked for in another precision.
    """
    runs = sources.results.runs
    runs = runs[runs["finished"].astype(bool)]
    if runs.empty:
        return ["Not run."]
    cells = {name: EXPERIMENTS[name]() for name in EXPERIMENTS if not is_measured(name)}
    shortest = sorted(cells, key=lambda name: len(cells[name]))
    asked = [(name, {cell.run_name for cell in cells[name]}) for name in shortest]
    asked += [(name, {way.run_name for cell in cells[name] for way in in_any_precision(cell)})
              for name in shortest]
    attacks = sources.results.attacks.groupby("run")["seconds"].sum()
    table = pd.DataFrame({
        "experiment": [next((name for name, names in asked if run in names), "other runs") for run in runs["run"]],
        "device": runs["device"].map(lambda device: str(device) if known(device) else "not recorded").to_numpy(),
        "training": pd.to_numeric(runs["train_seconds"]).to_numpy(), "attacks": runs["run"].map(attacks).to_numpy()})
    groups = table.groupby(["experiment", "device"])
    sums = groups[["training", "attacks"]].sum()
    rows = [(experiment, device, str(count), f"{row['training'] / 3600:.1f}", f"{row['attacks'] / 3600:.1f}")
            for ((experiment, device), row), count in zip(sums.iterrows(), groups.size(), strict=True)]
    rows.append(("sum", "", str(len(table)), *(f"{table[name].sum() / 3600:.1f}" for name in ("training", "attacks"))))
    return ["Wall-clock hours; training includes validation. Test images, features, spoken answers and the runs with missing "
            "and noisy labels are not counted.", "",
            *markdown_table(("experiment", "device", "runs", "hours of training", "hours of attacks"), rows)]


def every_seed(sources: Sources) -> list[str]:
    """Test accuracy of every run, and validation accuracy of the checkpoint that was tested, percent, by seed."""
    groups = [seeds for cell in sources.index.cells() for seeds in sources.index.seeds(cell)]
    if not groups:
        return ["Not run."]
    rows = [(title(seeds.cell), str(seeds.epochs), seeds.precision, seeds.said("data_variant"),
             *(_by_seed(seeds, column) for column in ("test_accuracy", "best_val_accuracy"))) for seeds in groups]
    return ["Percent, by the nearest label; by validation accuracy the checkpoint was chosen that was tested.", "",
            *markdown_table(("runs", "epochs", "trained in", "data", "test accuracy by seed", "validation accuracy by seed"),
                            sorted(rows))]


def _by_seed(seeds: Seeds, column: str) -> str:
    values = {run["seed"]: run[column] for run in seeds.runs}
    return ", ".join(f"{seed}: {100 * value:.2f}" if known(value) else f"{seed}: -" for seed, value in values.items())


def _listed(runs: pd.DataFrame, column: str, say: Callable[..., str] = str) -> str:
    return markdown_text(", ".join(dict.fromkeys(say(value) for value in sorted(set(runs[column].dropna())))))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _numbers(values: Sequence[float]) -> str:
    return " and ".join(f"{value:g}" for value in values)
