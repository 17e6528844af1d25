"""Labels from language models: GloVe word vectors and BERT's last hidden state (paper section 4, "Other Labels")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfrepr.errors import UserError
from tfrepr.labels.authors_words import authors_words
from tfrepr.labels.cache import cached_table
from tfrepr.labels.glove import lookup_words, word_vectors
from tfrepr.labels.language_model import bert_folder, fingerprint, last_hidden_states
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.spoken_words import spoken_words
from tfrepr.names import equal_classes
from tfrepr.registry import LABELS
from tfrepr.versions import versions

TOP = 80.0
"""BERT labels fill the range 0 to 80, as wide as that of spoken labels."""

RECIPE = 1
"""Raised whenever the way from model to table changes, so that older cached tables are not used."""


@LABELS.register("bert")
def bert(class_names: Sequence[str], side: int, options: LabelOptions) -> np.ndarray:
    """Last hidden state of BERT for the class name, outliers removed (optional libraries).

    The states of the first tokens, one after the other, fill the square row by row: six tokens of 768 numbers, the last one
    cut, for 64 x 64 as in the paper; three tokens exactly for 48 x 48 as in the authors' code (`options.bert_side` 48). The
    paper does not say how states of 768 numbers make 4096; this way the larger label starts with the smaller one's numbers,
    and names of one word piece, which have three tokens, are followed by the states of [PAD] tokens.

    Args:
        class_names: One name per class id.
        side: Side of the label, unless `options.bert_side` gives another.
        options: `spoken`, `bert_path`, `bert_side` and `authors_order` are read.

    Returns:
        float32 in [0, 80], `(classes, side, side)`.

    Raises:
        UserError: No model, no library, names that are empty; see `tfrepr.labels.language_model`.
    """
    side = options.bert_side or side
    words, folder = embedded_words(class_names, options), bert_folder(options.bert_path)
    recipe = {"label": "bert", "recipe": RECIPE, "words": words, "side": side, "files": fingerprint(folder),
              "versions": versions("keras-hub", "tokenizers", "keras", "tensorflow", "numpy")}
    return cached_table(recipe, lambda: bert_labels(last_hidden_states(folder, words, side * side), side))


@LABELS.register("glove")
def glove(class_names: Sequence[str], side: int, options: LabelOptions) -> np.ndarray:
    """GloVe word vector of the class name's first word: 50 numbers.

    Args:
        class_names: One name per class id.
        side: Not used.
        options: `spoken`, `glove_file` and `authors_order` are read.

    Returns:
        float32, about [-3, 3], `(classes, 50)`.

    Raises:
        UserError: No file, words that it does not have, or classes with the same first word.
    """
    words = lookup_words(embedded_words(class_names, options))
    if alike := equal_classes(words, class_names):
        raise UserError(f"GloVe has one vector a word, and these classes start with the same word: {alike}. Give all but one "
                        "another word, for example --spoken NAME=WORD.")
    return word_vectors(words, options.glove_file)


def embedded_labels() -> tuple[str, ...]:
    """Those of `bert` and `glove` whose files lie where they are looked for first; nothing is downloaded to find out."""
    from tfrepr.labels import glove as vectors
    from tfrepr.labels import language_model

    at_hand = {"bert": not language_model.missing_files(language_model.PLACE),
               "glove": any(place.exists() for place in vectors.PLACES)}
    return tuple(label for label, there in at_hand.items() if there)


def embedded_words(class_names: Sequence[str], options: LabelOptions) -> tuple[str, ...]:
    """The word or phrase that stands for each class: its name, what `spoken` says instead, or the authors' list.

    Raises:
        UserError: Names without a letter, or `authors_order` together with `spoken` or for other classes than CIFAR-100's.
    """
    if not options.authors_order:
        return spoken_words(class_names, options.spoken)
    if options.spoken:
        raise UserError("--authors-order takes the authors' own words; drop --spoken.")
    return authors_words(tuple(class_names))


def bert_labels(states: np.ndarray, side: int) -> np.ndarray:
    """Hidden states as labels: outliers set to zero, then minimum and maximum of the table moved to 0 and 80.

    (The authors' CIFAR-10 file is not rescaled; their CIFAR-100 file is.)

    Args:
        states: `(classes, side * side)`.

    Returns:
        float32, `(classes, side, side)`.
    """
    kept = zero_outliers(states)
    lowest, highest = kept.min(), kept.max()
    scaled = (kept - lowest) / (highest - lowest) * TOP
    return scaled.astype(np.float32).reshape(len(states), side, side)


def zero_outliers(table: np.ndarray) -> np.ndarray:
    """Sets entries whose absolute value exceeds mean + 2 standard deviations of the whole table to zero.

    Returns:
        float64, the shape of `table`.
    """
    table = np.asarray(table, np.float64)
    return np.where(np.abs(table) > table.mean() + 2 * table.std(), 0.0, table)
