"""BERT-base-uncased through KerasHub, which runs on the Keras that trains the classifiers (Python 3.10 to 3.13).

The weights are those of the Hugging Face repository google-bert/bert-base-uncased at one fixed revision, or any BERT in a
folder of one's own, in Hugging Face's or in KerasHub's format. KerasHub computes GELU by its tanh approximation, where the
authors' library took the exact function.

Reference:
    J. Devlin, M.-W. Chang, K. Lee and K. Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", 2018; https://arxiv.org/abs/1810.04805.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfrepr.errors import UserError, how_to_install
from tfrepr.files import user_path

REPOSITORY = "google-bert/bert-base-uncased"
REVISION = "86b5e0934494bd15c9632b12f734a8a67f723594"
FILES = ("config.json", "model.safetensors", "vocab.txt")
PLACE = Path("data/bert-base-uncased")
"""Where the folder is looked for when no path is given."""

ALTERNATIVES = {"config.json": ("config.json",), "weights": ("model.safetensors", "model.weights.h5"),
                "vocabulary": ("vocab.txt", "assets/tokenizer/vocabulary.txt")}
"""What a folder must hold, under Hugging Face's name or KerasHub's."""

HOW_TO_FETCH = (f"Fetch {', '.join(FILES)} of {REPOSITORY} (revision {REVISION[:7]}, 440 MB) from huggingface.co and put them "
                f"in the folder {PLACE}, or in any folder that --bert-path then names.")
HOW_TO_INSTALL = f"The label bert needs KerasHub and its tokenizer, which are optional. {how_to_install('embeddings')}"


def bert_folder(bert_path: str | None) -> Path:
    """The folder with the model: the given one, else `PLACE`, else the one that the Hugging Face client keeps or downloads.

    Raises:
        UserError: A folder that lacks a file, or no folder and no web.
    """
    if bert_path is None and not PLACE.exists():
        return _from_web()
    folder = user_path(bert_path) if bert_path else PLACE
    if missing := missing_files(folder):
        raise UserError(f"The BERT model {folder} lacks {', '.join(missing)}. {HOW_TO_FETCH}")
    return folder


def missing_files(folder: Path) -> list[str]:
    """What the folder must hold and does not."""
    return [" or ".join(names) for names in ALTERNATIVES.values() if not any((folder / name).is_file() for name in names)]


def fingerprint(folder: Path) -> dict[str, str]:
    """SHA-256 of every file that decides the outcome."""
    return {key: _sha256(_one_of(folder, key)) for key in ALTERNATIVES}


def last_hidden_states(folder: Path, words: Sequence[str], values: int) -> np.ndarray:
    """The last hidden state of the first tokens of every word.

    A word is tokenised as the model was trained: [CLS], the word pieces, [SEP]; a word of one piece has three tokens. Shorter
    sequences are filled up with [PAD], to which the other tokens do not attend, so that their states do not depend on it.

    Args:
        folder: From `bert_folder`.
        words: One word or phrase per class.
        values: How many numbers are wanted per word; as many tokens are taken as these need.

    Returns:
        float32, `(words, values)`: token after token, cut off after `values`.

    Raises:
        UserError: KerasHub is not installed, files that cannot be read, or more tokens than the model has positions.
    """
    from keras import ops

    backbone, tokenizer = _load(folder)
    tokens = -(-values // backbone.hidden_dim)
    encoded = tokenizer.encode_batch(list(words))
    length = max(tokens, *(len(word.ids) for word in encoded))
    if length > backbone.max_sequence_length:
        raise UserError(f"{values} values a class take {length} tokens, and this BERT has {backbone.max_sequence_length} "
                        "positions. Choose a smaller label, for example --bert-side 48.")
    for word in encoded:
        word.pad(length, pad_id=tokenizer.token_to_id("[PAD]"))
    inputs = {"token_ids": np.array([word.ids for word in encoded], np.int32),
              "padding_mask": np.array([word.attention_mask for word in encoded], np.int32),
              "segment_ids": np.zeros((len(encoded), length), np.int32)}
    states = np.asarray(ops.convert_to_numpy(backbone(inputs, training=False)["sequence_output"]), np.float32)
    return states[:, :tokens].reshape(len(words), -1)[:, :values]


def _load(folder: Path) -> tuple:
    """KerasHub's backbone and the WordPiece tokenizer of its vocabulary."""
    try:
        from keras_hub.models import BertBackbone
        from tokenizers import BertWordPieceTokenizer
    except ImportError as error:
        raise UserError(f"{HOW_TO_INSTALL} Missing: {error.name}.") from error
    try:
        json.loads((folder / "config.json").read_text(encoding="utf-8"))
        backbone = BertBackbone.from_preset(str(folder), dtype="float32")
        tokenizer = BertWordPieceTokenizer(str(_one_of(folder, "vocabulary")), lowercase=True)
    except Exception as error:  # damaged files surface as errors of four libraries
        raise UserError(f"The BERT model {folder} cannot be read ({type(error).__name__}: "
                        f"{' '.join(str(error).split())[:200]}). "
                        f"{HOW_TO_FETCH}") from error
    return backbone, tokenizer


def _from_web() -> Path:
    """The client's own copy, and only where there is none a download."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise UserError(f"{HOW_TO_INSTALL} Missing: {error.name}.") from error
    reason = "files are missing"
    for local in (True, False):
        try:
            folder = Path(snapshot_download(REPOSITORY, revision=REVISION, allow_patterns=list(FILES), local_files_only=local))
        except Exception as error:  # the client reports a missing connection in many ways
            reason = type(error).__name__
            continue
        if not missing_files(folder):
            return folder
    raise UserError(f"The label bert needs the model {REPOSITORY}, and it cannot be downloaded ({reason}). {HOW_TO_FETCH}")


def _one_of(folder: Path, key: str) -> Path:
    return next(folder / name for name in ALTERNATIVES[key] if (folder / name).is_file())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
