"""The common look of figures, and how they are written."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.figures.legibility import texts
from tfrepr.errors import UserError
from tfrepr.figures import style
from tfrepr.figures.confusion import draw_confusion
from tfrepr.figures.label_tables import draw_gallery
from tfrepr.figures.rethinking import CORRUPTION_LOOKS, NETWORK_LOOKS
from tfrepr.figures.weak_labels import suspect_sheet
from tfrepr.labels.tables import LabelTable
from tfrepr.registry import LABELS

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
VISION = {"normal": np.eye(3),
          "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
          "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
          "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]}


def seen(color: str, vision: str) -> np.ndarray:
    """CIE Lab of a colour as an eye with that vision sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)[None, None])[0, 0]


PALETTES = {"labels": [look.color for look in style.LABEL_STYLES.values()], "classes": style.CLASS_COLORS,
            "corruptions": [look.color for look in CORRUPTION_LOOKS.values()],
            "networks": [color for color, _ in NETWORK_LOOKS.values()]}


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("vision", VISION)
def test_colors_of_a_figure_differ_for_every_eye(palette, vision):
    for first, second in itertools.combinations(PALETTES[palette], 2):
        assert deltaE_ciede2000(seen(first, vision), seen(second, vision)) > 10, (first, second)


def test_a_hundred_classes_look_different():
    assert len({style.class_look(class_id) for class_id in range(100)}) == 100
    assert len({style.class_look(class_id)[0] for class_id in range(10)}) == 10


def test_lines_stand_out_from_white():
    assert all(seen(label.color, "normal")[0] < 80 for label in style.LABEL_STYLES.values())


def test_every_registered_label_has_its_own_style():
    styles = [style.label_style(name) for name in {*LABELS.names(), *style.LABEL_STYLES}]
    assert len({(one.color, one.marker) for one in styles}) == len({one.title for one in styles}) == len(styles)


def test_unknown_label_keeps_its_style():
    """A fixed choice by the name: another process must draw the same label alike."""
    one = style.label_style("morse")
    assert (one.title, one.color, one.marker) == ("morse", "#999933", "<")


def test_tint_mixes_with_white():
    assert style.tint("#0072B2", 1) == pytest.approx(to_rgb("#0072B2"))
    assert style.tint("#000000", 0.25) == (0.75, 0.75, 0.75)


@style.styled
def picture(width=2.0):
    figure = style.new_figure(width, 1.5)
    figure.subplots().plot([0, 1], [0, 1])
    return figure


def test_equal_figures_give_equal_bytes(tmp_path):
    first = style.save(picture(), tmp_path / "a", style.FORMATS)
    second = style.save(picture(), tmp_path / "b", style.FORMATS)
    assert [path.name for path in first] == ["a.png", "a.pdf", "a.eps"]
    assert all(one.read_bytes() == two.read_bytes() for one, two in zip(first, second, strict=True))
    for path in first:
        assert not any(word in path.read_bytes() for word in (b"CreationDate", b"Matplotlib v", b"matplotlib.org"))


def test_files_are_what_their_names_say(tmp_path):
    png, pdf, eps = (path.read_bytes() for path in style.save(picture(), tmp_path / "a", style.FORMATS))
    assert png.startswith(b"\x89PNG")
    assert pdf.startswith(b"%PDF")
    assert eps.startswith(b"%!PS-Adobe")
    width = int.from_bytes(png[16:20], "big")
    assert width == 2.0 * style.RESOLUTION


def test_failed_write_keeps_the_earlier_file(tmp_path, monkeypatch):
    path, = style.save(picture(), tmp_path / "a", ["png"])
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(UserError, match="disk full"):
        style.save(picture(3.0), tmp_path / "a", ["png"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_format_lists_the_known_ones(tmp_path):
    with pytest.raises(UserError, match=r"Unknown format 'jpg'.*png, pdf, eps"):
        style.save(picture(), tmp_path / "a", ["png", "jpg"])
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("error")
def test_names_are_drawn_as_they_are_written(tmp_path):
    """Dollar signs are no formulas (some would be broken ones), and a leading underscore hides no entry of a legend."""
    from matplotlib.lines import Line2D

    names = ["$x^2$", "$\\frac{a$", "$$", "_hidden", "100%", "{x}", "a&b", "<b>"]
    images = np.zeros((len(names), 8, 8, 3), np.uint8)

    @style.styled
    def keys():
        figure = style.new_figure(style.COLUMN_WIDTH, 2.0)
        figure.subplots()
        figure.legend(handles=[Line2D([], [], label=name) for name in names], title="$\\alpha$")
        return figure

    tables = [LabelTable("random", None, tuple(names), np.random.default_rng(0).random((len(names), 4, 4), np.float32))]
    figures = {"confusion": draw_confusion(np.eye(len(names), dtype=int), names, "a $ \\beta$"),
               "sheet": suspect_sheet(images, np.array(names), np.array(names[::-1]), np.linspace(0, 1, len(names)), None),
               "gallery": draw_gallery(tables), "keys": keys()}
    for name, figure in figures.items():
        assert not any(text.get_parse_math() for text in texts(figure)), name
        assert {"$x^2$", "$$", "{x}"} <= {word for text in texts(figure) for word in text.get_text().split()}, name
        assert len(style.save(figure, tmp_path / name, style.FORMATS)) == 3
    assert [text.get_text() for text in figures["keys"].legends[0].get_texts()] == names


def test_drawing_leaves_matplotlibs_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    picture()
    assert dict(matplotlib.rcParams) == before


def test_a_title_wider_than_its_figure_is_broken_at_spaces():
    def drawn(words):
        @style.styled
        def draw():
            figure = style.new_figure(style.COLUMN_WIDTH, 2.0)
            figure.subplots()
            figure.suptitle(words)
            return figure

        return draw()

    long = "CIFAR-10 (JPEG copy), 1% of the training images, 100 epochs\nsecond line"
    figure = drawn(long)
    assert figure.get_suptitle().split() == long.split()
    assert figure.get_suptitle().count("\n") == 2
    box = figure.texts[0].get_window_extent(figure.canvas.get_renderer())
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert drawn("short").get_suptitle() == "short"
