"""What is in a folder of pictures: which sub-folders are classes, which files are pictures, and what is left out.

Everything that reads such a folder goes through `list_folder`, so that all commands see the same classes and say the same about
the rest.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tfrepr.errors import UserError
from tfrepr.names import class_names_from, normalised, printable

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
UNLABELLED_FOLDERS = ("unlabelled", "unlabeled")
"""Sub-folders of these names are no classes: their pictures have no label. Capitals do not matter."""

FOREIGN_FOLDERS = ("@eadir", "__macosx", "#recycle", "$recycle.bin", "lost+found", "system volume information")
"""What archives, network drives and operating systems add, in small letters."""

SHOWN = 3
"""Examples of each kind in the message about what is left out."""

Files = dict[str, list[Path]]
"""The pictures of every class, classes and pictures sorted by name."""


@dataclass
class LeftOut:
    """What a folder holds beside classes and pictures, by kind."""

    root: Path
    kinds: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, kind: str, path: Path) -> None:
        """Notes one entry; `kind` is a plural noun."""
        self.kinds.setdefault(kind, []).append(path)

    def warn(self) -> None:
        """One warning that counts and names everything, where there is anything."""
        if not self.kinds:
            return
        parts = []
        for kind, paths in self.kinds.items():
            names = ", ".join(printable(str(path.relative_to(self.root))) for path in paths[:SHOWN])
            parts.append(f"{kind}: {len(paths)} ({names}{', ...' if len(paths) > SHOWN else ''})")
        warnings.warn(f"Not among the labelled pictures of {printable(str(self.root))} are {'; '.join(parts)}.", stacklevel=1)


@dataclass(frozen=True)
class FolderListing:
    """The content of a folder of pictures.

    Attributes:
        train: Pictures of every class; the test set is drawn from them where `test` is None.
        test: Pictures of every class in the sub-folder `test`, if the folder is divided into `train` and `test`.
        unlabelled: Pictures without label.
    """

    train: Files
    test: Files | None
    unlabelled: list[Path]


def list_folder(root: Path) -> FolderListing:
    """Lists a folder of pictures without opening one.

    Hidden entries are passed over. Classes may be empty here.

    Raises:
        UserError: A folder that cannot be read, fewer than two classes, names that cannot be used, `train` and `test` beside
            other classes or with different ones.

    Warns:
        UserWarning: Whatever else is left out, counted and named.
    """
    left_out, unlabelled = LeftOut(root), []
    folders = _sub_folders(root, left_out, unlabelled)
    if not {"train", "test"} <= set(folders):
        train, test = _classes(root, folders, left_out), None
    else:
        if len(folders) > 2:
            others = ", ".join(name for name in folders if name not in ("train", "test"))
            raise UserError(f"{root} has the sub-folders train and test beside {others}. Keep either train and test alone, or "
                            "one sub-folder a class.")
        train, test = (_classes(root / part, _sub_folders(root / part, left_out), left_out) for part in ("train", "test"))
        if set(train) != set(test):
            raise UserError(f"{root}/train and {root}/test must have the same classes. Only one has: "
                            f"{', '.join(sorted(set(train) ^ set(test)))}.")
    pictures = [picture for folder in unlabelled for picture in _pictures(folder, left_out)]
    for picture in pictures:
        left_out.add("pictures without label, for scripts/pseudo_label.py", picture)
    left_out.warn()
    return FolderListing(train, test, pictures)


def _classes(parent: Path, folders: dict[str, Path], left_out: LeftOut) -> Files:
    if len(folders) < 2:
        raise UserError(f"{parent} must have at least two sub-folders, one a class. Found: {', '.join(folders) or 'none'}.")
    return {name: _pictures(folder, left_out) for name, folder in folders.items()}


def _sub_folders(parent: Path, left_out: LeftOut, unlabelled: list[Path] | None = None) -> dict[str, Path]:
    """Sub-folders that may be classes, by name; those without labels go to `unlabelled`, or are left out where it is None."""
    folders = []
    for path in _visible(parent, left_out):
        if not path.is_dir():
            left_out.add("files beside the class folders", path)
        elif path.name.casefold() not in UNLABELLED_FOLDERS:
            folders.append(path)
        elif unlabelled is not None:
            unlabelled.append(path)
        else:
            left_out.add("folders of pictures without label, which belong beside train and test", path)
    return dict(zip(class_names_from((path.name for path in folders), str(parent)), folders, strict=True))


def _pictures(folder: Path, left_out: LeftOut) -> list[Path]:
    found = []
    for path in _visible(folder, left_out):
        if path.is_dir():
            left_out.add("folders inside class folders", path)
        elif path.suffix.lower() not in SUFFIXES:
            left_out.add(f"files with other endings than {' '.join(SUFFIXES)}", path)
        elif not path.is_file():
            left_out.add("pipes or devices", path)
        else:
            found.append(path)
    return found


def _visible(parent: Path, left_out: LeftOut) -> Iterator[Path]:
    """Entries by name, the same order whichever way a file system spells it, without hidden, foreign and dead ones."""
    try:
        entries = sorted(parent.iterdir(), key=lambda path: (normalised(path.name), path.name))
    except OSError as error:
        raise UserError(f"The folder {parent} cannot be read: {error.strerror}.") from error
    for path in entries:
        if path.name.startswith("."):
            continue
        if path.is_symlink() and not path.exists():
            left_out.add("dead links", path)
        elif path.name.casefold() in FOREIGN_FOLDERS:
            left_out.add("folders of other programs", path)
        else:
            yield path
