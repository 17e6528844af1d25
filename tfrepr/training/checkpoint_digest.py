"""Which network a `.keras` file holds: a digest that records keep, so that another file under the same name is noticed.

The digest is of architecture and weights. The date and the object numbers that Keras adds are left out, so that equal networks
have equal digests, whenever and by which process they were saved.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path

from tfrepr.errors import UserError
from tfrepr.reading import MissingFileError, UnreadableFileError, read_bytes
from tfrepr.runs import RunDirectory

RECORDS = ("metrics.json", "stage.json", "training.json")
"""Files that keep digests of the checkpoints beside them, under `KEY`, by file name."""
KEY = "checkpoints"


def checkpoint_digest(path: Path) -> str:
    """The first 16 hex digits of the SHA-256 of architecture and weights.

    Raises:
        UserError: There is no such file, or it is damaged.
    """
    try:
        content = read_bytes(path)
    except MissingFileError:
        raise MissingFileError(f"There is no checkpoint {path}. Train the run to its end with scripts/train.py.") from None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            layers = re.sub(rb'"shared_object_id": \d+', b"", archive.read("config.json"))
            return hashlib.sha256(layers + archive.read("model.weights.h5")).hexdigest()[:16]
    except Exception as error:  # zipfile and zlib have a dozen kinds of errors for damaged bytes
        raise unloadable(path, error) from None


def checkpoint_digests(folder: Path, *names: str) -> dict[str, dict[str, str]]:
    """What a record keeps of the checkpoints beside it."""
    return {KEY: {name: checkpoint_digest(folder / name) for name in names}}


def check_checkpoint(path: Path) -> None:
    """Compares a checkpoint with the digest in the record beside it; older records have none, and then nothing is compared.

    Raises:
        UserError: There is no such file, it is damaged, or it holds another network.
    """
    run = RunDirectory(path.parent)
    found = checkpoint_digest(path)
    for record in RECORDS:
        if (run / record).is_file():
            recorded = run.read_json(record).get(KEY, {}).get(path.name)
            if recorded not in (None, found):
                raise UserError(f"{path} is not the checkpoint that {record} was written for ({recorded} then, {found} now). "
                                "Put the right file back, or remove the run directory and train again.")


def unloadable(path: Path, error: Exception) -> UnreadableFileError:
    """The error for a checkpoint that cannot be read."""
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return UnreadableFileError(f"{path} cannot be loaded ({first_line[:300]}). Remove the run directory and train again.")
