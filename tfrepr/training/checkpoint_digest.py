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

REMEDIES = {"metrics.json": "remove the run directory and train again",
            "stage.json": "remove stage.json: the same command then trains this stage again",
            "training.json": "remove training.json: the same command then makes it and its model again"}
"""What to do about a checkpoint, by the record beside it that keeps its digest under `KEY`, by file name."""
KEY = "checkpoints"
ADVICE = "Train the run to its end with scripts/train.py, or remove its directory and train again."


def checkpoint_digest(path: Path, advice: str = ADVICE) -> str:
    """The first 16 hex digits of the SHA-256 of architecture and weights.

    Args:
        path: A `.keras` file.
        advice: What to do where it cannot be read.

    Raises:
        UserError: There is no such file, or it is damaged.
    """
    content = _content(path, advice)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            layers = re.sub(rb'"shared_object_id": \d+', b"", archive.read("config.json"))
            return hashlib.sha256(layers + archive.read("model.weights.h5")).hexdigest()[:16]
    except Exception as error:  # zipfile and zlib have a dozen kinds of errors for damaged bytes
        raise unloadable(path, error, advice) from None


def checkpoint_digests(folder: Path, *names: str) -> dict[str, dict[str, str]]:
    """What a record keeps of the checkpoints beside it."""
    return {KEY: {name: checkpoint_digest(folder / name) for name in names}}


def check_checkpoint(path: Path) -> str:
    """Compares a checkpoint with the digest in the record beside it; older records have none, and then nothing is compared.

    Returns:
        What to do where the file turns out to be damaged all the same.

    Raises:
        UserError: There is no such file, it is damaged, or it holds another network.
    """
    run = RunDirectory(path.parent)
    record = next((name for name in REMEDIES if (run / name).is_file()), None)
    recorded = run.read_json(record).get(KEY, {}).get(path.name) if record else None
    advice = f"Put the right file back, or {REMEDIES[record]}." if record else ADVICE
    if recorded is None:
        _content(path, advice)
    elif (found := checkpoint_digest(path, advice)) != recorded:
        raise UserError(f"{path} is not the checkpoint that {record} was written for ({recorded} then, {found} now). {advice}")
    return advice


def _content(path: Path, advice: str) -> bytes:
    try:
        return read_bytes(path)
    except MissingFileError:
        raise MissingFileError(f"There is no checkpoint {path}. {advice}") from None


def unloadable(path: Path, error: Exception, advice: str) -> UnreadableFileError:
    """The error for a checkpoint that cannot be read."""
    first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return UnreadableFileError(f"{path} cannot be loaded ({first_line[:300]}). {advice}")
