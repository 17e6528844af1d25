"""Small pictures that a network learns in seconds, and commands in this process."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CLASSES = ("bars", "dots", "sheet")
SIDE = 16


def picture(class_id: int, rng: np.random.Generator) -> np.ndarray:
    """Horizontal bars, a dark picture with a light dot, or a light sheet, each with noise; uint8 `(16, 16, 3)`."""
    image = np.full((SIDE, SIDE), 40.0)
    if class_id == 0:
        image[::4] = 220
    elif class_id == 1:
        row, column = rng.integers(2, SIDE - 4, 2)
        image[row : row + 3, column : column + 3] = 230
    else:
        image[:] = 200
    return np.repeat((image + rng.normal(0, 8, image.shape)).clip(0, 255)[..., None], 3, axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder with 24 training and 6 test pictures a class, and 18 unlabelled ones, by turns of the three classes."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for part, count in (("train", 24), ("test", 6)):
        for class_id, name in enumerate(CLASSES):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(picture(class_id, rng)).save(root / part / name / f"{number:02d}.png")
    (root / "unlabelled").mkdir()
    for number in range(18):
        Image.fromarray(picture(number % 3, rng)).save(root / "unlabelled" / f"{number:02d}.png")
    return root


@pytest.fixture(scope="session")
def command():
    """Calls `scripts/<name>.py` in this process; returns click's result."""
    mains = {name: runpy.run_path(str(SCRIPTS / f"{name}.py"))["main"] for name in ("pseudo_label", "clean_labels")}
    return lambda name, *words: CliRunner().invoke(mains[name], words)
