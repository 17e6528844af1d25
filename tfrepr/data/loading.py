"""Where the files of a data source lie, and the data set in them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tfrepr.data.dataset import ImageDataset
from tfrepr.errors import UserError
from tfrepr.files import user_path
from tfrepr.registry import DATASETS


class Source(Protocol):
    """What a config says of its data.

    Attributes:
        dataset: A name of `DATASETS`.
        folder: Folder of the source `folder`, else None.
        image_size: Image side of the source `folder`, pixels; None: its default.
    """

    dataset: str
    folder: str | None
    image_size: int | None


def check_source(source: Source) -> None:
    """Refuses a folder or a size beside another data source than `folder`, and that source without a folder.

    Raises:
        UserError: Says which.
    """
    if (source.folder is not None) != (source.dataset == "folder"):
        raise UserError("The data source `folder` needs the folder's path (--data-dir), and only it takes one. "
                        f"Received: dataset {source.dataset!r}, folder {source.folder!r}.")
    if source.image_size is not None and source.dataset != "folder":
        raise UserError("--image-size is for the data source `folder` only; others have a size of their own. Received: "
                        f"--image-size {source.image_size} with dataset {source.dataset!r}. Leave it out.")


def source_folder(source: Source, data_dir: Path | None) -> Path | None:
    """The folder that `--data-dir` names now, else the one in the config; None: the source looks in its own places."""
    return data_dir or (Path(source.folder) if source.folder is not None else None)


def has_pictures(source: Source) -> bool:
    """Whether the source is a folder of pictures that is there: it may have changed since it was last read."""
    return source.folder is not None and user_path(source.folder).is_dir()


def load_source(source: Source, data_dir: Path | None) -> ImageDataset:
    """The data set as the source has it, neither split nor corrupted.

    Args:
        source: A config.
        data_dir: Folder with the files, where it is not the config's.

    Raises:
        UserError: The data are not there, or cannot be used.
    """
    return DATASETS[source.dataset](source_folder(source, data_dir), source.image_size)
