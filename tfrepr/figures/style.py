"""How every figure looks, and how it is written to disk.

Colours are those of Okabe and Ito ("Color Universal Design", https://jfly.uni-koeln.de/color/), which people with the common
forms of colour blindness tell apart, and seven more. Each label has one colour and one marker in all figures. Sizes are those
of a printed two-column page, so that text of 6 to 8 points keeps its size when the figure is set at its own width.
"""

from __future__ import annotations

import functools
import io
import math
import re
import textwrap
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfrepr.errors import UserError
from tfrepr.files import write_atomically
from tfrepr.registry import unknown_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN_WIDTH = 3.3
FULL_WIDTH = 6.8
"""Inches: one column and the whole width of a two-column page."""

TITLE_SHARE = 0.97
"""Of the width of a figure, what its title may take."""

FORMATS = ("png", "pdf", "eps")
RESOLUTION = 250
"""Dots per inch of PNG files."""

RC = {"font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
      "legend.fontsize": 7, "figure.titlesize": 8, "font.family": "DejaVu Sans", "lines.linewidth": 1.2,
      "lines.markersize": 3.5, "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False,
      "axes.grid": True, "grid.color": "#dddddd", "grid.linewidth": 0.5, "axes.axisbelow": True, "legend.frameon": False,
      "legend.handlelength": 2.2, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "hatch.linewidth": 0.6,
      "errorbar.capsize": 1.5, "pdf.fonttype": 42, "ps.fonttype": 42, "figure.dpi": 100, "text.usetex": False,
      "text.parse_math": False}


@dataclass(frozen=True)
class LabelStyle:
    """Name, colour and marker of one label in every figure."""

    title: str
    color: str
    marker: str


LABEL_STYLES = {
    "category": LabelStyle("Category", "#000000", "o"),
    "category-smoothing": LabelStyle("Category, smoothed", "#666666", "o"),
    "speech": LabelStyle("Speech", "#0072B2", "s"),
    "speech-augmented": LabelStyle("Speech, augmented", "#5D1B40", ">"),
    "shuffle": LabelStyle("Shuffled speech", "#56B4E9", "D"),
    "composite": LabelStyle("Composition of Gaussians", "#009E73", "^"),
    "constant": LabelStyle("Constant matrix", "#E69F00", "v"),
    "random": LabelStyle("Random matrix", "#D55E00", "P"),
    "lowdim": LabelStyle("Low-dim. random", "#CC79A7", "X"),
    "bert": LabelStyle("BERT", "#901C22", "*"),
    "glove": LabelStyle("GloVe", "#071B8A", "p"),
    "onehot": LabelStyle("One-hot, regressed", "#2211EE", "<"),
    "blocks": LabelStyle("Blocks", "#8877FF", "h"),
    "hadamard": LabelStyle("Hadamard code", "#99BBAA", "d"),
}
"""In the order of legends, the paper's labels first. Okabe and Ito's yellow is too pale for a line on white; grey and six
colours that stay apart from the others under red, green and blue blindness fill the list."""

CLASS_COLORS = tuple(look.color for name, look in LABEL_STYLES.items() if name != "bert")[:10]
CLASS_MARKERS = ("o", "^", "s", "X", "D", "v", "P", "<", "*", ">")
"""Of classes in scatter plots: ten colours of labels, with one marker for every ten classes."""

SPARE_COLORS = ("#AA4499", "#44AA99", "#661100", "#332288", "#999933", "#6699CC")
LONGEST = 24
"""Characters in a line of the title of a narrow panel, or of the name of a bar."""
SPARE_MARKERS = ("h", "<", "d", "8", "H")
ENCODER_TITLES = {"resnet8": "ResNet-8", "resnet32": "ResNet-32", "resnet50": "ResNet-50", "resnet110": "ResNet-110",
                  "vgg19": "VGG19", "mini-inception": "MiniInceptionV3",
                  "mini-inception-nobn": "MiniInceptionV3 without BN", "alexnet-small": "AlexNet (small)",
                  "mlp1x512": "MLP 1x512", "mlp3x512": "MLP 3x512"}
DATASET_TITLES = {"digits": "Digits", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "folder": "Own images"}
TRAINING_LINE, VALIDATION_LINE = "-", (0, (4, 1.6))
THRESHOLD_LINE, NEAREST_LINE = "-", (0, (1, 1.2))
"""Line styles of the paper: solid training and dashed validation losses; solid threshold and dotted nearest neighbour."""


def label_style(name: str) -> LabelStyle:
    """The style of a label; one that is not in `LABEL_STYLES` gets a spare style that depends on its name alone."""
    code = zlib.crc32(name.encode())
    spare = LabelStyle(name, SPARE_COLORS[code % len(SPARE_COLORS)], SPARE_MARKERS[code % len(SPARE_MARKERS)])
    return LABEL_STYLES.get(name, spare)


def class_look(class_id: int) -> tuple[str, str]:
    """Colour and marker of a class; those of the first hundred classes are all different."""
    turn, color = divmod(class_id, len(CLASS_COLORS))
    return CLASS_COLORS[color], CLASS_MARKERS[turn % len(CLASS_MARKERS)]


def label_rank(name: str) -> int:
    """Position of a label in legends."""
    order = list(LABEL_STYLES)
    return order.index(name) if name in order else len(order)


def tint(color: str, strength: float) -> tuple[float, float, float]:
    """`color` mixed with white (strength 1: the colour itself). Opaque, since EPS knows no transparency."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(color))
    return red, green, blue


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator: the function draws with the settings `RC`, which leaves Matplotlib's own as they were.

    The figure is laid out once, here, and not again for each format.
    """

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Figure:
        with _settings():
            figure = draw(*args, **kwargs)
            _break_title(figure)
            figure.get_layout_engine().execute(figure)
            figure.set_layout_engine(None)
            return figure

    return drawn


def _break_title(figure: Figure) -> None:
    """Breaks the title of a narrow figure at spaces where it would be cut off."""
    title = next((text for text in figure.texts if text.get_text() == figure.get_suptitle()), None)
    width = 0 if title is None else title.get_window_extent(figure.canvas.get_renderer()).width
    if width > TITLE_SHARE * figure.bbox.width:
        lines = title.get_text().split("\n")
        most = int(max(map(len, lines)) * TITLE_SHARE * figure.bbox.width / width)
        title.set_text("\n".join(part for line in lines for part in _balanced(line, most)))


def _balanced(line: str, most: int) -> list[str]:
    """The line in parts of at most so many characters and about the same length."""
    if len(line) <= most:
        return [line]
    even = math.ceil(len(line) / math.ceil(len(line) / most))
    parts = (textwrap.wrap(line, length, break_long_words=False) for length in range(even, most + 1))
    return min(parts, key=len)


@contextmanager
def _settings() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # names in other scripts become boxes
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, which lays itself out and knows no window system."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def check_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """The formats, each once.

    Raises:
        UserError: A format that is not in `FORMATS`, or none at all.
    """
    formats = tuple(dict.fromkeys(form.strip().lower() for form in formats if form.strip()))
    for form in formats or ("",):
        if form not in FORMATS:
            raise UserError(unknown_name("format", form, FORMATS))
    return formats


def save(figure: Figure, path: Path, formats: Iterable[str] = ("png", "pdf")) -> list[Path]:
    """Writes `<path>.<format>` for every format and returns these paths.

    Each file appears whole or not at all. Equal figures give equal bytes: the files carry no date and no program version.

    Raises:
        UserError: An unknown format, or a folder that cannot be written or is full.
    """
    written = []
    for form in check_formats(formats):
        target = path.with_name(f"{path.name}.{form}")
        write_atomically(target, _file_bytes(figure, form))
        written.append(target)
    return written


def _file_bytes(figure: Figure, form: str) -> bytes:
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}, "eps": None}[form]
    buffer = io.BytesIO()
    with _settings():
        figure.savefig(buffer, format=form, dpi=RESOLUTION, metadata=metadata)
    if form == "eps":
        return re.sub(rb"%%(CreationDate|Creator):[^\n]*\n", b"", buffer.getvalue())
    return buffer.getvalue()
