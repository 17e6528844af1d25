"""Whether the words of a figure can be read."""

import itertools

from matplotlib.text import Text


def texts(figure):
    """All text that a reader sees: that of hidden panels and of ticks beyond the ends of an axis left out."""
    unseen = set()
    for axes in figure.axes:
        unseen |= set(axes.findobj(Text)) if not axes.get_visible() else set()
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            unseen |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in unseen]


def assert_legible(figure, smallest=6):
    """No text smaller than that, beyond the page, or on another text (slanted texts lie in overlapping boxes)."""
    figure.draw_without_rendering()
    boxes = [(text, text.get_window_extent()) for text in texts(figure)]
    for text, box in boxes:
        assert text.get_fontsize() >= smallest
        assert (box.min >= figure.bbox.min - 1).all(), text
        assert (box.max <= figure.bbox.max + 1).all(), text
    level = [(text, box) for text, box in boxes if text.get_rotation() % 90 == 0]
    for (first, one), (second, two) in itertools.combinations(level, 2):
        assert not one.padded(-0.5).overlaps(two.padded(-0.5)), (first, second)
