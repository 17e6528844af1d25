"""The figures of the project's own runs in `plots/results`: what each shows, of which runs it is drawn, where it stands."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tfrepr.errors import UserError
from tfrepr.experiments.dimension_entropy import FACTORS
from tfrepr.figures.drawing import choose_runs, draw
from tfrepr.figures.series import NothingToPlotError
from tfrepr.registry import EXPERIMENTS

FOLDER = Path("plots") / "results"
"""In the project's folder."""
ALL_DATA = ("cifar10-resnet32-*-p100-s0-epochs20-*", "cifar10-resnet32-*-p100-s0-epochs60-*")
FEW_IMAGES = ("cifar10-resnet32-*-p1-s?-*mixedprecisionbfloat16-percentof50000-*",)
PAPERS_EPOCHS = ("cifar10-resnet32-*-p1-s?-mixedprecisionbfloat16-percentof50000-*",)
FACTORIAL = tuple(f"cifar10-resnet32-{label}-p1-s?-mixedprecisionbfloat16-percentof50000-*" for label in FACTORS)


@dataclass(frozen=True)
class PublishedFigure:
    """One file `<name>-<figure>[-<page>].png`.

    Attributes:
        name: Start of the file's name.
        figure: Registered name.
        experiment: Under whose heading RESULTS.md shows it.
        words: What it shows.
        page: Which page of the figure, as `tfrepr.figures.drawing.pages` names it; empty for the only one.
        runs: Patterns of run names; empty: the runs of `experiment`.
        from_records: Whether records alone draw it; the t-SNE needs features, which are not among them.
    """

    name: str
    figure: str
    experiment: str
    words: str
    page: str = ""
    runs: tuple[str, ...] = ()
    from_records: bool = True

    @property
    def file(self) -> str:
        """Its file name."""
        return "-".join(filter(None, (self.name, self.figure, self.page))) + ".png"


PUBLISHED = (
    PublishedFigure("evidence-all-data", "learning-curves", "evidence-all-data",
                    "Training and validation loss on all images", runs=ALL_DATA),
    PublishedFigure("evidence-all-data", "robustness", "evidence-all-data",
                    "Accuracy under the worst attack of each protocol", runs=ALL_DATA),
    PublishedFigure("evidence-all-data", "figure7", "evidence-all-data",
                    "Accuracy under the paper's attacks; hollow markers: others with the authors' code", runs=ALL_DATA),
    PublishedFigure("evidence-all-data", "figure7", "evidence-all-data",
                    "Accuracy under the attacks as the authors' code runs them; hollow markers: others", "authors", ALL_DATA),
    PublishedFigure("evidence-all-data", "figure5", "evidence-all-data",
                    "t-SNE of the features of speech and category while training", from_records=False),
    PublishedFigure("evidence-low-data-bfloat16", "figure4", "evidence-low-data",
                    "Test accuracy with 500 images, the paper's epochs; hollow markers: others with the authors' code",
                    runs=PAPERS_EPOCHS),
    PublishedFigure("evidence-low-data-bfloat16", "learning-curves", "evidence-low-data",
                    "Training and validation loss with 500 images, the paper's epochs", runs=PAPERS_EPOCHS),
    PublishedFigure("evidence-low-data-bfloat16", "test-accuracy", "evidence-baseline",
                    "Test accuracy with 500 images: labels, and category trained in five ways", runs=FEW_IMAGES),
    PublishedFigure("dimension-entropy-p1", "dimension-entropy", "dimension-entropy",
                    "The 2 x 2 of dimension and entropy: test accuracy, and effects", runs=FACTORIAL),
    PublishedFigure("two-cores-all-data", "figure7", "two-cores-all-data",
                    "First look, ten epochs: accuracy under the paper's attacks"),
    PublishedFigure("two-cores-all-data", "figure7", "two-cores-all-data",
                    "First look, ten epochs: accuracy under the attacks of protocol adaptive", "adaptive"),
    PublishedFigure("two-cores-low-data", "figure4", "two-cores-low-data",
                    "First look, 100 epochs: test accuracy with 1% and 4% of the images"),
)


def draw_published(records: Path, project: Path) -> Iterator[Path]:
    """Draws those of `PUBLISHED` that the records have data for, and yields the files; the others stay as they are.

    Args:
        records: Folder of all results, as `output/results`.
        project: The project's folder.
    """
    drawable = (one for one in PUBLISHED if one.from_records)
    with tempfile.TemporaryDirectory() as folder:
        for _, group in groupby(drawable, key=lambda one: (one.name, one.experiment, one.runs)):
            figures = list(group)
            _draw_together(figures, records, Path(folder))
            for one in figures:
                if (Path(folder) / one.file).exists():
                    (project / FOLDER).mkdir(parents=True, exist_ok=True)
                    yield Path(shutil.copyfile(Path(folder) / one.file, project / FOLDER / one.file))


def _draw_together(figures: Sequence[PublishedFigure], records: Path, folder: Path) -> None:
    """Draws figures of the same runs, as far as there are such runs, and these have a figure's data."""
    first = figures[0]
    try:
        _, results = choose_runs(records, None if first.runs else first.experiment, first.runs)
    except UserError:
        return
    for figure in dict.fromkeys(one.figure for one in figures):
        with contextlib.suppress(NothingToPlotError):
            for _ in draw(results, (figure,), folder, first.name, ("png",)):
                pass


def figure_lines(project: Path) -> dict[str, list[str]]:
    """By experiment, lines of Markdown that show its figures, as far as the files exist."""
    return {name: [line for one in PUBLISHED if one.experiment == name and (project / FOLDER / one.file).is_file()
                   for line in (f"![{one.words}]({(FOLDER / one.file).as_posix()})", "", f"*{one.words}.*", "")]
            for name in EXPERIMENTS}
