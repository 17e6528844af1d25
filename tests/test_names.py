"""Class names in decomposed Unicode are the same names wherever they enter; what cannot be shown is refused."""

import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from tfrepr.analysis.evaluation_source import _matching_ids
from tfrepr.config import RunConfig
from tfrepr.data.class_names import class_names, parse_names
from tfrepr.data.dataset import ImageDataset
from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.spoken_words import spoken_words
from tfrepr.labels.tables import load_table
from tfrepr.labels.waveforms import find_wavs
from tfrepr.names import class_names_from, equal_classes, normalised, printable
from tfrepr.registry import DATASETS
from tfrepr.weak_labels.options import CleaningConfig
from tfrepr.weak_labels.tasks import pair_partners

COMPOSED = ("caf\u00e9", "na\u00efve", "zebra")
DECOMPOSED = tuple(unicodedata.normalize("NFD", name) for name in COMPOSED)


def write_pictures(root, names, count=3):
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(count):
            shade = np.full((9, 9, 3), 60 * number + index, np.uint8)
            Image.fromarray(shade).save(root / name / f"{index}.png")
    return root


def noise(names) -> ImageDataset:
    images = np.zeros((6, 8, 8, 3), np.uint8)
    ids = np.array([0, 1, 2, 0, 1, 2])
    return ImageDataset("n", "v", names, images, ids, images, ids, (0.5,) * 3, (0.2,) * 3, True, 0.2)


def test_both_spellings_of_folders_are_one_data_set(tmp_path):
    """Also where the order of the decomposed names would be another one."""
    names = ("caf\u00e9", "cafz", "na\u00efve")
    composed = write_pictures(tmp_path / "nfc" / "x", names)
    decomposed = write_pictures(tmp_path / "nfd" / "x", [unicodedata.normalize("NFD", name) for name in names])
    first, second = (DATASETS["folder"](root, 8) for root in (composed, decomposed))
    assert first.class_names == second.class_names == class_names("folder", decomposed) == tuple(sorted(names))
    assert first.fingerprint == second.fingerprint


def test_names_are_normalised_wherever_they_enter(tmp_path):
    assert noise(DECOMPOSED).class_names == COMPOSED
    assert noise(DECOMPOSED).fingerprint == noise(COMPOSED).fingerprint
    assert parse_names(",".join(DECOMPOSED)) == COMPOSED
    for label in ("category", "random"):
        built = [build_representation(label, names, image_side=8) for names in (COMPOSED, DECOMPOSED)]
        assert built[0].class_names == built[1].class_names == COMPOSED
        assert built[0].fingerprint == built[1].fingerprint
    np.save(tmp_path / "own.npy", np.eye(3, dtype=np.float32))
    (tmp_path / "own.json").write_text('{"dataset": null, "label": "own", "class_names": ["cafe\\u0301", "b", "c"]}')
    assert load_table(tmp_path / "own.npy").class_names[0] == COMPOSED[0]


def test_names_are_compared_in_one_spelling(tmp_path):
    for names, other in ((COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)):
        assert spoken_words(names, [(other[0], "coffee")]) == ("coffee", *COMPOSED[1:])
        assert pair_partners(names, [(other[0], other[1])]).tolist() == [1, 1, 2]
        np.testing.assert_array_equal(_matching_ids(names, other[::-1]), [2, 1, 0])
        folder = tmp_path / f"wav{names!a}"
        folder.mkdir()
        for name in other:
            (folder / f"{name}.wav").touch()
        assert [normalised(path.stem) for path in find_wavs(folder, names)] == list(COMPOSED)


def test_options_in_both_spellings_are_one_config():
    options = [LabelOptions(spoken=((names[0], names[1]),)) for names in (COMPOSED, DECOMPOSED)]
    assert len({RunConfig(label="speech", label_options=one).run_name for one in options}) == 1
    assert len({CleaningConfig(noise="pairs", noise_pairs=((names[0], names[1]),)) for names in (COMPOSED, DECOMPOSED)}) == 1


def test_both_spellings_sound_alike():
    from tfrepr.labels.speech import class_waveforms

    composed, decomposed = (class_waveforms(names, LabelOptions()) for names in (COMPOSED, DECOMPOSED))
    for first, second in zip(composed, decomposed, strict=True):
        np.testing.assert_array_equal(first.samples, second.samples)


def test_one_name_in_two_spellings_is_doubled(tmp_path):
    write_pictures(tmp_path, (COMPOSED[0], DECOMPOSED[0]))
    if len(os.listdir(tmp_path)) == 2:  # macOS itself finds them equal
        with pytest.raises(UserError, match=f"{tmp_path}: class names must differ.*Doubled: caf\u00e9"):
            DATASETS["folder"](tmp_path, 8)
    with pytest.raises(UserError, match="--names: class names must differ"):
        parse_names(f"{COMPOSED[0]},{DECOMPOSED[0]}")


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\tb", "\x1b[31mred", "a\0b", "\udcff\udcfe", "a\u2028b"])
def test_names_that_cannot_be_shown_are_refused_everywhere(name):
    enter = [lambda: noise(("x", "y", name)), lambda: parse_names(f"x,{name},y"),
             lambda: build_representation("random", ("x", name), image_side=8)]
    for way in enter:
        with pytest.raises(UserError, match="line breaks, control characters or bytes that are not UTF-8") as caught:
            way()
        assert ascii(name) in str(caught.value)
        str(caught.value).encode()


def test_a_folder_name_that_is_not_utf_8_is_refused(tmp_path):
    write_pictures(tmp_path, ("a", "b"))
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    for read in (DATASETS["folder"], lambda root, _: class_names("folder", root)):
        with pytest.raises(UserError, match=r"'\\udcff'. Rename them"):
            read(tmp_path, 8)


def test_other_names_are_left_as_they_are():
    names = ("maple_tree", "$x^2$", "a b", "R&D", "\u72d7", "\u0645\u06cc\u200c\u062e\u0648", "=cmd()", "<script>")
    assert class_names_from(names, "here") == names
    assert [printable(name) for name in names] == list(names)
    assert printable("a\nb\udcff\u2028") == "a\\nb\\udcff\\u2028"


def test_equal_classes_are_named_in_their_order():
    assert equal_classes([b"x", b"y", b"x", b"z", b"y", b"x"], "abcdef") == "'a' and 'c' and 'f'; 'b' and 'e'"
    assert equal_classes([b"x", b"y"], "ab") == ""
