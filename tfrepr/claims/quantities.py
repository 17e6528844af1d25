"""What is compared: numbers of one run, and, where the run recorded them, what every test image contributes to them.

A quantity gives a run's numbers by setting, for example by the number of attacked images, so that only numbers of one setting
are compared. Percentages are percent of all images, by the nearest label.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrepr.reading import noted, read_json
from tfrepr.results.answers import ANSWERS_FILE, read_answers
from tfrepr.results.attack_rows import ENSEMBLE, PIXEL_PROTOCOLS, SURVIVORS_FILE, Survivors, values_of
from tfrepr.results.features import feature_scores
from tfrepr.results.seeds import Run, known
from tfrepr.results.signs import Sign, read_signs
from tfrepr.results.sources import Sources
from tfrepr.results.worst_cases import together

if TYPE_CHECKING:
    import pandas as pd

CRITERION = "nearest"
SETTING = ("images", "steps", "restarts", "attack_seed", "loss", "space", "every_iterate")
CONVERGED = 0.9
"""Share of the fall of the training loss after which a run counts as converged."""
SURVIVES = 0.5
"""Share of what a label gains under standard attacks that adaptive attacks must leave."""
PAIRED_FORM = dict.fromkeys(("images", "only_own", "only_other"), int)
"""Of a paired.json, see `tfrepr.analysis.paired_copies`."""

Setting = tuple[Any, ...]


@dataclass(frozen=True)
class Measured:
    """A number of one run.

    Attributes:
        value: The number.
        record: Reads what every test image contributes, float `(images,)`; None where the run did not record it.
    """

    value: float
    record: Callable[[], np.ndarray | None] = lambda: None

    @cached_property
    def images(self) -> np.ndarray | None:
        """The record, or None where there is none, or where its mean is another number: it is of another network then."""
        found = self.record()
        return found if found is not None and abs(found.mean() - self.value) < 1e-6 else None


class Records:
    """The files of runs, each read once.

    Args:
        sources: All runs.
    """

    def __init__(self, sources: Sources) -> None:
        self.index = sources.index
        attacks, self._histories = sources.results.attacks, dict(list(sources.results.histories.groupby("run")))
        self._attacks = dict(list(attacks[attacks["criterion"] == CRITERION].groupby("run")))
        self._files: dict[tuple[str, str], Any] = {}

    def attacks(self, run: Run) -> list[Mapping[str, Any]]:
        """Rows of attacks.csv by the nearest label."""
        return self._once(run, "attacks", lambda: [] if run["run"] not in self._attacks else
                          self._attacks[run["run"]].to_dict("records"))

    def losses(self, run: Run) -> pd.DataFrame | None:
        """Epochs and training losses; None where there are none, or one is no finite number."""
        rows = self._histories.get(run["run"])
        return rows if rows is not None and rows["train_loss"].notna().all() else None

    def survivors(self, run: Run) -> Survivors:
        """Which test images withstood which attack."""
        return self._once(run, "survivors", lambda: Survivors(Path(run["path"]) / SURVIVORS_FILE))

    def signs(self, run: Run) -> dict[str, Sign]:
        """The signs that the run's robustness is evaluated well."""
        return self._once(run, "signs", lambda: noted(lambda: read_signs(Path(run["path"])), {}))

    def answers(self, run: Run) -> np.ndarray | None:
        """Which test images are answered rightly."""
        path = Path(run["path"])
        return self._once(run, "answers", lambda: noted(lambda: read_answers(path)[CRITERION], None)
                          if (path / ANSWERS_FILE).exists() else None)

    def scores(self, run: Run) -> dict[tuple[float, str], float]:
        """Silhouette and k-NN purity by share of the training and name."""
        return self._once(run, "scores", lambda: feature_scores(Path(run["path"])))

    def _once(self, run: Run, kind: str, read: Callable[[], Any]) -> Any:
        if (run["path"], kind) not in self._files:
            self._files[run["path"], kind] = read()
        return self._files[run["path"], kind]


class Quantity(ABC):
    """Something that runs have.

    Attributes:
        unit: Of the number; quantities with one unit share an axis.
        digits: After the point.
        of_images: Whether it is a mean over test images, of which a run may keep a record.
    """

    unit: str = "percentage points"
    digits: int = 1
    of_images: bool = True

    @property
    @abstractmethod
    def title(self) -> str:
        """In words."""

    @property
    def short(self) -> str:
        """The title, shorter where that is possible."""
        return self.title

    @property
    def signs_at(self) -> float | None:
        """The epsilon (1/255) at which attacks must be shown to work before the number says something; None: at none."""
        return None

    @abstractmethod
    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """A run's numbers by setting; of several settings that all runs share, the largest counts."""


@dataclass(frozen=True)
class Accuracy(Quantity):
    """Accuracy on the test images, percent."""

    title = "test accuracy"

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """By the number of test images."""
        if not known(run["test_accuracy"]):
            return {}
        images = int(run["test_images"]) if known(run["test_images"]) else 0
        return {(images,): Measured(100 * run["test_accuracy"], lambda: _percent(records.answers(run)))}


@dataclass(frozen=True)
class Attacked(Quantity):
    """Accuracy under an attack, or under the worst of all attacks of a protocol (`ENSEMBLE`), percent of all images."""

    protocol: str
    attack: str
    goal: str
    epsilon: float

    @property
    def title(self) -> str:
        """In words."""
        return f"accuracy under {self.short}"

    @property
    def short(self) -> str:
        """The title without the words that all attacks share."""
        return f"{self.goal} {self.attack.replace('fgsm', 'FGSM')} ε {self.epsilon:g}"

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """By images, steps, restarts, seed of the attack, loss, space, and whether every iterate counts (`SETTING`)."""
        asked = {"protocol": self.protocol, "attack": self.attack, "goal": self.goal, "epsilon": self.epsilon}
        found = {}
        for row in records.attacks(run):
            if all(row[name] == value for name, value in asked.items()):
                found[values_of(row, SETTING)] = Measured(
                    100 * row["still_correct"] / row["images"],
                    lambda row=row: _survived(records.survivors(run), values_of(row)))
        return found


@dataclass(frozen=True)
class WorstOfAll(Quantity):
    """Accuracy under all attacks on pixels together, percent of all images, from the stored survivors.

    All three protocols count, each in all settings and with all seeds that were tried, so that a weak attack adds nothing.
    """

    epsilon: float

    @property
    def title(self) -> str:
        """In words."""
        return f"accuracy under the worst of all attacks on pixels, {self.epsilon:g}/255"

    @property
    def short(self) -> str:
        """The title without the epsilon."""
        return "worst of all attacks on pixels"

    @property
    def signs_at(self) -> float:
        """Its own epsilon."""
        return self.epsilon

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """By the number of images; none where a protocol is missing, or the signs were seen on other images."""
        seen = {sign.images for sign in records.signs(run).values() if sign.images is not None}
        return {(images,): _measured(withstood) for images, withstood in _together(
            run, records, PIXEL_PROTOCOLS, self.epsilon).items() if not seen or images in seen}


@dataclass(frozen=True)
class KeptShare(Quantity):
    """Accuracy under the worst of all attacks on pixels minus `SURVIVES` times that under the worst of all standard attacks.

    Its difference to category is above 0 where all attacks together leave more than that share of what the label gains under
    standard ones. The gain under standard attacks as a whole is the one denominator.
    """

    epsilon: float

    @property
    def title(self) -> str:
        """In words."""
        return f"worst of all attacks minus {SURVIVES:g} times worst of standard attacks, {self.epsilon:g}/255"

    @property
    def short(self) -> str:
        """The title without the formula."""
        return f"all attacks minus {SURVIVES:.0%} of standard ones"

    @property
    def signs_at(self) -> float:
        """Its own epsilon."""
        return self.epsilon

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """By the number of images."""
        standard = _together(run, records, ("standard",), self.epsilon)
        return {(images,): _measured(kept.images - SURVIVES * standard[images])
                for (images,), kept in WorstOfAll(self.epsilon).of(run, records).items()}


@dataclass(frozen=True)
class ConvergenceEpochs(Quantity):
    """Epochs until `CONVERGED` of the fall of the training loss is done."""

    title = f"epochs to {CONVERGED:.0%} of the fall of the training loss"
    short = "epochs to converge"
    unit = "epochs"
    of_images = False

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """One number."""
        rows = records.losses(run)
        if rows is None:
            return {}
        losses = rows["train_loss"].to_numpy()
        reached = losses <= losses[0] - CONVERGED * (losses[0] - losses.min())
        return {(): Measured(float(rows["epoch"].to_numpy()[reached.argmax()]))}


@dataclass(frozen=True)
class LastLoss(Quantity):
    """Training loss of the last epoch."""

    title = "last training loss"
    unit = "loss"
    digits = 2
    of_images = False

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """One number."""
        rows = records.losses(run)
        return {} if rows is None else {(): Measured(float(rows["train_loss"].iloc[-1]))}


@dataclass(frozen=True)
class FeatureScore(Quantity):
    """Silhouette or k-NN purity of the features at a share of the training."""

    name: str
    share: float
    unit = "score of the features"
    digits = 2
    of_images = False

    @property
    def title(self) -> str:
        """In words."""
        return f"{self.short} of the training"

    @property
    def short(self) -> str:
        """The name and the share alone."""
        return f"{self.name.replace('knn_', 'k-NN ')} at {self.share:.0%}"

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """One number."""
        scores = records.scores(run)
        return {(): Measured(scores[self.share, self.name])} if (self.share, self.name) in scores else {}


@dataclass(frozen=True)
class OriginalMinusCopy(Quantity):
    """Accuracy on original test images minus that on lossy copies of them, percent, of a run trained on copies."""

    title = "accuracy on original images minus that on their copies"
    short = "test accuracy"

    def of(self, run: Run, records: Records) -> dict[Setting, Measured]:
        """By the number of images and the name of the comparison."""
        found = {}
        for file in sorted(Path(run["path"]).glob("evaluation/*/paired.json")) if "copy" in str(run["data_variant"]) else ():
            counts = noted(lambda file=file: read_json(file, PAIRED_FORM, needed=tuple(PAIRED_FORM)), None)
            if counts and min(counts[name] for name in PAIRED_FORM) >= 0 and 0 < counts["images"] >= (
                    counts["only_own"] + counts["only_other"]):
                images, better, worse = (counts[name] for name in ("images", "only_other", "only_own"))
                each = np.repeat([100.0, -100.0, 0.0], [better, worse, images - better - worse])
                found[images, file.parent.name] = Measured(float(each.mean()), lambda each=each: each)
        return found


def _percent(right: np.ndarray | None) -> np.ndarray | None:
    return None if right is None else 100.0 * right


def _survived(survivors: Survivors, key: Setting) -> np.ndarray | None:
    return _percent(survivors[key]) if key in survivors else None


def _measured(images: np.ndarray) -> Measured:
    return Measured(float(images.mean()), lambda: images)


def _together(run: Run, records: Records, protocols: Sequence[str], epsilon: float) -> dict[int, np.ndarray]:
    """By the number of images, which of them withstood these protocols in all settings and with all seeds, in percent.

    Nothing where a protocol is missing, or where which images withstood it is not stored.
    """
    rows = defaultdict(list)
    for row in records.attacks(run):
        if row["protocol"] in protocols and (row["attack"], row["space"], row["epsilon"]) == (ENSEMBLE, "pixel", epsilon):
            rows[int(row["images"])].append(row)
    found = {images: _percent(together(same, records.survivors(run))) for images, same in rows.items()
             if {row["protocol"] for row in same} == set(protocols)}
    return {images: withstood for images, withstood in found.items() if withstood is not None}
