"""GloVe and BERT labels: a small file of word vectors, a small BERT with random weights, and the arithmetic between."""

import gzip
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tfrepr.data.sources.cifar import CIFAR100_NAMES
from tfrepr.errors import UserError
from tfrepr.labels import embeddings, glove, language_model
from tfrepr.labels.authors_words import SUPERCLASS_ORDER
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.statistics import closest_pair
from tfrepr.registry import LABELS

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("the", "cat", "lawn", "dog", "aquarium", "\u0085", "truck")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def vector(word):
    return [round(math.sin(len(word) + k), 4) for k in range(5)]


def glove_text(words=WORDS):
    return "".join(f"{word} {' '.join(map(str, vector(word)))}\n" for word in words)


@pytest.fixture
def glove_file(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(glove_text(), encoding="utf-8", newline="\n")
    return path


def glove_table(names, path, **options):
    return LABELS["glove"](names, 64, LabelOptions(glove_file=str(path), **options))


@pytest.mark.parametrize(("word", "looked_up"), [
    ("cat", "cat"), ("aquarium fish", "aquarium"), ("lawn-mower", "lawn"), ("lawn_mower", "lawn"), ("Sweet Peppers", "sweet"),
    ("ping-pong ball", "ping"), (" -odd", "odd")])
def test_the_first_word_stands_for_the_name(word, looked_up):
    assert glove.lookup_words([word]) == (looked_up,)


def test_glove_rows_are_the_vectors_of_the_words(glove_file):
    table = glove_table(("truck", "aquarium_fish", "lawn-mower", "Cat"), glove_file)
    expected = np.float32([vector(word) for word in ("truck", "aquarium", "lawn", "cat")])
    assert table.dtype == np.float32
    assert table.tolist() == expected.tolist()


def test_glove_reads_packed_files(glove_file, tmp_path):
    plain = glove_table(("cat", "dog"), glove_file)
    (tmp_path / "vectors.txt.gz").write_bytes(gzip.compress(glove_file.read_bytes()))
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("glove.6B.100d.txt", "cat 1\ndog 2\n")
        archive.write(glove_file, glove.MEMBER)
    for name in ("vectors.txt.gz", "glove.6B.zip"):
        assert glove_table(("cat", "dog"), tmp_path / name).tobytes() == plain.tobytes()


def test_glove_reads_no_further_than_needed(glove_file):
    """What follows the last word is not even text."""
    with glove_file.open("ab") as file:
        file.write(b"\n" * (1 << 20) + b"\xff\xfe broken")
    assert len(glove_table(("cat", "truck"), glove_file)) == 2
    with pytest.raises(UserError, match="cannot be read"):
        glove_table(("cat", "nowhere"), glove_file)


def test_glove_names_all_unknown_words(glove_file):
    with pytest.raises(UserError, match=r"no vector for: heron, yak\. .*--spoken"):
        glove_table(("yak", "cat", "heron"), glove_file)
    assert len(glove_table(("yak", "cat"), glove_file, spoken=(("yak", "dog"),))) == 2


def test_glove_refuses_classes_with_the_same_first_word(glove_file):
    with pytest.raises(UserError, match="'lawn_mower' and 'lawn-tennis'"):
        glove_table(("cat", "lawn_mower", "lawn-tennis"), glove_file)


@pytest.mark.parametrize(("text", "message"), [
    ("cat 1 2\ndog 1 x\n", "'dog' is not in GloVe's format"), ("cat 1 2\ndog nan 1\n", "'dog' is not in GloVe's format"),
    ("cat 1 2\ndog \n", "'dog' is not in GloVe's format"), ("cat 1 2\ndog 1 2 3\n", "differ in length")])
def test_glove_refuses_other_formats(tmp_path, text, message):
    (tmp_path / "other.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        glove_table(("cat", "dog"), tmp_path / "other.txt")


@pytest.mark.parametrize("name", ["missing.txt", "broken.zip", "broken.gz", "."])
def test_glove_says_what_to_fetch_when_the_file_cannot_be_read(tmp_path, name):
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"PK but not packed")
    with pytest.raises(UserError, match=r"cannot be read .*Fetch https://.*--glove-file"):
        glove_table(("cat", "dog"), tmp_path / name)


def test_glove_reads_no_line_without_end(tmp_path):
    """A file that is packed a thousandfold and has no line end would otherwise be read into memory as one line."""
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as stream:
        for _ in range(64):
            stream.write(b"1 " * (1 << 19))
    tracemalloc.start()
    with pytest.raises(UserError, match=r"cannot be read \(it has a line of more than 1,048,576 characters\)"):
        glove_table(("cat", "dog"), tmp_path / "bomb.gz")
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_glove_is_found_in_the_data_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / glove.MEMBER).write_text(glove_text(), encoding="utf-8")
    assert LABELS["glove"](("cat", "dog"), 64, LabelOptions()).tolist() == np.float32([vector("cat"), vector("dog")]).tolist()


class Archive(BaseHTTPRequestHandler):
    """Serves `content` in parts, or whole where `ranges` is off; counts bytes."""

    content, ranges, sent = b"", True, 0

    def do_GET(self):
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"]).groups())
        part = self.content[first:last + 1] if self.ranges else self.content
        type(self).sent += len(part)
        self.send_response(206 if self.ranges else 200)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(self.content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def web(tmp_path, monkeypatch):
    """The address of an archive as large as 20 requests, whose words stand at its start."""
    filler = np.random.default_rng(0).bytes(15 << 20).hex().encode()
    with zipfile.ZipFile(tmp_path / "served.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(glove.MEMBER, glove_text().encode() + b"\n" + filler)
    handler = type("Served", (Archive,), {"content": (tmp_path / "served.zip").read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(glove, "ARCHIVE_URL", f"http://127.0.0.1:{server.server_port}/glove.6B.zip")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_glove_reads_the_start_of_the_archive_on_the_web_once(web):
    table = LABELS["glove"](("cat", "dog"), 64, LabelOptions())
    assert table.tolist() == np.float32([vector("cat"), vector("dog")]).tolist()
    assert 0 < web.sent < len(web.content) / 3
    web.content = b""
    assert LABELS["glove"](("cat", "dog"), 64, LabelOptions()).tobytes() == table.tobytes()


def test_glove_says_what_to_fetch_when_the_web_does_not_serve_parts(web):
    web.ranges = False
    with pytest.raises(UserError, match=r"does not send parts.*Fetch https://"):
        LABELS["glove"](("cat", "dog"), 64, LabelOptions())


def test_glove_says_what_to_fetch_without_a_network(monkeypatch):
    monkeypatch.setattr(glove, "ARCHIVE_URL", "http://127.0.0.1:9/glove.6B.zip")
    with pytest.raises(UserError, match=r"cannot be read .*Fetch https://.*data/glove"):
        LABELS["glove"](("cat", "dog"), 64, LabelOptions())


def test_superclass_order_is_the_authors_list(shared):
    text = (shared / "reference" / "authors_labels" / "npy" / "cifar100_text.txt").read_text()
    assert tuple(word.strip() for word in re.split(r",|\n", text) if word.strip()) == SUPERCLASS_ORDER


def test_authors_glove_rows_follow_the_superclass_order(shared):
    """In word vectors boy and girl are closest; at fine label ids these rows would be sea and seal."""
    table = np.load(shared / "reference" / "authors_labels" / "npy" / "cifar100_glove.npy")
    _, first, second = closest_pair(table)
    assert (SUPERCLASS_ORDER[first], SUPERCLASS_ORDER[second]) == ("boy", "girl")
    assert (CIFAR100_NAMES[first], CIFAR100_NAMES[second]) == ("sea", "seal")


def test_authors_order_attaches_their_rows(tmp_path):
    words = glove.lookup_words(SUPERCLASS_ORDER)
    path = tmp_path / "all.txt"
    path.write_text("".join(f"{word} {k} 0\n" for k, word in enumerate(words)))
    assert glove_table(CIFAR100_NAMES, path, authors_order=True)[:, 0].tolist() == list(range(100))
    assert len(set(words)) == 100
    with pytest.raises(UserError, match=r"no vector for: apple, .*bottle"):
        glove_table(CIFAR100_NAMES, path)


@pytest.mark.parametrize(("names", "options", "message"), [
    (("cat", "dog"), {}, "no meaning for other classes"), (CIFAR100_NAMES, {"spoken": (("apple", "pear"),)}, "drop --spoken")])
def test_authors_order_is_for_cifar100_alone(names, options, message):
    with pytest.raises(UserError, match=message):
        embeddings.embedded_words(names, LabelOptions(authors_order=True, **options))


def test_outliers_beyond_two_standard_deviations_are_zeroed():
    """Mean 0.6 and population standard deviation 5.02 of these twenty numbers: only 20 lies beyond 10.6."""
    table = np.array([*[-1.0, 0.5] * 9, -8.0, 20.0, 4.5]).reshape(3, 7)
    limit = table.mean() + 2 * table.std()
    assert 8 < limit < 20
    kept = embeddings.zero_outliers(table)
    assert kept[2, 5] == 0.0
    assert np.delete(kept.ravel(), 19).tolist() == np.delete(table.ravel(), 19).tolist()
    assert embeddings.zero_outliers(-table)[2, 5] == 0.0


def test_bert_labels_span_0_to_80_without_the_outlier():
    """Mean 0.53 and standard deviation 1.15: 3 lies beyond 2.83 and becomes 0, then -1 to 1 are moved to 0 to 80."""
    states = np.array([[-1.0, 0.0, 1.0, 0.5], [1.0, -0.5, 0.25, 3.0]])
    labels = embeddings.bert_labels(states, 2)
    assert labels.dtype == np.float32
    assert labels.tolist() == [[[0, 40], [80, 60]], [[80, 20], [50, 40]]]


VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "dog", "air", "##plane", "aquarium", "fish", "truck")
WIDTH, LAYERS, HEADS, INNER = 96, 2, 4, 64
has_keras_hub = importlib.util.find_spec("keras_hub") is not None and importlib.util.find_spec("tokenizers") is not None
needs_keras_hub = pytest.mark.skipif(not has_keras_hub, reason="needs the extra embeddings")


def random_weights():
    random = np.random.default_rng(1)
    shapes = {"embeddings.word_embeddings.weight": (len(VOCABULARY), WIDTH),
              "embeddings.position_embeddings.weight": (512, WIDTH), "embeddings.token_type_embeddings.weight": (2, WIDTH),
              "embeddings.LayerNorm.gamma": (WIDTH,), "embeddings.LayerNorm.beta": (WIDTH,),
              "pooler.dense.weight": (WIDTH, WIDTH), "pooler.dense.bias": (WIDTH,)}
    for layer in range(LAYERS):
        place = f"encoder.layer.{layer}."
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{place}{part}.weight": (WIDTH, WIDTH), f"{place}{part}.bias": (WIDTH,)}
        shapes |= {f"{place}intermediate.dense.weight": (INNER, WIDTH), f"{place}intermediate.dense.bias": (INNER,),
                   f"{place}output.dense.weight": (WIDTH, INNER), f"{place}output.dense.bias": (WIDTH,)}
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{place}{part}.gamma": (WIDTH,), f"{place}{part}.beta": (WIDTH,)}
    return {f"bert.{name}": random.normal(name.endswith("gamma"), 0.3, shape).astype(np.float32)
            for name, shape in shapes.items()}


@pytest.fixture
def bert_files(tmp_path):
    """A BERT with random weights, in the files of a Hugging Face repository."""
    from safetensors.numpy import save_file

    folder = tmp_path / "tiny-bert"
    folder.mkdir()
    save_file(random_weights(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert", "vocab_size": len(VOCABULARY), "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "hidden_size": WIDTH, "intermediate_size": INNER, "max_position_embeddings": 512}))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return folder


def reference_states(tokens, length):
    """BERT's forward pass for one sequence in NumPy; [PAD] fills up to `length` and is hidden from attention."""
    weights = {name.removeprefix("bert."): value.astype(np.float64) for name, value in random_weights().items()}

    def dense(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return scaled * weights[f"{name}.gamma"] + weights[f"{name}.beta"]

    ids = [VOCABULARY.index(token) for token in tokens] + [0] * (length - len(tokens))
    x = (weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:length]
         + weights["embeddings.token_type_embeddings.weight"][0])
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        place = f"encoder.layer.{layer}"
        query, key, value = (dense(x, f"{place}.attention.self.{part}").reshape(length, HEADS, -1).transpose(1, 0, 2)
                             for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(WIDTH / HEADS)
        scores[:, :, len(tokens):] = -np.inf
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        heard = (shares / shares.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(length, WIDTH)
        x = norm(x + dense(heard, f"{place}.attention.output.dense"), f"{place}.attention.output.LayerNorm")
        inner = dense(x, f"{place}.intermediate.dense")
        inner = 0.5 * inner * (1 + np.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)))
        x = norm(x + dense(inner, f"{place}.output.dense"), f"{place}.output.LayerNorm")
    return x


@needs_keras_hub
def test_hidden_states_are_berts(bert_files):
    """Five tokens and a part of the sixth, names of one to two word pieces, against the formula."""
    states = language_model.last_hidden_states(bert_files, ("Airplane", "aquarium fish", "dog"), 5 * WIDTH + 7)
    assert states.dtype == np.float32
    for row, tokens in zip(states, (["[CLS]", "air", "##plane", "[SEP]"], ["[CLS]", "aquarium", "fish", "[SEP]"],
                                    ["[CLS]", "dog", "[SEP]"]), strict=True):
        np.testing.assert_allclose(row, reference_states(tokens, 6).ravel()[:5 * WIDTH + 7], atol=2e-5)


@needs_keras_hub
def test_fewer_tokens_than_the_name_has_keep_the_first(bert_files):
    states = language_model.last_hidden_states(bert_files, ("aquarium fish", "dog"), 3 * WIDTH)
    np.testing.assert_allclose(states[0], reference_states(["[CLS]", "aquarium", "fish", "[SEP]"], 4)[:3].ravel(), atol=2e-5)


@needs_keras_hub
def test_larger_bert_label_starts_with_the_smaller_ones_states(bert_files):
    small, large = (language_model.last_hidden_states(bert_files, ("cat", "airplane"), side * side) for side in (48, 64))
    np.testing.assert_allclose(large[:, :48 * 48], small, atol=2e-5)


@needs_keras_hub
def test_bert_label_by_name(bert_files):
    options = LabelOptions(bert_path=str(bert_files), bert_side=48)
    table = LABELS["bert"](("cat", "dog", "truck"), 64, options)
    states = language_model.last_hidden_states(bert_files, ("cat", "dog", "truck"), 48 * 48)
    assert table.shape == (3, 48, 48)
    assert table.tobytes() == embeddings.bert_labels(states, 48).tobytes()
    assert (table.min(), table.max()) == (0, 80)
    (bert_files / "config.json").write_text("{}")
    with pytest.raises(UserError):
        LABELS["bert"](("cat", "dog", "truck"), 64, options)


@needs_keras_hub
def test_bert_reads_kerashubs_own_format(bert_files, tmp_path):
    from keras_hub.models import BertBackbone

    folder = tmp_path / "preset"
    BertBackbone.from_preset(str(bert_files)).save_to_preset(str(folder))
    (folder / "assets" / "tokenizer").mkdir(parents=True)
    (folder / "assets" / "tokenizer" / "vocabulary.txt").write_text((bert_files / "vocab.txt").read_text())
    assert language_model.bert_folder(str(folder)) == folder
    ours, theirs = (language_model.last_hidden_states(path, ("cat", "dog"), 3 * WIDTH) for path in (folder, bert_files))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@needs_keras_hub
def test_bert_refuses_more_tokens_than_positions(bert_files):
    with pytest.raises(UserError, match=r"513 tokens.*512 positions.*--bert-side"):
        language_model.last_hidden_states(bert_files, ("cat", "dog"), 512 * WIDTH + 1)


@needs_keras_hub
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_bert_refuses_damaged_files(bert_files, name):
    (bert_files / name).write_bytes(b"{ damaged")
    with pytest.raises(UserError, match=r"tiny-bert cannot be read .*Fetch config\.json"):
        language_model.last_hidden_states(bert_files, ("cat", "dog"), WIDTH)


def test_bert_says_which_files_are_missing(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"lacks model\.safetensors or model\.weights\.h5, vocab\.txt .*--bert-path"):
        LABELS["bert"](("cat", "dog"), 64, LabelOptions(bert_path=str(tmp_path)))


def test_bert_without_library_or_network_says_what_to_do(tmp_path):
    """In a process of its own, since the Hugging Face client reads its switch once."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    command = [sys.executable, ROOT / "scripts" / "label_stats.py", "--label", "bert"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ("pip install -e '.[embeddings]'" in done.stderr) or ("data/bert-base-uncased" in done.stderr)
    assert not (tmp_path / "output").exists()
