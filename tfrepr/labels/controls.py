"""Labels that are not the paper's: the classes alone, written as few numbers, as an image, and as an error-correcting code.

Every regressed label of the paper changes three things against `category`: the loss, the size of the answer and what the rows
say. These labels take them apart. `onehot` is `category` with the loss of the others; `blocks` is `onehot` at the size of the
others; `hadamard` sets its rows as far apart as a code can. Values are 0 and 80, names of classes are not used.
"""

from __future__ import annotations

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.synthetic import TOP
from tfrepr.registry import LABELS


@LABELS.register("onehot")
def onehot_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """One-hot vectors of 0 and 80, regressed: low-dimensional, low entropy.

    Every two of n rows differ in two elements, which is a mean smooth L1 of 2 * 79.5 / n.

    Returns:
        float32, `(classes, classes)`; `side` is not used.
    """
    return np.eye(len(class_names), dtype=np.float32) * np.float32(TOP)


@LABELS.register("blocks")
def blocks_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """One-hot images, one block of 80 a class and 0 elsewhere: high-dimensional, low entropy.

    `block_grid` says how many rows and columns of blocks there are. All blocks are side // rows pixels high and side // columns
    wide, so that areas are exactly equal. They fill the grid from the upper left, row by row in the order of class ids. Blocks
    beyond the last class and the side % rows and side % columns pixels left over at the lower and right edge stay 0 in every
    row of the table. Ten classes at side 64: two rows of five blocks, 32 x 12 pixels each, four columns left over.

    Every two rows differ in two blocks, which is a mean smooth L1 of 2 * 79.5 * (area of a block) / side^2.

    Returns:
        float32, `(classes, side, side)`.

    Raises:
        UserError: More classes than pixels.
    """
    rows, columns = block_grid(len(class_names), side)
    height, width = side // rows, side // columns
    table = np.zeros((len(class_names), side, side), np.float32)
    for index, label in enumerate(table):
        top, left = height * (index // columns), width * (index % columns)
        label[top:top + height, left:left + width] = TOP
    return table


def block_grid(classes: int, side: int) -> tuple[int, int]:
    """Rows and columns of the grid of `blocks`: of all grids with a cell for every class, the one with the largest cells.

    Cells have whole pixels. Among equal areas, the cells nearest to a square win, then the grid with fewer rows.

    Args:
        classes: At least 1.
        side: Of the label, pixels.

    Raises:
        UserError: More classes than pixels.
    """
    if classes > side * side:
        raise UserError(f"The label blocks gives each class at least one of its {side} x {side} pixels. Received: {classes} "
                        "classes. Choose larger images (a label's side is twice theirs), or --label onehot.")

    def preference(grid: tuple[int, int]) -> tuple[int, float, int]:
        height, width = side // grid[0], side // grid[1]
        return -height * width, max(height, width) / min(height, width), grid[0]

    return min(((rows, -(-classes // rows)) for rows in range(-(-classes // side), side + 1)), key=preference)


@LABELS.register("hadamard")
def hadamard_table(class_names: tuple[str, ...], side: int, options: LabelOptions) -> np.ndarray:
    """Rows of a Hadamard matrix, 80 for 1 and 0 for -1: low-dimensional, as far apart as a code can be.

    The matrix is Sylvester's, of the smallest order (a power of two) above the number of classes; class k has its row k + 1,
    since row 0 is constant. Every two rows differ in half of the elements, which is a mean smooth L1 of 79.5 / 2 whatever the
    number of classes.

    Returns:
        float32, `(classes, order)`; `side` is not used. Ten classes have order 16.

    Reference:
        G. Verma and A. Swami, "Error correcting output codes improve probability estimation and adversarial robustness of deep
        neural networks", NeurIPS 2019. Their bits are tanh outputs of an ensemble; here one network regresses them.
    """
    from scipy.linalg import hadamard

    classes = len(class_names)
    code = hadamard(1 << classes.bit_length())[1:classes + 1]
    return (TOP / 2 * (1 + code)).astype(np.float32)
