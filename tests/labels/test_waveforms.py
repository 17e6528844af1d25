"""WAV files as people have them: stereo, 8-bit, other rates, broken, missing, doubled."""

import struct

import numpy as np
import pytest
import soundfile

from tfrepr.errors import UserError
from tfrepr.labels.spoken_words import spoken_words
from tfrepr.labels.waveforms import MOST_BYTES, find_wavs, read_wav, wav_content

RATE = 16_000


def tone(seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def write(path, samples, rate=RATE, subtype="PCM_16", **options):
    soundfile.write(path, samples, rate, subtype=subtype, **options)
    return path


@pytest.mark.parametrize(("subtype", "tolerance"), [("PCM_U8", 1 / 127), ("PCM_16", 1e-4), ("PCM_24", 1e-6), ("PCM_32", 1e-6),
                                                    ("FLOAT", 1e-7), ("DOUBLE", 1e-7), ("ULAW", 0.02)])
def test_every_bit_depth_is_read(tmp_path, subtype, tolerance):
    waveform = read_wav(write(tmp_path / "a.wav", tone(), subtype=subtype))
    np.testing.assert_allclose(waveform.samples, tone(), atol=tolerance)
    assert waveform.samples.dtype == np.float32
    assert waveform.rate == RATE


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    waveform = read_wav(write(tmp_path / "a.wav", np.stack([tone(), np.zeros_like(tone())], axis=1)))
    np.testing.assert_allclose(waveform.samples, tone() / 2, atol=1e-4)


@pytest.mark.parametrize(("samples", "fault"), [
    (np.zeros(8000), "silent"), (np.full(8000, 0.25), "silent"), (np.zeros(0), "empty"), (tone(0.01), "at least 0.1 s"),
    (tone(10.5), "longer than the 10 s"), (tone(30.0), "longer than the 10 s"), (np.append(tone(), np.nan), "not finite")])
def test_unusable_sound_is_refused_by_name(tmp_path, samples, fault):
    with pytest.raises(UserError, match=fault) as caught:
        read_wav(write(tmp_path / "0_cat.wav", samples, subtype="FLOAT"))
    assert "0_cat.wav" in str(caught.value)


@pytest.mark.parametrize("subtype", ["ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_24"])
def test_other_codings_of_wav_files_are_read(tmp_path, subtype):
    """Some of them cannot seek, so that libsndfile has to be told how much to read; blocks may add a little silence."""
    waveform = read_wav(write(tmp_path / "a.wav", tone(), rate=8000, subtype=subtype))
    spectrum = np.abs(np.fft.rfft(waveform.samples[:8000]))
    assert spectrum.argmax() * waveform.rate / min(len(waveform.samples), 8000) == pytest.approx(220, abs=3)
    assert 0 <= len(waveform.samples) - 8000 < 400


@pytest.mark.parametrize(("container", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
                                                    ("AIFF", "PCM_16"), ("RF64", "PCM_16"), ("WAVEX", "FLOAT")])
def test_other_kinds_of_file_are_read_under_the_ending_wav(tmp_path, container, subtype):
    waveform = read_wav(write(tmp_path / "a.wav", tone(), subtype=subtype, format=container))
    assert len(waveform.samples) == 8000
    assert np.abs(waveform.samples).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("samples_length", "file_length"), [
    (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFDB, None), (0x80000000, 0x80000024), (0x7FFFF000, 0x7FFFF024), (0x7FFFFFFF, 0), (0, 0),
    (0, 0xFFFFFFFF)])
def test_placeholders_for_a_length_that_was_not_known(tmp_path, samples_length, file_length):
    """As programs leave them that write to a pipe."""
    path = write(tmp_path / "a.wav", tone())
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place:place + 4] = struct.pack("<I", samples_length)
    if file_length is not None:
        content[4:8] = struct.pack("<I", file_length)
    path.write_bytes(content)
    np.testing.assert_allclose(read_wav(path).samples, tone(), atol=1e-4)


def test_a_length_of_zero_is_true_where_the_file_says_so_too(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(0))
    path.write_bytes(path.read_bytes() + b"LIST\x04\x00\x00\x00abcd")
    with pytest.raises(UserError, match="empty"):
        read_wav(path)


@pytest.mark.parametrize(("place", "field", "fault"), [
    (20, struct.pack("<H", 0x55), "coded as MP3, which libsndfile does not read.*ffmpeg"),
    (20, struct.pack("<H", 0xBEEF), r"a\.wav cannot be read as a WAV file.*ffmpeg"),
    (24, struct.pack("<I", 3), "1 channels at 3 Hz"), (24, struct.pack("<I", 2**31 - 1), "channels at 2,147,483,647 Hz")])
def test_what_libsndfile_does_not_read_is_said(tmp_path, place, field, fault):
    path = write(tmp_path / "a.wav", tone())
    content = bytearray(path.read_bytes())
    content[place:place + len(field)] = field
    path.write_bytes(content)
    with pytest.raises(UserError, match=fault):
        read_wav(path)


def test_a_file_too_large_for_a_word_is_refused_unread(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    with path.open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    for read in (read_wav, wav_content):
        with pytest.raises(UserError, match=r"a\.wav has 268,435,457 bytes; .*at most 268,435,456"):
            read(path)


@pytest.mark.parametrize("size", [0, 3, 20, 44, 1000])
def test_a_truncated_file_is_refused(tmp_path, size):
    path = write(tmp_path / "0_cat.wav", tone())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError, match=r"0_cat\.wav"):
        read_wav(path)


def test_chunks_after_and_before_the_samples_are_no_truncation(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    content = path.read_bytes()
    path.write_bytes(content[:12] + b"LIST\x03\x00\x00\x00abc\x00" + content[12:] + b"LIST\x04\x00\x00\x00abcd")
    np.testing.assert_allclose(read_wav(path).samples, tone(), atol=1e-4)


def test_something_else_is_refused(tmp_path):
    path = tmp_path / "cat.wav"
    path.write_text("not a sound")
    with pytest.raises(UserError, match=r"cat\.wav cannot be read as a WAV file"):
        read_wav(path)


def test_files_are_found_by_id_prefix_and_name(tmp_path):
    for name in ("0.wav", "1_car.wav", "maple_tree.wav", "sweet pepper.WAV", "notes.txt", "10_other.wav"):
        (tmp_path / name).touch()
    found = find_wavs(tmp_path, ["plane", "automobile", "maple_tree", "sweet_pepper"])
    assert [path.name for path in found] == ["0.wav", "1_car.wav", "maple_tree.wav", "sweet pepper.WAV"]


def test_all_missing_and_doubled_classes_are_listed_at_once(tmp_path):
    for name in ("0.wav", "0_plane.wav", "2.wav"):
        (tmp_path / name).touch()
    with pytest.raises(UserError) as caught:
        find_wavs(tmp_path, ["plane", "car", "bird", "cat"])
    message = str(caught.value)
    assert "several files for class 0 (plane): 0.wav, 0_plane.wav" in message
    assert "no file for class 1 (car)" in message
    assert "no file for class 3 (cat)" in message
    assert "bird" not in message


def test_a_file_that_fits_two_classes_is_refused(tmp_path):
    for name in ("0.wav", "1.wav"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"1\.wav fits more than one class"):
        find_wavs(tmp_path, ["1", "zero"])


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        find_wavs(tmp_path / "none", ["a", "b"])


def test_words_are_names_with_blanks_or_the_given_ones():
    assert spoken_words(["maple_tree", "automobile", "dog"], [("automobile", "car")]) == ("maple tree", "car", "dog")


def test_all_names_that_cannot_be_spoken_are_listed():
    with pytest.raises(UserError) as caught:
        spoken_words(["dog", "", "__", "?!", "a\0b", "x" * 201, "\udcff1"])
    message = str(caught.value)
    for fault in ("'' (empty)", "'__' (empty)", "'?!' (no letter or digit)", "NUL", "longer than 200", "not valid Unicode"):
        assert fault in message
    assert "'dog'" not in message


def test_spoken_overrides_must_name_a_class_once():
    with pytest.raises(UserError, match="Did you mean 'automobile'"):
        spoken_words(["automobile", "dog"], [("automobil", "car")])
    with pytest.raises(UserError, match="two words"):
        spoken_words(["automobile", "dog"], [("automobile", "car"), ("automobile", "auto")])
