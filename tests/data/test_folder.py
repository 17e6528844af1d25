"""Folders of pictures: what is read, how it is resized, and every way in which a folder can be wrong."""

import os
import struct
import warnings
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tfrepr.analysis.evaluation_source import other_images
from tfrepr.data.class_names import class_names
from tfrepr.data.dataset import channel_statistics
from tfrepr.data.sources.folder import unlabelled_pictures
from tfrepr.data.sources.pictures import MOST_BYTES, read_pictures
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
    data = DATASETS["folder"](tmp_path, arguments.get("image_size"))
    (row,) = (row for row, file in enumerate(data.train_files) if file.startswith("train/a/") and file != "train/a/1.png")
    return data.train_images[row]


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


@pytest.mark.parametrize("parts", [("",), ("train", "test")])
def test_the_first_pictures_are_of_all_classes(tmp_path, parts):
    """Commands that look at the first so many pictures must not see one class alone; names go with their pictures."""
    for part in parts:
        for shade, name in enumerate(("cat", "dog", "fox")):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(20):
                Image.new("RGB", (8, 8), (80 * shade, 12 * number, 0)).save(tmp_path / part / name / f"{number}.png")
    dataset = DATASETS["folder"](tmp_path, 8)
    for ids, images, files in ((dataset.train_ids, dataset.train_images, dataset.train_files),
                               (dataset.test_ids, dataset.test_images, dataset.test_files)):
        assert set(ids[:10]) == {0, 1, 2}
        for class_id, image, file in zip(ids, images, files, strict=True):
            folder, number = file.removesuffix(".png").split("/")[-2:]
            assert (folder, int(number) * 12) == (dataset.class_names[class_id], image[0, 0, 1])
            assert image[0, 0, 0] == 80 * class_id
    np.testing.assert_array_equal(DATASETS["folder"](tmp_path, 8).train_ids, dataset.train_ids)


def test_train_and_test_folders(tmp_path):
    write_classes(tmp_path / "train", {"a": 4, "b": 2})
    write_classes(tmp_path / "test", {"a": 1, "b": 3})
    data = DATASETS["folder"](tmp_path, 16)
    assert np.bincount(data.train_ids).tolist() == [4, 2]
    assert np.bincount(data.test_ids).tolist() == [1, 3]
    assert data.image_shape == (16, 16, 3)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".JPEG", ".jpe", ".jfif", ".webp"])
def test_suffixes(tmp_path, suffix):
    form = {".webp": "WEBP"}.get(suffix, "PNG" if suffix.lower() == ".png" else "JPEG")
    for name in "ab":
        for index in range(3):
            paint(tmp_path / name / f"{index}{suffix}", plain((100, 10 * index, 5)), format=form)
    data = DATASETS["folder"](tmp_path, None)
    assert len(data.train_ids) + len(data.test_ids) == 6


@pytest.mark.parametrize(("form", "name"), [("WEBP", "0.jpg"), ("PNG", "0.jpeg"), ("JPEG", "0.png"), ("JPEG", "0.webp")])
def test_the_content_decides_and_not_the_ending(tmp_path, form, name):
    image = only_image(tmp_path, paint(tmp_path / "train" / "a" / name, plain((10, 200, 30)), format=form))
    assert np.abs(image.astype(int) - (10, 200, 30)).max() < 6


def test_hidden_files_are_ignored_in_silence(tmp_path):
    write_classes(tmp_path, {"a": 3, "b": 3, ".thumbnails": 3})
    for name in (".hidden.png", "._0.png", ".DS_Store"):
        (tmp_path / "a" / name).write_bytes(b"no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert DATASETS["folder"](tmp_path, None).class_names == class_names("folder", tmp_path) == ("a", "b")


def read_by_training(root: Path) -> tuple[str, ...]:
    return DATASETS["folder"](root, 8).class_names


def read_by_labels(root: Path) -> tuple[str, ...]:
    return class_names("folder", root)


def read_by_pseudo_labelling(root: Path) -> tuple[str, ...]:
    assert len(unlabelled_pictures(root, 8)) == 2
    return ("a", "b")


@pytest.mark.parametrize("divided", [False, True])
@pytest.mark.parametrize("read", [read_by_training, read_by_labels, read_by_pseudo_labelling])
def test_what_is_left_out_is_counted_and_named_in_all_commands_alike(tmp_path, divided, read):
    parts = [tmp_path / "train", tmp_path / "test"] if divided else [tmp_path]
    for part in parts:
        write_classes(part, {"a": 3, "b": 3, "@eaDir": 1, "__MACOSX": 2})
    first = parts[0]
    write_classes(tmp_path, {"Unlabeled": 2})
    write_classes(first / "a", {"more": 5, "@eaDir": 1})
    for name in ("1.gif", "2.gif", "3.heic", "4.txt"):
        (first / "b" / name).write_bytes(b"")
    (first / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(first / "a" / "pipe.png")
    (tmp_path / "README.md").write_text("")
    with pytest.warns(UserWarning, match="dead links") as caught:
        assert read(tmp_path) == ("a", "b")
    (message,) = {str(one.message) for one in caught}
    here = "train/" if divided else ""
    for part in (f"Not among the labelled pictures of {tmp_path} are", f"dead links: 1 ({here}a/gone.png)",
                 f"other endings than .png .jpg .jpeg .jpe .jfif .webp: 4 ({here}b/1.gif, {here}b/2.gif, {here}b/3.heic, ...)",
                 f"folders inside class folders: 1 ({here}a/more)", f"pipes or devices: 1 ({here}a/pipe.png)",
                 f"folders of other programs: {5 if divided else 3} (", "files beside the class folders: 1 (README.md)",
                 "without label, for scripts/pseudo_label.py: 2 (Unlabeled/000.png, Unlabeled/001.png)"):
        assert part in message


def test_pictures_without_label_beside_the_classes_of_train_are_named(tmp_path):
    for part in ("train", "test"):
        write_classes(tmp_path / part, {"a": 2, "b": 2, "unlabelled": 1})
    with pytest.warns(UserWarning, match=r"which belong beside train and test: 2 \(train/unlabelled, test/unlabelled\)"):
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


def test_a_png_with_much_text_is_read(tmp_path):
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "much " * 400_000)
    text.add_text("Packed", "more " * 400_000, zip=True)
    assert (only_image(tmp_path, paint(tmp_path / "train/a/0.png", plain((7, 8, 9)), pnginfo=text)) == (7, 8, 9)).all()


def test_a_text_that_unpacks_to_gigabytes_is_refused(tmp_path):
    """100 MB in 100 kB: the announced limit of Pillow's for all texts of a picture is 64 MB."""
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("Packed", "x" * 100_000_000, zip=True)
    path = paint(tmp_path / "0.png", plain((7, 8, 9)), pnginfo=text)
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match=r"0\.png cannot be decoded"):
        read_pictures([path], 8)


def test_twelve_bits_in_sixteen_are_named(tmp_path):
    """Such a picture is nearly black; one that uses its 16 bits, or a dark one of 8 bits, says nothing."""
    ramp = np.linspace(0, 4095, 400).reshape(20, 20).astype(np.uint16)
    dark = [paint(tmp_path / f"{index}.png", ramp) for index in range(2)]
    with pytest.warns(UserWarning, match=r"2 pictures have 16 bits a channel and are nearly black.*12 bits.*0\.png"):
        read_pictures(dark, 20)
    bright, night = paint(tmp_path / "bright.png", ramp * 16), paint(tmp_path / "night.png", plain((9, 9, 9)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = read_pictures([*dark, bright, night], 20)
    np.testing.assert_array_equal(images[2, ..., 0], ramp * 16 // 257)


def test_a_jpeg_of_twelve_bits_says_so(tmp_path):
    path = paint(tmp_path / "0.jpg", plain((1, 2, 3)))
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xc0") + 4] = 12
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"0\.jpg cannot be decoded \(cannot handle 12-bit layers\)"):
        read_pictures([path], 8)


def test_another_kind_of_picture_says_so(tmp_path):
    path = paint(tmp_path / "0.png", plain((1, 2, 3)), format="GIF")
    with pytest.raises(UserError, match="it is no PNG, JPEG or WEBP file"):
        read_pictures([path], 8)


@pytest.mark.parametrize("side", [15_000, 2**31 - 1])
def test_pictures_of_absurd_size_are_refused_before_they_are_decoded(tmp_path, side):
    path = paint(tmp_path / "0.png", plain((1, 2, 3)))
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", side, side)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"0\.png cannot be decoded \(Image size \({side**2} pixels\) exceeds limit"):
        read_pictures([path], 8)


def test_a_file_of_absurd_size_is_refused_unread(tmp_path):
    path = paint(tmp_path / "0.webp", plain((1, 2, 3)), format="WEBP")
    with path.open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(UserError, match="more than 1,073,741,824 bytes"):
        read_pictures([path], 8)


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
    (tmp_path / "c" / "picture.gif").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"c/picture\.gif"), \
            pytest.raises(UserError, match=rf"class folder {tmp_path / 'c'} holds no PNG, JPEG or WebP"):
        DATASETS["folder"](tmp_path, None)


def test_too_few_pictures(tmp_path):
    write_classes(tmp_path, {"a": 3, "b": 2})
    with pytest.raises(UserError, match=r"b holds too few pictures: 2. At least 3 .* training, validation and test"):
        DATASETS["folder"](tmp_path, None)


@pytest.mark.parametrize("parts", [[""], ["train", "test"]])
def test_one_picture_a_class_is_enough_where_all_are_used_together(tmp_path, parts):
    for part in parts:
        write_classes(tmp_path / part, {"a": 1, "b": 1})
    run = SimpleNamespace(image_shape=(16, 16, 3), representation=SimpleNamespace(class_names=("b", "a")),
                          run=SimpleNamespace(environment=lambda _: {"data_fingerprint": "another"}))
    images = other_images(run, "folder", tmp_path, all_images=True)
    assert sorted(zip(images.images[:, 0, 0, 0], images.class_ids, strict=True)) == sorted([(100, 1), (110, 0)] * len(parts))
    with pytest.raises(UserError, match=r"a holds too few pictures: 1\..* Add some.*--all-images"):
        other_images(run, "folder", tmp_path, all_images=False)


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
