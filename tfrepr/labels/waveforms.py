"""Waveforms: what a voice or a WAV file says, checked and turned into mono."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfrepr.errors import UserError
from tfrepr.names import normalised
from tfrepr.reading import read_bytes

MAX_SECONDS = 10.0
MIN_SECONDS = 0.1
SILENCE = 1e-4
"""A waveform whose samples span less than this (full scale is 2) is silent."""

MOST_BYTES = 256 * 2**20
"""Size of a WAV file at most: ten seconds of eight channels at any rate and depth in use take less."""

RATES, MOST_CHANNELS = (1_000, 768_000), 64
"""Sampling rates in Hz, and channels, that are read; others are a damaged header."""

PLACEHOLDER = 0x7FFF0000
"""Programs that write to a pipe do not know the length and announce 2 or 4 GB; a data chunk from here on is such a one."""

CODINGS = {0x50: "MPEG audio", 0x55: "MP3", 0xFF: "AAC", 0x161: "WMA", 0x162: "WMA", 0x1610: "AAC", 0x2000: "AC-3"}
"""Common codings of WAV files that libsndfile does not read, by format tag."""

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


def wav_bytes(waveform: Waveform) -> bytes:
    """A mono WAV file with 16-bit PCM (paper section 4, "Speech Label Generation"); 16-bit samples come back unchanged."""
    import soundfile

    samples = np.clip(np.rint(waveform.samples * 32768), -32768, 32767).astype(np.int16)
    content = io.BytesIO()
    soundfile.write(content, samples, waveform.rate, format="WAV", subtype="PCM_16")
    return content.getvalue()


def from_pcm(samples: np.ndarray, rate: int, source: str) -> Waveform:
    """A waveform from int16 samples.

    Raises:
        UserError: Silent, too short or too long.
    """
    return Waveform(samples.astype(np.float32) / 32768.0, rate, source)


def wav_content(path: Path) -> bytes:
    """The bytes of a WAV file.

    Raises:
        UserError: A file that is too large for a spoken word, or cannot be read.
    """
    if path.is_file() and (size := path.stat().st_size) > MOST_BYTES:
        raise UserError(f"{path} has {size:,} bytes; a WAV file with a spoken class name has at most {MOST_BYTES:,}. Cut it to "
                        f"{MAX_SECONDS:g} s or less.")
    return read_bytes(path)


def read_wav(path: Path) -> Waveform:
    """Reads a WAV file of any coding that libsndfile knows, any rate and number of channels (their mean is taken).

    Lengths that the writing program did not know are taken to reach to the end of the file.

    Raises:
        UserError: Not a WAV file, a coding that libsndfile does not know, truncated, silent, too short or too long.
    """
    import soundfile

    content = _with_length(wav_content(path), path)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate = file.samplerate
            if not RATES[0] <= rate <= RATES[1] or file.channels > MOST_CHANNELS:
                raise UserError(f"{path} announces {file.channels:,} channels at {rate:,} Hz; at most {MOST_CHANNELS} channels "
                                f"at {RATES[0]:,} to {RATES[1]:,} Hz are read. Record or convert it again.")
            most = int(MAX_SECONDS * rate)
            samples = file.read(min(file.frames, most + 1), dtype="float32", always_2d=True)  # not all codings know their end
    except soundfile.SoundFileError as error:
        coding = CODINGS.get(int.from_bytes(content[20:22], "little")) if content[12:16] == b"fmt " else None
        known = f" Its samples are coded as {coding}, which libsndfile does not read." if coding else ""
        raise UserError(f"{path} cannot be read as a WAV file: {getattr(error, 'error_string', error)}{known} Record it again, "
                        "or convert it to PCM, for example: ffmpeg -i old.wav -c:a pcm_s16le new.wav") from error
    if len(samples) > most:
        raise UserError(f"{path} lasts longer than the {MAX_SECONDS:g} s that are allowed. Cut it to the spoken class name.")
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


def _with_length(content: bytes, path: Path) -> bytes:
    """The content of a RIFF file with a length of its samples that libsndfile understands; of other files as it is.

    libsndfile knows 4 GB as a placeholder, and reads truncated files without a word.

    Raises:
        UserError: Truncated.
    """
    place = 12
    while content[:4] == b"RIFF":
        name, length, start = content[place:place + 4], int.from_bytes(content[place + 4:place + 8], "little"), place + 8
        if name == b"data" and _is_unknown(length, content):
            return content[:start - 4] + b"\xff" * 4 + content[start:]
        if start + length > len(content):
            raise UserError(f"{path} is truncated: its header announces more samples than the file holds. Copy it again.")
        if name == b"data":
            break
        place = start + length + length % 2
    return content


def _is_unknown(length: int, content: bytes) -> bool:
    """Whether the length of the samples is a placeholder: 2 or 4 GB, or 0 where the file's own length is none either."""
    whole = int.from_bytes(content[4:8], "little")
    return length >= PLACEHOLDER or (length == 0 and not 8 < whole < PLACEHOLDER)


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
    stem, name = normalised(stem), normalised(name)
    return stem in (str(class_id), name, name.replace("_", " ")) or stem.startswith(f"{class_id}_")


def _match_fault(class_id: int, name: str, match: Sequence[Path]) -> str | None:
    if not match:
        return f"no file for class {class_id} ({name})"
    if len(match) > 1:
        return f"several files for class {class_id} ({name}): {', '.join(path.name for path in match)}"
    return None
