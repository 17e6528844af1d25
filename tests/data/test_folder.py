"""Folders of pictures: what is read, how it is resized, and every way in which a folder can be wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfrepr.data.dataset import channel_statistics
from tfrepr.data.splits import split
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS


def paint(path: Path, pixels: np.ndarray, **options) -> Path:
    """Writes an image file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def plain(colour: tuple[int, int, int], height: int = 20, width: int = 20) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def write_classes(root: Path, counts: dict[str, int], suffix: str = ".png") -> Path:
    """Plain pictures of many sizes whose red level tells the class (100, 110, ...) and whose green level is unique."""
    for number, (name, count) in enumerate(sorted(counts.items())):
        for index in range(count):
            paint(root / name / f"{index:03d}{suffix}", plain((100 + 10 * number, index, 5), 20 + index, 30))
    return root


def only_image(tmp_path: Path, first: np.ndarray | Path, **arguments) -> np.ndarray:
    """The training image that the folder source makes of one picture of class a."""
    if isinstance(first, np.ndarray):
        paint(tmp_path / "train" / "a" / "0.png", first)
    paint(tmp_path / "train" / "a" / "1.png", plain((0, 0, 0)))
    for place in ("train/b/0.png", "train/b/1.png", "test/a/0.png", "test/b/0.png"):
        paint(tmp_path / place, plain((9, 9, 9)))
    return DATASETS["folder"](tmp_path, arguments.get("image_size")).train_images[0]


def test_reads_classes_by_name(tmp_path):
    data = DATASETS["folder"](write_classes(tmp_path / "fruit", {"pear": 10, "apple": 20, "fig": 5}), None)
    assert data.class_names == ("apple", "fig", "pear")
    assert data.image_shape == (32, 32, 3)
    assert np.bincount(data.train_ids).tolist() == [16, 4, 8]
    assert np.bincount(data.test_ids).tolist() == [4, 1, 2]
    for images, ids in ((data.train_images, data.train_ids), (data.test_images, data.test_ids)):
        np.testing.assert_array_equal(images[:, 0, 0, 0], 100 + 10 * ids)
    assert (data.mean, data.std) == channel_statistics(data.train_images)
    assert (data.flip, data.variant, data.train_ids.dtype) == (True, "folder fruit", np.int64)
    assert DATASETS["folder"](tmp_path / "fruit", None).fingerprint == data.fingerprint
    split(data.train_ids, validation=data.validation, seed=0, class_names=data.class_names)


def test_train_and_test_folders(tmp_path):
    write_classes(tmp_path / "train", {"a": 4, "b": 2})
    write_classes(tmp_path / "test", {"a": 1, "b": 3})
    data = DATASETS["folder"](tmp_path, 16)
    assert np.bincount(data.train_ids).tolist() == [4, 2]
    assert np.bincount(data.test_ids).tolist() == [1, 3]
    assert data.image_shape == (16, 16, 3)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".JPEG"])
def test_suffixes(tmp_path, suffix):
    data = DATASETS["folder"](write_classes(tmp_path, {"a": 3, "b": 3}, suffix), None)
    assert len(data.train_ids) + len(data.test_ids) == 6


def test_hidden_and_other_files_are_ignored(tmp_path):
    write_classes(tmp_path, {"a": 3, "b": 3, ".thumbnails": 3})
    (tmp_path / "a" / ".hidden.png").write_bytes(b"no picture")
    (tmp_path / "b" / "notes.txt").write_text("none either")
    (tmp_path / "README.md").write_text("nor this")
    assert DATASETS["folder"](tmp_path, None).class_names == ("a", "b")


def test_resizing_is_antialiased(tmp_path):
    """A fine black and white check becomes an even grey; picking pixels would keep it black and white."""
    check = np.indices((256, 256)).sum(axis=0) % 2 * 255
    image = only_image(tmp_path, np.repeat(check[..., None], 3, axis=-1).astype(np.uint8))
    assert np.abs(image.astype(int) - 127).max() <= 2


def test_the_middle_square_is_kept(tmp_path):
    wide = plain((10, 200, 30), 40, 100)
    wide[:, :30], wide[:, 70:] = (255, 0, 0), (255, 0, 0)
    image = only_image(tmp_path, wide)
    assert (image[:, 2:-2] == (10, 200, 30)).all()
    assert np.abs(image.astype(int) - (10, 200, 30)).max() < 32, "the filter reaches over the edge of the crop"


def test_exif_orientation(tmp_path):
    pixels = plain((250, 250, 250), 40, 40)
    pixels[:20] = (5, 5, 5)
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    image = only_image(tmp_path, paint(tmp_path / "train/a/0.jpg", pixels, exif=exif, quality=95))
    assert image[:14].min() > 240
    assert image[18:].max() < 15


@pytest.mark.parametrize(("pixels", "expected"), [
    (np.full((20, 20), 77, np.uint8), (77, 77, 77)),
    (np.full((20, 20), 77 * 257, np.uint16), (77, 77, 77)),
    (np.full((20, 20, 4), (10, 20, 30, 255), np.uint8), (10, 20, 30)),
    (np.full((20, 20, 4), (10, 20, 30, 0), np.uint8), (255, 255, 255)),
    (np.full((20, 20), True), (255, 255, 255)),
])
def test_every_mode_becomes_rgb(tmp_path, pixels, expected):
    assert (only_image(tmp_path, pixels) == expected).all()


def test_palette_with_transparency(tmp_path):
    picture = Image.fromarray(np.zeros((20, 20), np.uint8), mode=None).convert("P")
    path = tmp_path / "train" / "a" / "0.png"
    path.parent.mkdir(parents=True)
    picture.save(path, transparency=0)
    assert (only_image(tmp_path, path) == 255).all()


def test_a_large_jpeg_equals_its_full_decoding(tmp_path):
    """Decoding at a fraction of the size costs less than two levels on a smooth picture."""
    ramp = np.linspace(0, 255, 1600)[None, :, None] * np.ones((1200, 1, 3))
    image = only_image(tmp_path, paint(tmp_path / "train/a/0.jpg", ramp.astype(np.uint8), quality=95))
    columns = (200 + (np.arange(32) + 0.5) * 1200 / 32) * 255 / 1600
    assert np.abs(image.mean(axis=(0, 2)) - columns).max() < 2


@pytest.mark.parametrize("content", [b"", b"no picture", "cut png", "cut jpeg"])
def test_undecodable_picture_is_named(tmp_path, content):
    write_classes(tmp_path, {"a": 3, "b": 3})
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = paint(tmp_path / "b" / ("bad.jpg" if content == "cut jpeg" else "bad.png"), noise)
    path.write_bytes(path.read_bytes()[:1500] if isinstance(content, str) else content)
    with pytest.raises(UserError, match=rf"The picture {path} cannot be decoded .* Replace or remove it"):
        DATASETS["folder"](tmp_path, None)


def test_empty_class_folder_is_named(tmp_path):
    write_classes(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "picture.webp").write_bytes(b"")
    with pytest.raises(UserError, match=rf"class folder {tmp_path / 'c'} holds no PNG or JPEG"):
        DATASETS["folder"](tmp_path, None)


def test_too_few_pictures(tmp_path):
    write_classes(tmp_path, {"a": 3, "b": 2})
    with pytest.raises(UserError, match=r"b holds too few pictures: 2. At least 3 .* training, validation and test"):
        DATASETS["folder"](tmp_path, None)


def test_three_pictures_a_class_are_enough(tmp_path):
    data = DATASETS["folder"](write_classes(tmp_path, {"a": 3, "b": 3}), None)
    parts = split(data.train_ids, validation=data.validation, seed=0, class_names=data.class_names)
    for ids in (data.train_ids[parts.train], data.train_ids[parts.validation], data.test_ids):
        assert sorted(ids) == [0, 1]


@pytest.mark.parametrize(("counts", "found"), [({"only": 5}, "only"), ({}, "none"), ({"train": 3}, "train")])
def test_one_class_or_none(tmp_path, counts, found):
    write_classes(tmp_path, counts)
    paint(tmp_path / "picture.png", plain((1, 2, 3)))
    with pytest.raises(UserError, match=rf"{tmp_path} must have at least two sub-folders, one a class. Found: {found}"):
        DATASETS["folder"](tmp_path, None)


def test_train_and_test_with_other_classes(tmp_path):
    write_classes(tmp_path / "train", {"a": 2, "b": 2})
    write_classes(tmp_path / "test", {"a": 2, "c": 2})
    with pytest.raises(UserError, match=r"must have the same classes\. Only one has: b, c"):
        DATASETS["folder"](tmp_path, None)


def test_train_and_test_beside_another_folder(tmp_path):
    for part in ("train", "test", "extra"):
        write_classes(tmp_path / part, {"a": 2, "b": 2})
    with pytest.raises(UserError, match="train and test beside extra"):
        DATASETS["folder"](tmp_path, None)


@pytest.mark.parametrize("place", [None, "nowhere", "file.txt"])
def test_no_folder(tmp_path, place):
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(UserError, match="needs a folder with one sub-folder of pictures a class"):
        DATASETS["folder"](None if place is None else tmp_path / place, None)
