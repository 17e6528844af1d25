"""The paper's claims beside what our runs say, each with its numbers and a verdict by rules that are the same for all.

A claim is a list of comparisons that ought to come out one way. It is *reproduced* where all of them do and the 95% intervals
over seeds bear every one out, *contradicted* where an interval bears out the opposite of one, and otherwise *agrees* (all come
out as claimed, not all beyond chance), *mixed* or *disagrees*. A single seed has no interval, and its verdict says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfrepr.attacks.diagnosis import adaptive_fall
from tfrepr.comparison import Run
from tfrepr.config import RunConfig
from tfrepr.experiments.two_cores import LOW_DATA_EPOCHS, all_data, low_data
from tfrepr.figures.style import ENCODER_TITLES
from tfrepr.paired import CONFIDENCE, Difference, paired_difference, runs_of
from tfrepr.paper import published
from tfrepr.reading import noted, read_json
from tfrepr.report_rows import Sources, feature_scores

if TYPE_CHECKING:
    import pandas as pd

HIGH_DIMENSIONAL = ("speech", "shuffle", "composite", "random")
HIGH_ENTROPY = ("speech", "random")
"""Those of them among the runs on all data."""
NOT_TESTED, NOTHING_TO_COMPARE = "not tested", "what it compares has not been run here"
CURVES = "curves, no numbers"
"""What the paper has for claims that rest on its figures."""
POINT = 1.0
"""What "about a point" is, percentage points."""
COMPARABLE, ABOVE = ("comparable to category, at most a point below it", -POINT), ("above category", 0.0)
"""What the paper claims for ResNet-32 and for the larger encoders: in words, and the difference that has to be exceeded."""
ADAPTIVE_EPSILONS = (2.0, 4.0, 8.0)
"""Epsilons of C6, in units of 1/255; at 16/255 and more next to nothing is left of any model here."""
SURVIVES = 0.5
"""Share of the gain over category under plain PGD that must be left under adaptive attacks (C6)."""
CONVERGED = 0.9
"""Share of the fall of the training loss after which a run counts as converged (C4)."""
PAIRED_FORM = {"images": int, **dict.fromkeys(("difference", "low", "high", "p_value"), float)}
"""Of a paired.json, see `tfrepr.analysis.paired_copies`."""


@dataclass(frozen=True)
class Check:
    """One comparison that a claim consists of.

    Attributes:
        agrees: Whether it comes out as claimed.
        beyond_chance: Whether the interval over seeds bears that out.
        seeds: Seeds behind it.
    """

    agrees: bool
    beyond_chance: bool
    seeds: int


@dataclass(frozen=True)
class Claim:
    """A row of the table of claims.

    Attributes:
        name: As `"C2"`.
        statement: What the paper says, or what we asked.
        paper: The paper's numbers.
        measured: Our numbers, in words.
        basis: Seeds, epochs, device and data behind them.
        verdict: See the module's docstring; `NOT_TESTED` without runs.
    """

    name: str
    statement: str
    paper: str
    measured: str
    basis: str
    verdict: str


def all_claims(sources: Sources) -> list[Claim]:
    """C1 to C6, from the runs of `two-cores-low-data` and `two-cores-all-data`, and what a lossy copy of the data costs."""
    return [_equal_accuracy(sources), *_low_data_claims(sources), _robustness(sources), _convergence(sources),
            _clusters(sources), _adaptive(sources), _copies(sources)]


def verdict(checks: Sequence[Check]) -> str:
    """The verdict of a claim."""
    if not checks:
        return NOT_TESTED
    doubtful = [check for check in checks if not check.beyond_chance]
    remark = "" if not doubtful else " (one seed)" if all(check.seeds == 1 for check in doubtful) else " (within chance)"
    if any(not check.agrees and check.beyond_chance for check in checks):
        return "contradicted"
    if all(check.agrees for check in checks):
        return f"agrees{remark}" if doubtful else "reproduced"
    return f"{'mixed' if any(check.agrees for check in checks) else 'disagrees'}{remark}"


def differences(cells: Iterable[RunConfig], base: RunConfig, sources: Sources) -> dict[RunConfig, Difference]:
    """Test accuracy of cells minus that of `base`, percentage points, paired by seed; cells without runs are left out."""
    found = {cell: _accuracy_difference(cell, base, sources) for cell in cells}
    return {cell: difference for cell, difference in found.items() if difference is not None}


def _accuracy_difference(first: RunConfig, second: RunConfig, sources: Sources) -> Difference | None:
    return paired_difference(first, second, sources.index, lambda run: 100 * run["test_accuracy"])


def label_name(cell: RunConfig) -> str:
    """`"speech"`, or `"smoothed category"`."""
    return f"smoothed {cell.label}" if cell.label_smoothing else cell.label


def _all_data_cells() -> dict[str, RunConfig]:
    """The cells of `two-cores-all-data` by label."""
    return {cell.label: cell for cell in all_data()}


def _first_run(cell: RunConfig, sources: Sources) -> Run | None:
    """The finished run of a cell with the lowest seed."""
    return next(iter(runs_of(cell, sources.index).values()), None)


def _equal_accuracy(sources: Sources) -> Claim:
    cells = _all_data_cells()
    found = differences((cells[label] for label in (*HIGH_ENTROPY, "constant")), cells["category"], sources)
    checks = [_beyond(difference, -1) if cell.label == "constant" else
              _within(difference, POINT) for cell, difference in found.items()]
    return _claim("C1", "Table 1: with all the data, high-dimensional labels are as accurate as category, within about a "
                  "point; constant is worse", _said(found, cells["category"], sources), cells.values(), checks,
                  sources, paper=_table_1(cells["category"]))


def _table_1(base: RunConfig) -> str:
    """The paper's accuracies as `_said` says ours."""
    printed = {label: published("Table 1", dataset=base.dataset, label=label, quantity="nearest", encoder=base.encoder).mean
               for label in ("category", "speech", "shuffle", "composite", "constant")}
    category = printed.pop("category")
    said = [f"{label} minus category {mean - category:+.1f}" for label, mean in printed.items()]
    return "; ".join([f"category {category:.1f}%", *said, "no random"])


def _within(difference: Difference, limit: float) -> Check:
    inside = abs(difference.mean) <= limit
    reach = difference.half_width
    decided = reach is not None and (abs(difference.mean) + reach <= limit if inside else abs(difference.mean) - reach > limit)
    return Check(inside, decided, difference.count)


def _low_data_claims(sources: Sources) -> Iterator[Claim]:
    cells = low_data()
    for kind in dict.fromkeys(_kind(cell) for cell in cells):
        group = {label_name(cell): cell for cell in cells if _kind(cell) == kind}
        encoder, percent, equal_epochs = kind
        where = f"{percent:g}% of the data, {ENCODER_TITLES[encoder]}{'' if equal_epochs else ', epochs as in the paper'}"
        high = [group[label] for label in HIGH_DIMENSIONAL if label in group]
        above = differences(high, group["category"], sources)
        claimed, limit = COMPARABLE if encoder == "resnet32" else ABOVE
        yield _claim("C2", f"Figure 4, {where}: high-dimensional labels are {claimed}",
                     _said(above, group["category"], sources), group.values(),
                     [_beyond(found, 1, limit) for found in above.values()], sources)
        if "smoothed category" in group:
            yield from _other_labels(group, high, where, sources)


def _kind(cell: RunConfig) -> tuple[str, float, bool]:
    """What cells that are compared have in common: encoder, percent, and whether all labels get the same epochs."""
    return cell.encoder, cell.percent, cell.epochs == LOW_DATA_EPOCHS


def _other_labels(group: dict[str, RunConfig], high: Sequence[RunConfig], where: str, sources: Sources) -> Iterator[Claim]:
    smoothed = differences([group["smoothed category"]], group["category"], sources)
    checks = [_beyond(found, -1, POINT) for found in smoothed.values()]
    yield _claim("C2", f"Figure 4, {where}: label smoothing helps by less than a point",
                 _said(smoothed, group["category"], sources), group.values(), checks, sources)
    for label in ("lowdim", "constant"):
        below = {cell: _accuracy_difference(group[label], cell, sources) for cell in high}
        below = {cell: found for cell, found in below.items() if found is not None}
        said = "; ".join(f"{label} minus {cell.label} {found.text()}" for cell, found in below.items())
        yield _claim("C2", f"Figure 4, {where}: {label} is below the high-dimensional labels", said, group.values(),
                     [_beyond(found, -1) for found in below.values()], sources)


def _beyond(difference: Difference, sign: int, limit: float = 0.0) -> Check:
    """Whether the difference is above the limit (`sign` 1) or below it (-1)."""
    away = sign * (difference.mean - limit)
    return Check(away > 0, difference.half_width is not None and abs(away) > difference.half_width, difference.count)


def _robustness(sources: Sources) -> Claim:
    cells = _all_data_cells()
    rows = _attacks(sources, cells, "paper")
    rows = rows[(rows["criterion"] == "nearest") & (rows["epsilon"] > 0)]
    table = rows.assign(left=100 * rows["still_correct"] / rows["images"]).pivot_table(
        index=["images", "goal", "attack", "steps", "restarts", "attack_seed", "epsilon"], columns="label", values="left")
    checks, said = [], []
    for label in (label for label in HIGH_ENTROPY if {label, "category"} <= set(table)):
        gain = (table[label] - table["category"]).dropna()
        if gain.empty:
            continue
        checks += [Check(value > 0, False, 1) for value in gain]
        said.append(f"{label} is above category in {(gain > 0).sum()} of {len(gain)} settings, by {gain.min():+.1f} to "
                    f"{gain.max():+.1f} points")
    return _claim("C3", "Figures 3, 6 and 7: under FGSM and iterative attacks high-entropy labels keep more accuracy at every "
                  "epsilon (by the nearest label)", "; ".join(said), cells.values(), checks, sources, images=rows)


def _adaptive(sources: Sources) -> Claim:
    cells = _all_data_cells()
    rows = _attacks(sources, cells, None)
    rows = rows[(rows["criterion"] == "nearest") & (rows["protocol"] != "paper")]
    rows = rows[rows["images"] == _common_images(rows[rows["attack"] == "ensemble"])]
    falls = adaptive_fall(rows).reset_index()
    plain = rows[(rows["attack"] == "pgd") & (rows["goal"] == "untargeted") & (rows["protocol"] == "standard")]
    falls = falls.merge(plain.assign(pgd=100 * plain["still_correct"] / plain["images"])[["label", "epsilon", "pgd"]])
    checks, said = [], []
    for epsilon in ADAPTIVE_EPSILONS:
        left = falls[falls["epsilon"] == epsilon].set_index("label")[["pgd", "standard", "adaptive"]]
        if "category" in left.index:
            said.append(f"{epsilon:g}/255: " + ", ".join(f"{label} {' / '.join(f'{value:.1f}' for value in left.loc[label])}"
                                                         for label in cells if label in left.index))
            gains = left - left.loc["category"]
            checks += [Check(gains.loc[label, "adaptive"] > max(0, SURVIVES * gains.loc[label, "pgd"]), False, 1)
                       for label in HIGH_ENTROPY if label in left.index]
    text = ("percent left by untargeted PGD on the training loss / by all standard attacks / by all adaptive attacks, "
            + "; ".join(said))
    return _claim("C6", f"Ours: at least {SURVIVES:.0%} of what high-entropy labels gain under plain PGD is left under attacks "
                  "on the decision itself, from another model and without gradients", text, cells.values(), checks, sources,
                  images=rows, paper="-")


def _common_images(rows: pd.DataFrame) -> int:
    """The largest number of images on which all labels of the rows were attacked by all of their protocols; 0 without one."""
    counts = [set(group["images"]) for _, group in rows.groupby(["label", "protocol"])]
    return max(set.intersection(*counts), default=0) if counts else 0


def _convergence(sources: Sources) -> Claim:
    cells = _all_data_cells()
    ends = {label: end for label, cell in cells.items() if label != "category" and (end := _loss_curve(cell, sources))}
    checks = [Check(ends["constant"][place] > ends[label][place], False, 1) for label in HIGH_ENTROPY
              if {label, "constant"} <= set(ends) for place in (0, 1)]
    said = "; ".join(f"{label}: {epoch} epochs, then {loss:.2f}" for label, (epoch, loss) in ends.items())
    return _claim("C4", f"Figure 2: constant takes longer to converge (here: to {CONVERGED:.0%} of the fall of its training "
                  "loss) and to a higher loss", said, cells.values(), checks, sources)


def _loss_curve(cell: RunConfig, sources: Sources) -> tuple[int, float] | None:
    """Epoch after which `CONVERGED` of the fall of the training loss is done, and the last loss; of the first seed."""
    run = _first_run(cell, sources)
    if run is None:
        return None
    rows = sources.results.histories[sources.results.histories["run"] == run["run"]]
    if rows.empty:
        return None
    losses = rows["train_loss"].to_numpy()
    reached = losses <= losses[0] - CONVERGED * (losses[0] - losses.min())
    return int(rows["epoch"].to_numpy()[reached.argmax()]), float(losses[-1])


def _clusters(sources: Sources) -> Claim:
    cells = {cell.label: cell for cell in all_data() if cell.label in ("category", "speech")}
    runs = {label: _first_run(cell, sources) for label, cell in cells.items()}
    scores = {label: {} if run is None else feature_scores(Path(run["path"])) for label, run in runs.items()}
    places = sorted(set(scores["speech"]) & set(scores["category"]))
    checks = [Check(scores["speech"][place] > scores["category"][place], False, 1) for place in places]
    said = "; ".join(f"{name.replace('_', ' ')} at {', '.join(f'{share:.0%}' for share, other in places if other == name)}: "
                     + ", ".join(f"{label} " + " ".join(f"{scores[label][place]:.2f}" for place in places if place[1] == name)
                                 for label in scores)
                     for name in dict.fromkeys(name for _, name in places))
    return _claim("C5", "Figure 5: features of speech cluster earlier and better (silhouette, k-NN purity over the training)",
                  said, cells.values(), checks, sources, paper="pictures, no numbers")


def _copies(sources: Sources) -> Claim:
    """Of the runs on a copy, what `scripts/evaluate.py --same-images` wrote for the original images."""
    statement = "Ours: a network that was trained on lossy copies is as accurate on original test images as on copies of them"
    found = [(run, counts) for run in sources.results.runs.to_dict("records") if "copy" in str(run["data_variant"])
             for file in sorted(Path(run["path"]).glob("evaluation/*/paired.json"))
             if (counts := noted(lambda file=file: read_json(file, PAIRED_FORM, needed=PAIRED_FORM), None))]
    if not found:
        return Claim("Data", statement, "-", "-", NOTHING_TO_COMPARE, NOT_TESTED)
    said = "; ".join("{} {:+.1f} [{:+.1f}, {:+.1f}], p = {:.2g}".format(
        run["label"], *(100 * counts[name] for name in ("difference", "low", "high")), counts["p_value"])
        for run, counts in found)
    apart = [run["label"] for run, counts in found if counts["p_value"] < 1 - CONFIDENCE]
    basis = (_listed([counts for _, counts in found], lambda counts: f"{counts['images']:,} test images"),
             _listed([run for run, _ in found], lambda run: f"{run['percent']:g}% of the data, {run['epochs']} epochs"),
             _listed([run for run, _ in found], lambda run: run["data_variant"]))
    return Claim("Data", statement, "-", f"original minus copy, points: {said}", "; ".join(basis),
                 f"a difference for {', '.join(apart)}" if apart else "no difference found")


def _attacks(sources: Sources, cells: dict[str, RunConfig], protocol: str | None) -> pd.DataFrame:
    """Rows of attacks.csv of the first seed of each cell, with the columns `dataset`, `encoder` and `label`."""
    runs = {label: _first_run(cell, sources) for label, cell in cells.items()}
    about = {run["run"]: (run["dataset"], run["encoder"], label) for label, run in runs.items() if run is not None}
    rows = sources.results.attacks
    rows = rows[rows["run"].isin(about) & ((rows["protocol"] == protocol) | (protocol is None))]
    return rows.assign(**{name: [about[run][place] for run in rows["run"]]
                          for place, name in enumerate(("dataset", "encoder", "label"))})


def _said(found: dict[RunConfig, Difference], base: RunConfig, sources: Sources) -> str:
    """`"category 34.7%; speech minus category +1.2 [-0.1, +2.5]"`; the first is a mean over the seeds that are compared."""
    compared = {key for cell in found for key in runs_of(cell, sources.index)}
    accuracies = [100 * run["test_accuracy"] for key, run in runs_of(base, sources.index).items() if key in compared]
    return "; ".join([f"{base.label} {math.fsum(accuracies) / max(1, len(accuracies)):.1f}%",
                      *(f"{label_name(cell)} minus {base.label} {difference.text()}" for cell, difference in found.items())])


def _claim(name: str, statement: str, measured: str, cells: Iterable[RunConfig], checks: Sequence[Check], sources: Sources,
           images: pd.DataFrame | None = None, paper: str = CURVES) -> Claim:
    if not checks:
        return Claim(name, statement, paper, "-", NOTHING_TO_COMPARE, NOT_TESTED)
    cells = [cell for cell in cells if runs_of(cell, sources.index)]
    runs = [run for cell in cells for run in runs_of(cell, sources.index).values()]
    fewest, most = min(check.seeds for check in checks), max(check.seeds for check in checks)
    parts = [f"n={fewest}" if fewest == most else f"n={fewest} to {most}", f"{_listed(cells, _epochs)} epochs",
             _listed(runs, lambda run: ENCODER_TITLES[run["encoder"]])]
    parts += [] if images is None else [", ".join(f"{count:,.0f} test images" for count in sorted(set(images["images"])))]
    parts += [_listed(runs, lambda run: run["device"]), _listed(runs, lambda run: run["data_variant"])]
    return Claim(name, statement, paper, measured, "; ".join(parts), verdict(checks))


def _epochs(cell: RunConfig) -> str:
    """`"100 of 600"`, or `"600"` where these are all that the paper has for this label and encoder."""
    paper = cell.replace(epochs=None).epochs
    return f"{cell.epochs}" if cell.epochs >= paper else f"{cell.epochs} of {paper}"


def _listed(runs: Sequence, say: Callable) -> str:
    return " and ".join(sorted({str(say(run)) for run in runs}))
