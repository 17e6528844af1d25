"""Waveforms: what a voice or a WAV file says, checked and turned into mono."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfrepr.errors import UserError
from tfrepr.files import refuse_pipes

MAX_SECONDS = 10.0
MIN_SECONDS = 0.1
SILENCE = 1e-4
"""A waveform whose samples span less than this (full scale is 2) is silent."""

QUIET = 1 / 16
"""Peak under which a waveform is amplified before it is analysed."""


@dataclass(frozen=True)
class Waveform:
    """One spoken word.

    Attributes:
        samples: float32 in [-1, 1], `(samples,)`.
        rate: Sampling rate, Hz.
        source: The file or word, for messages.
    """

    samples: np.ndarray
    rate: int
    source: str

    def __post_init__(self) -> None:
        fault = _fault(self.samples, self.rate)
        if fault:
            raise UserError(f"The speech of {self.source} {fault}. Give other speech (--wav-dir) or another word (--spoken).")


    def amplified(self) -> Waveform:
        """Itself, or where the peak lies under 1/16 a copy scaled by a power of two to a peak of 0.5 to 1.

        This lifts quiet recordings over the absolute floors in the front ends: librosa, for one, trims no silence off a signal
        whose loudest frame lies under 0.01. Recordings of usual loudness keep every digit of their published labels.
        """
        peak = np.abs(self.samples).max()
        if peak >= QUIET:
            return self
        return replace(self, samples=np.ldexp(self.samples, -np.frexp(peak)[1]))


def from_pcm(samples: np.ndarray, rate: int, source: str) -> Waveform:
    """A waveform from int16 samples.

    Raises:
        UserError: Silent, too short or too long.
    """
    return Waveform(samples.astype(np.float32) / 32768.0, rate, source)


def read_wav(path: Path) -> Waveform:
    """Reads a WAV file of any bit depth, rate and number of channels (their mean is taken).

    Raises:
        UserError: Not a WAV file, truncated, silent, too short or too long.
    """
    import soundfile

    refuse_pipes(path)
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MAX_SECONDS * file.samplerate:
                raise UserError(f"{path} lasts {file.frames / file.samplerate:.1f} s; at most {MAX_SECONDS:g} s are allowed. "
                                "Cut it to the spoken class name.")
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path} cannot be read as a WAV file: {error.error_string} Record or convert it again.") from error
    if _is_truncated(path):
        raise UserError(f"{path} is truncated: its header announces more samples than the file holds. Copy it again.")
    return Waveform(samples.mean(axis=1), rate, str(path))


def _fault(samples: np.ndarray, rate: int) -> str | None:
    seconds = len(samples) / rate
    if seconds > MAX_SECONDS:
        return f"lasts {seconds:.1f} s; at most {MAX_SECONDS:g} s are allowed"
    if not np.isfinite(samples).all():
        return "contains samples that are not finite numbers"
    if len(samples) == 0 or np.ptp(samples) < SILENCE:
        return "is empty or silent"
    if seconds < MIN_SECONDS:
        return f"lasts {seconds:.3f} s; at least {MIN_SECONDS:g} s are needed"
    return None


def _is_truncated(path: Path) -> bool:
    """Whether a RIFF file ends before its data chunk does; libsndfile reads such files without a word."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return False
        file.seek(12)
        while len(header := file.read(8)) == 8:
            length = int.from_bytes(header[4:], "little")
            if header[:4] == b"data":
                streamed = length >= 0xFFFFFFFF - 64  # written to a pipe: the length was not known
                return not streamed and file.tell() + length > size
            file.seek(length + length % 2, 1)
    return True


def find_wavs(folder: Path, class_names: Sequence[str]) -> list[Path]:
    """The WAV file of every class: `<id>.wav`, `<id>_*.wav` or `<class name>.wav`.

    Raises:
        UserError: No such folder, or classes without a file or with several; all of them are named.
    """
    if not folder.is_dir():
        raise UserError(f"--wav-dir: {folder} is not a folder. Give one that holds a WAV file for each class.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".wav" and path.is_file())
    matches = [[path for path in files if _belongs(path.stem, class_id, name)] for class_id, name in enumerate(class_names)]
    faults = [fault for class_id, name in enumerate(class_names) if (fault := _match_fault(class_id, name, matches[class_id]))]
    owners = [path for path in files if sum(path in match for match in matches) > 1]
    faults += [f"{path.name} fits more than one class" for path in owners]
    if faults:
        raise UserError(f"--wav-dir {folder} must hold one WAV file for each of the {len(class_names)} classes, named "
                        f"<id>.wav, <id>_*.wav or <class name>.wav: {'; '.join(faults)}.")
    return [match[0] for match in matches]


def _belongs(stem: str, class_id: int, name: str) -> bool:
    return stem in (str(class_id), name, name.replace("_", " ")) or stem.startswith(f"{class_id}_")


def _match_fault(class_id: int, name: str, match: Sequence[Path]) -> str | None:
    if not match:
        return f"no file for class {class_id} ({name})"
    if len(match) > 1:
        return f"several files for class {class_id} ({name}): {', '.join(path.name for path in match)}"
    return None


def equal_groups(items: Iterable[bytes]) -> list[list[int]]:
    """Indices of equal items, one list for each group of two or more.

    Example:
        >>> equal_groups([b"a", b"b", b"a"])
        [[0, 2]]
    """
    groups: dict[bytes, list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault(item, []).append(index)
    return [group for group in groups.values() if len(group) > 1]
