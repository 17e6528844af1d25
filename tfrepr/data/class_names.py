"""The class names of a data source, known without reading an image."""

from __future__ import annotations

from pathlib import Path

from tfrepr.data.sources.cifar import CIFAR10_NAMES, CIFAR100_NAMES
from tfrepr.data.sources.digits import CLASS_NAMES as DIGIT_NAMES
from tfrepr.data.sources.folder_listing import list_folder
from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.names import class_names_from
from tfrepr.registry import DATASETS

DEFAULT_DATASET = "cifar10"
FIXED_NAMES = {"digits": DIGIT_NAMES, "cifar10": CIFAR10_NAMES, "cifar100": CIFAR100_NAMES}


def class_names(dataset: str, folder: Path | None = None) -> tuple[str, ...]:
    """One name per class id.

    Args:
        dataset: A name of `DATASETS`.
        folder: For the source `folder`: its path, see `folder_listing.list_folder`.

    Raises:
        UserError: An unknown source, or a folder that cannot be used.
    """
    DATASETS.check(dataset)
    if dataset in FIXED_NAMES:
        return FIXED_NAMES[dataset]
    if folder is None:
        raise UserError("The data source `folder` needs a folder with one sub-folder a class: give its path with --data-dir.")
    return tuple(list_folder(user_path(folder)).train)


def chosen_classes(dataset: str | None, data_dir: Path | None, names: str | None) -> tuple[str | None, tuple[str, ...] | None]:
    """What the command line's --dataset, --data-dir and --names say.

    Returns:
        Data set and class names: no data set for names of the user's own, neither where nothing was said.

    Raises:
        UserError: Both a data set and names, or either of them wrong.
    """
    if names is not None and dataset is not None:
        raise UserError("--dataset and --names exclude each other; give one of them.")
    if data_dir is not None and dataset != "folder":
        raise UserError("--data-dir names the folder of --dataset folder; labels of other data sets need no data.")
    if names is not None:
        return None, parse_names(names)
    return dataset, class_names(dataset, data_dir) if dataset is not None else None


def parse_names(text: str) -> tuple[str, ...]:
    """Class names written as `apple,pear,plum`.

    Raises:
        UserError: An empty name between two commas, fewer than two names, one name twice, or names that cannot be shown.
    """
    names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or "" in names:
        raise UserError(f"--names wants two or more names with commas between them, such as apple,pear. Received: {text!r}.")
    return class_names_from(names, "--names")
