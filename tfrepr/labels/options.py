"""Everything about a label that a user can choose, beside its name."""

from dataclasses import dataclass

from tfrepr.labels.resampling import RESAMPLERS
from tfrepr.options import option, validate

FRONTENDS = ("librosa",)


@dataclass(frozen=True)
class LabelOptions:
    """Options of label representations; each representation reads the ones that concern it."""

    voice: str = option("en-us", "espeak-ng voice of spoken labels")
    rate: int = option(130, "speaking rate, words a minute", at_least=80, at_most=450)
    pitch: int = option(50, "speaking pitch", at_least=0, at_most=99)
    spoken: tuple[tuple[str, str], ...] = option((), "another word for a class, as automobile=car (repeatable)")
    wav_dir: str | None = option(None, "folder with one WAV file a class: <id>.wav, <id>_*.wav or <class name>.wav")
    resampler: str = option("soxr-hq", "resampling of --wav-dir; kaiser-best-2019 is the authors'", choices=RESAMPLERS)
    frontend: str = option("librosa", "what turns sound into a spectrogram", choices=FRONTENDS)
    label_file: str | None = option(None, "a .npy table, one row a class, used instead of making the label")
    label_seed: int | None = option(None, "seed of drawn labels (default: the authors' own)", at_least=0,
                                    at_most=2**32 - 1)

    def __post_init__(self) -> None:
        validate(self)
