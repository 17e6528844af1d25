"""The gallery: what each cell shows, in which order, and on which colour scale."""

import itertools

import numpy as np
import pytest

from tfrepr.errors import UserError
from tfrepr.figures.label_tables import draw_gallery
from tfrepr.figures.style import FULL_WIDTH
from tfrepr.labels.tables import LabelTable

NAMES = ("cat", "maple_tree", "dog $x$")


def table(label, shape, class_names=NAMES, dataset=None):
    values = np.random.default_rng(len(label)).normal(10, 5, (len(class_names), *shape)).astype(np.float32)
    return LabelTable(label, dataset, class_names, values)


def shown(figure, tables, columns):
    """The array and image of every cell, row by row, without the column of titles."""
    cells = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(cells) == len(tables) * columns
    return np.array(cells, dtype=object).reshape(len(tables), columns)


def test_one_row_a_label_in_the_papers_order_and_one_column_a_class():
    tables = [table("glove", (7,)), table("speech", (8, 8)), table("category", (3,))]
    cells = shown(draw_gallery(tables), tables, 3)
    for row, expected in zip(cells, (tables[2], tables[1], tables[0]), strict=True):
        for cell, label in zip(row, expected.table, strict=True):
            assert cell.get_array().tolist() == np.atleast_2d(label).tolist()


def test_a_row_shares_one_colour_scale_over_all_classes():
    """Also over the classes that are not shown, so that the scale in the title is the table's."""
    tables = [table("constant", (8, 8))]
    cells = shown(draw_gallery(tables, columns=2), tables, 2)
    limits = (tables[0].table.min(), tables[0].table.max())
    assert all(cell.get_clim() == limits for cell in cells.ravel())


def test_low_frequencies_are_at_the_bottom_and_pictures_stand_upright():
    tables = [table("speech", (8, 8)), table("composite", (8, 8))]
    cells = shown(draw_gallery(tables), tables, 3)
    assert {cell.origin for cell in cells[0]} == {"lower"}
    assert {cell.origin for cell in cells[1]} == {"upper"}


def test_long_vectors_go_on_in_the_next_line():
    tables = [table("glove", (53,))]
    picture = shown(draw_gallery(tables, columns=1), tables, 1)[0, 0].get_array()
    assert picture.shape == (3, 18)
    assert picture.filled(np.nan).ravel()[:53].tolist() == tables[0].table[0].tolist()
    assert picture.mask.ravel()[53:].all()


def test_titles_name_classes_sizes_and_ranges():
    figure = draw_gallery([LabelTable("speech", "cifar10", NAMES, np.linspace(-80, 0, 48, dtype=np.float32).reshape(3, 4, 4))])
    assert [axis.get_title() for axis in figure.axes[1:4]] == ["cat", "maple\ntree", "dog\n$x$"]
    assert figure.axes[0].texts[0].get_text() == "Speech\n4 \N{MULTIPLICATION SIGN} 4, \N{MINUS SIGN}80 to 0"


def test_the_rest_of_many_classes_is_counted():
    names = tuple(f"class{index}" for index in range(30))
    figure = draw_gallery([table("random", (4, 4), names, "cifar100")], columns=20)
    assert figure.get_supxlabel() == "The first 20 of 30 classes of CIFAR-100"
    assert figure.get_size_inches()[0] == pytest.approx(FULL_WIDTH)


def test_texts_lie_within_the_figure_and_beside_the_pictures():
    names = ("automobile", "streetcar", "aquarium_fish", "lawn_mower", "pickup_truck", "television", "skyscraper", "chimpanzee",
             "caterpillar", "motorcycle")
    figure = draw_gallery([table(label, (8, 8), names) for label in ("composite", "speech", "shuffle", "speech-augmented")])
    figure.canvas.draw()
    titles = [text.get_window_extent() for axis in figure.axes for text in axis.texts]
    heads = [axis.title.get_window_extent() for axis in figure.axes[1:11]]
    pictures = [axis.get_window_extent() for axis in figure.axes if axis.images]
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in titles + heads)
    assert max(box.x1 for box in titles) <= min(box.x0 for box in pictures)
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(heads))


@pytest.mark.parametrize(("tables", "columns", "message"), [
    ([], 10, "one or more labels"), ([table("random", (4, 4)), table("speech", (4, 4), ("one", "two"))], 10, "same classes"),
    ([table("random", (4, 4))], 0, "1 to 20"), ([table("random", (4, 4))], 21, "1 to 20")])
def test_refuses_what_cannot_be_shown(tables, columns, message):
    with pytest.raises(UserError, match=message):
        draw_gallery(tables, columns)
