"""Everything about a label that a user can choose, beside its name."""

from dataclasses import dataclass

from tfrepr.labels.frontends import FRONTENDS
from tfrepr.labels.resampling import RESAMPLERS
from tfrepr.labels.tts import SYNTHESIZERS
from tfrepr.names import normalised
from tfrepr.options import LARGEST_SEED, option, validate

LARGEST_LABEL = 1024
"""Side of the label of the largest images, pixels."""


@dataclass(frozen=True)
class LabelOptions:
    """Options of label representations; each representation reads the ones that concern it."""

    tts: str = option("espeak", "what speaks; google needs an account and a network", choices=tuple(SYNTHESIZERS))
    voice: str = option("en-us", "voice of spoken labels, one of --list-voices or of Google's")
    rate: int = option(130, "speaking rate, words a minute", at_least=80, at_most=450)
    pitch: int = option(50, "speaking pitch", at_least=0, at_most=99)
    spoken: tuple[tuple[str, str], ...] = option((), "another word for a class, as automobile=car (repeatable)")
    wav_dir: str | None = option(None, "folder with one WAV file a class: <id>.wav, <id>_*.wav or <class name>.wav")
    resampler: str = option("soxr-hq", "resampling of --wav-dir; kaiser-best-2019 is the authors'", choices=RESAMPLERS)
    frontend: str = option("librosa", "what turns sound into a spectrogram", choices=tuple(FRONTENDS))
    time_shift: int = option(4, "speech-augmented: greatest shift, columns", at_least=0, at_most=LARGEST_LABEL)
    time_mask: int = option(8, "speech-augmented: masked columns, fewer than this", at_least=0, at_most=LARGEST_LABEL)
    frequency_mask: int = option(8, "speech-augmented: masked mel bands, fewer than this", at_least=0,
                                at_most=LARGEST_LABEL)
    label_file: str | None = option(None, "a .npy table, one row a class, used instead of making the label")
    label_seed: int | None = option(None, "seed of drawn labels (default: the authors' own)", at_least=0,
                                    at_most=LARGEST_SEED)
    glove_file: str | None = option(None, "glove.6B.50d.txt, packed or not (default: data/, else read from the web)")
    bert_path: str | None = option(None, "folder of BERT-base-uncased (default: data/bert-base-uncased, else downloaded)")
    bert_side: int | None = option(None, "side of the bert label; 48 is the authors' (default: as the other labels)",
                                   at_least=8, at_most=512)
    authors_order: bool = option(False, "rows of bert and glove for CIFAR-100 in the authors' order, at the wrong classes")

    def __post_init__(self) -> None:
        object.__setattr__(self, "spoken", tuple((normalised(name), normalised(word)) for name, word in self.spoken))
        validate(self)
