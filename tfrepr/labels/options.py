"""Everything about a label that a user can choose, beside its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tfrepr.errors import UserError
from tfrepr.labels.frontends import FRONTENDS
from tfrepr.labels.resampling import RESAMPLERS
from tfrepr.labels.tts import SYNTHESIZERS
from tfrepr.names import normalised
from tfrepr.options import LARGEST_SEED, off_default, option, validate

Config = TypeVar("Config", bound=Any)

LARGEST_LABEL = 1024
"""Side of the label of the largest images, pixels."""

SPOKEN = ("speech", "shuffle", "speech-augmented")
SYNTHESIS = ("tts", "voice", "rate", "pitch", "spoken")
"""Options of the voice; recordings (`wav_dir`) take its place."""
VARIATION = ("time_shift", "time_mask", "frequency_mask")
READ_BY = {
    **dict.fromkeys((*SYNTHESIS, "wav_dir", "resampler", "frontend"), SPOKEN),
    "spoken": (*SPOKEN, "bert", "glove"),
    **dict.fromkeys(VARIATION, ("speech-augmented",)),
    "label_seed": ("shuffle", "random", "lowdim", "composite"),
    "glove_file": ("glove",),
    "bert_path": ("bert",),
    "bert_side": ("bert",),
    "authors_order": ("bert", "glove"),
}
"""The labels that each option has a part in; `label_file` takes the place of any table but that of `category`."""


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

    def unread(self, label: str) -> dict[str, str]:
        """Options off their default that have no part in a label.

        Args:
            label: A name of `LABELS`.

        Returns:
            For each name of a field the sentence that says why, and what to do.
        """
        return {name: sentence for name in off_default(self) if (sentence := self._why_unread(name, label))}

    def _why_unread(self, name: str, label: str) -> str | None:
        flag = f"--{name.replace('_', '-')}"
        if name == "label_file":
            return (f"{flag} gives rows to regress, and the label category has none. Name another label, for example "
                    "--label random, whose table the file then replaces.") if label == "category" else None
        if label not in READ_BY[name]:
            return (f"{flag} has no part in the label {label}. Leave the option out, or name a label that reads it: "
                    f"{', '.join(READ_BY[name])}.")
        if self.label_file is not None and name not in VARIATION:
            return f"{flag} has no part in a label whose table is read from --label-file. Leave one of the two out."
        if self.wav_dir is not None and label in SPOKEN and name in SYNTHESIS:
            return f"{flag} has no part in a label that is made of the recordings in --wav-dir. Leave one of the two out."
        return None


def check_read(options: LabelOptions, labels: Sequence[str]) -> None:
    """Refuses an option that none of the labels reads.

    Args:
        options: What was given.
        labels: Names of `LABELS`.

    Raises:
        UserError: Names the first such option.
    """
    _refuse_unread([options.unread(label) for label in labels])


def with_read_options(configs: Sequence[Config]) -> list[Config]:
    """The configs, without label options that have no part in their label: equal networks get equal names.

    Args:
        configs: Records with the fields `label` and `label_options`.

    Raises:
        UserError: An option that none of their labels reads.
    """
    unread, plain = [config.label_options.unread(config.label) for config in configs], LabelOptions()
    _refuse_unread(unread)
    return [dataclasses.replace(config, label_options=dataclasses.replace(
                config.label_options, **{name: getattr(plain, name) for name in names})) if names else config
            for config, names in zip(configs, unread, strict=True)]


def _refuse_unread(unread: Sequence[dict[str, str]]) -> None:
    for name, sentence in (unread[0] if unread else {}).items():
        if all(name in others for others in unread):
            raise UserError(sentence)
