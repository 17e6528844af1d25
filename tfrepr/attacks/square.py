"""The l-infinity Square attack: random search over square patches, using scores only, never a gradient.

Andriushchenko, Croce, Flammarion and Hein 2020 (https://arxiv.org/abs/1912.00049), algorithms 1 and 2, own implementation,
for a whole batch at once. A black-box attack that beats the gradient attacks is a sign that the model hides its gradient.
"""

from collections.abc import Callable

import numpy as np

HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Iterations (of 10,000) after which the patch's share of the image halves (paper section 4, "schedule of p")."""
FIRST_SHARE = 0.8
"""Share of the image that the first patches cover, the value for few queries (AutoAttack, https://arxiv.org/abs/2003.01690)."""


def patch_side(query: int, queries: int, height: int, width: int) -> int:
    """Side of the square patch at one query, pixels: at least 1, at most one less than the image's shorter side."""
    scaled = query * 10_000 / queries
    share = FIRST_SHARE / 2 ** sum(scaled > end for end in HALVINGS)
    return int(np.clip(round(np.sqrt(share * height * width)), 1, max(1, min(height, width) - 1)))


def draws(generator: np.random.Generator, queries: int, width: int, channels: int) -> tuple[np.ndarray, ...]:
    """All random numbers that one image needs, from its own stream, so that no other image can change them.

    Returns:
        Stripe signs int8 `(width, channels)`; patch positions float32 `(queries, 2)` in [0, 1); patch signs int8
        `(queries, channels)`.
    """
    stripes = generator.choice(np.array([-1, 1], dtype=np.int8), size=(width, channels))
    positions = generator.random((queries, 2), dtype=np.float32)
    signs = generator.choice(np.array([-1, 1], dtype=np.int8), size=(queries, channels))
    return stripes, positions, signs


def square_attack(margins: Callable[[np.ndarray, np.ndarray], np.ndarray], images: np.ndarray, class_ids: np.ndarray, *,
                  epsilon: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], queries: int,
                  random: tuple[np.ndarray, ...]) -> np.ndarray:
    """Searches for images that another class wins; rows that are won leave the search.

    Args:
        margins: `(images, class_ids) -> (rows,)`, positive where another class wins (`losses.margin`); rows in any number.
        images: Clean images, float32 `(rows, height, width, channels)`.
        class_ids: True classes, `(rows,)`.
        epsilon: Radius, `(rows, 1, 1, 1)`.
        bounds: Lower and upper end for every pixel (`steps.box`).
        queries: Queries after the one for the vertical stripes.
        random: The three arrays of `draws`, stacked over rows.

    Returns:
        The best image found for every row.
    """
    stripes, positions, signs = random
    best = np.clip(images + epsilon * stripes[:, None], *bounds)
    reached = margins(best, class_ids)
    height, width = images.shape[1:3]
    for query in range(queries):
        active = np.flatnonzero(reached <= 0)
        if not len(active):
            break
        side = patch_side(query, queries, height, width)
        patch = _patches(positions[active, query], side, height, width)
        moved = images[active] + epsilon[active] * signs[active, query][:, None, None]
        moved = np.clip(moved, bounds[0][active], bounds[1][active])
        candidate = np.where(patch[..., None], moved, best[active])
        margin = margins(candidate, class_ids[active])
        better = margin > reached[active]
        best[active[better]], reached[active[better]] = candidate[better], margin[better]
    return best


def _patches(positions: np.ndarray, side: int, height: int, width: int) -> np.ndarray:
    """Which pixels lie in each row's patch, bool `(rows, height, width)`; `positions` in [0, 1) as `(rows, 2)`."""
    top, left = (np.floor(positions[:, axis] * (length - side + 1)).astype(int)[:, None]
                 for axis, length in ((0, height), (1, width)))
    rows, columns = np.arange(height), np.arange(width)
    in_rows, in_columns = (rows >= top) & (rows < top + side), (columns >= left) & (columns < left + side)
    return in_rows[:, :, None] & in_columns[:, None, :]
