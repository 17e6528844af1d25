"""Spoken labels against the authors' tables, golden statistics and the errors a user can make."""

import os
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from skimage.measure import shannon_entropy

from tfrepr.data.sources.cifar import CIFAR10_NAMES, CIFAR100_NAMES
from tfrepr.errors import UserError
from tfrepr.labels.build import build_representation, row_distances
from tfrepr.labels.cache import cache_folder
from tfrepr.labels.options import LabelOptions
from tfrepr.labels.speech import class_waveforms, shuffle, shuffle_columns, speech
from tfrepr.labels.tables import make_table

NAMES = {10: CIFAR10_NAMES, 100: CIFAR100_NAMES}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFREPR_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", params=[10, 100])
def table(request):
    return speech(NAMES[request.param], 64, LabelOptions())


def spread(values) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values))


def test_statistics_are_the_golden_ones(table):
    """Entropy, operator 1-norm and Frobenius norm of pairs of labels, each label scaled to [0, 1]."""
    golden = {10: ((11.95, 0.10), (18.19, 2.88), (16.07, 2.81), 8.30, ("dog", "frog")),
              100: ((11.93, 0.09), (20.03, 3.07), (16.33, 2.20), 5.57, ("bear", "pear"))}[len(table)]
    low, high = table.min(axis=(1, 2), keepdims=True), table.max(axis=(1, 2), keepdims=True)
    scaled = (table - low) / (high - low)
    first, second = np.triu_indices(len(table), 1)
    differences = scaled[first] - scaled[second]
    frobenius = np.sqrt((differences**2).sum(axis=(1, 2)))
    measured = (spread([shannon_entropy(row) for row in table]), spread(np.abs(differences).sum(axis=1).max(axis=1)),
                spread(frobenius))
    np.testing.assert_allclose(measured, golden[:3], atol=0.006)
    assert frobenius.min() == pytest.approx(golden[3], abs=0.006)
    closest = frobenius.argmin()
    names = NAMES[len(table)]
    assert (names[first[closest]], names[second[closest]]) == golden[4]


def test_values_are_decibels_below_the_peak(table):
    assert table.dtype == np.float32
    assert table.shape[1:] == (64, 64)
    assert table.min() == -80
    assert -0.5 < table.max() <= 0


@pytest.mark.parametrize(("classes", "resampler", "most"), [(10, "soxr-hq", 0.15), (100, "soxr-hq", 0.37),
                                                            (10, "kaiser-best-2019", 1e-3), (100, "kaiser-best-2019", 1e-3)])
def test_the_authors_recordings_give_their_tables(shared, classes, resampler, most):
    labels = shared / "reference" / "authors_labels"
    made = speech(NAMES[classes], 64, LabelOptions(wav_dir=str(labels / f"cifar{classes}_wav"), resampler=resampler))
    assert np.abs(made - np.load(labels / "npy" / f"cifar{classes}_speech.npy")).max() < most


@pytest.mark.parametrize("classes", [10, 100])
def test_the_authors_shuffle_is_bit_exact(shared, classes):
    folder = shared / "reference" / "authors_labels" / "npy"
    shuffled = shuffle_columns(np.load(folder / f"cifar{classes}_speech.npy"))
    np.testing.assert_array_equal(shuffled, np.load(folder / f"cifar{classes}_shuffle.npy"))


def test_shuffle_keeps_the_columns_and_reads_its_seed(table):
    names = NAMES[len(table)]
    shuffled, other = (shuffle(names, 64, LabelOptions(label_seed=seed)) for seed in (None, 5))
    assert not np.array_equal(shuffled, other)
    for row, mixed in zip(table, shuffled, strict=True):
        assert not np.array_equal(row, mixed)
        assert sorted(map(tuple, row.T)) == sorted(map(tuple, mixed.T))


def test_a_permutation_that_changes_nothing_is_drawn_again():
    """Of two columns every other draw is the identity."""
    table = np.arange(40, dtype=np.float32).reshape(20, 1, 2)
    np.testing.assert_array_equal(shuffle_columns(table), table[:, :, ::-1])


HASHED = ("import hashlib; from tfrepr.data.sources.cifar import CIFAR10_NAMES; "
          "from tfrepr.labels.options import LabelOptions; from tfrepr.labels.speech import make_table; "
          "print(hashlib.sha256(make_table(CIFAR10_NAMES, 64, LabelOptions()).tobytes()).hexdigest())")
GOLDEN_HASH = "3c88d94bc33819aa25d4c68e8d068b703b0907c69b62d893556c4f4fc075b19f"
KERNELS = {
    "its own": {},
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "Prescott": {"OPENBLAS_CORETYPE": "Prescott"},
    "one thread, no AVX in the C library": {"OPENBLAS_NUM_THREADS": "1",
                                            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-AVX"},
    "Nehalem, no AVX in NumPy": {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX"},
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_processor_makes_the_same_table(kernel):
    """Each child process computes matrix products and elementary functions as another kind of processor does."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", HASHED], capture_output=True, text=True, check=True,
                          env=known | {"PYTHONPATH": ":".join(sys.path)} | KERNELS[kernel])
    assert done.stdout.strip() == GOLDEN_HASH


@pytest.mark.parametrize("voice", ["en-us+f3", "en-gb-scotland", "de", "fr", "es", "it", "ja"])
def test_voices_and_languages_give_tables_of_their_own(voice):
    representation = build_representation("speech", CIFAR10_NAMES, image_side=32, options=LabelOptions(voice=voice))
    assert row_distances(representation.table)[np.triu_indices(10, 1)].min() > 1
    assert np.abs(representation.table - speech(CIFAR10_NAMES, 64, LabelOptions())).mean() > 3


def test_options_reach_the_speech():
    plain = speech(CIFAR10_NAMES, 64, LabelOptions())
    car = speech(CIFAR10_NAMES, 64, LabelOptions(spoken=(("automobile", "car"),)))
    assert [index for index in range(10) if not np.array_equal(plain[index], car[index])] == [1]
    for options in (LabelOptions(rate=175), LabelOptions(pitch=70), LabelOptions(voice="en-us+m3")):
        assert not np.array_equal(plain, speech(CIFAR10_NAMES, 64, options))
    assert speech(CIFAR10_NAMES, 16, LabelOptions()).shape == (10, 16, 16)


def test_names_that_sound_alike_are_refused():
    with pytest.raises(UserError, match="'pear' and 'pair'") as caught:
        build_representation("speech", ["dog", "pear", "pair"], image_side=32)
    assert "--spoken" in str(caught.value)
    told_apart = LabelOptions(spoken=(("pair", "two of a kind"),))
    build_representation("speech", ["dog", "pear", "pair"], image_side=32, options=told_apart)


@pytest.mark.parametrize(("names", "fault"), [(["dog", "!?"], "no letter or digit"), (["dog", " "], "empty"),
                                              (["dog", "a\0b"], "control char"),
                                              (["\u72d7", "\u732b"], "exactly alike.*--voice")])
@pytest.mark.filterwarnings("ignore:The voice")
def test_names_that_cannot_be_spoken_are_refused(names, fault):
    with pytest.raises(UserError, match=fault):
        build_representation("speech", names, image_side=32)


@pytest.mark.parametrize(("names", "voice", "hint"), [
    (("dog", "\u5c0f\u72d7"), "en-us", "\u5c0f\u72d7. It.* cmn, .*--spoken"),
    (("\u0440\u044b\u0431\u0430", "\u043a\u043e\u0442"), "en-us+f3", "\u043a\u043e\u0442. It.* ru, .*--list-voices"),
    (("\u3044\u306c", "\u306d\u3053\u3044"), "de", "does not say.* ja. ")])
def test_names_that_a_voice_spells_hint_at_other_voices(names, voice, hint):
    """Each time, also where the table comes from the cache, and whatever else is quiet about labels."""
    for make in (lambda: speech(names, 16, LabelOptions(voice=voice)),
                 lambda: make_table("speech", names, dataset=None, image_side=8, options=LabelOptions(voice=voice))):
        with pytest.warns(UserWarning, match=hint):
            make()


@pytest.mark.parametrize(("names", "voice"), [
    (("\u5c0f\u72d7", "\u98de\u673a"), "cmn"), (("\u0441\u043e\u0431\u0430\u043a\u0430", "\u043a\u043e\u0442"), "ru"),
    (("\u3044\u306c", "\u306d\u3053"), "ja"), (("\ube44\ud589\uae30", "\uac1c"), "ko"),
    (("caf\u00e9", "gr\u00f6\u00dfe", "\u0141\u00f3d\u017a", "route 66", "usa"), "en-us"), (("dog", "cat"), "ja")])
def test_names_that_a_voice_says_are_passed_over_in_silence(names, voice):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        speech(names, 16, LabelOptions(voice=voice))


def test_an_unknown_voice_is_refused():
    with pytest.raises(UserError, match="Did you mean"):
        speech(CIFAR10_NAMES, 64, LabelOptions(voice="en-gb"))


def test_waveforms_can_be_listened_to():
    waveforms = class_waveforms(("dog", "cat"), LabelOptions())
    assert [waveform.rate for waveform in waveforms] == [22_050, 22_050]
    assert all(0.1 < np.abs(waveform.samples).max() <= 1 for waveform in waveforms)


@pytest.mark.parametrize("damage", [lambda content: content[:100], lambda content: b"", lambda content: b"junk" * 9000,
                                    lambda content: content[:9000] + bytes([content[9000] ^ 1]) + content[9001:]])
def test_a_damaged_cache_file_is_made_again(damage, monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path))
    first = speech(("dog", "cat"), 64, LabelOptions())
    (path,) = (cache_folder() / "labels").iterdir()
    content = path.read_bytes()
    path.write_bytes(damage(content))
    np.testing.assert_array_equal(speech(("dog", "cat"), 64, LabelOptions()), first)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    with np.load(path) as file:
        np.testing.assert_array_equal(file["table"], first)


def test_the_cache_is_used_and_changed_recordings_are_noticed(monkeypatch, tmp_path):
    import soundfile

    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "cache"))
    for name, waveform in zip(("dog", "cat"), class_waveforms(("dog", "cat"), LabelOptions()), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", waveform.samples, waveform.rate)
    options = LabelOptions(wav_dir=str(tmp_path))
    first = speech(("dog", "cat"), 64, options)
    (kept,) = (tmp_path / "cache" / "labels").iterdir()
    np.savez(kept, table=first + 1)
    np.testing.assert_array_equal(speech(("dog", "cat"), 64, options), first + 1)
    soundfile.write(tmp_path / "cat.wav", class_waveforms(("cow", "cat"), LabelOptions())[0].samples, 22_050)
    changed = speech(("dog", "cat"), 64, options)
    np.testing.assert_array_equal(changed[0], first[0])
    assert not np.array_equal(changed[1], first[1])


def test_a_cache_that_cannot_be_written_costs_a_warning_only(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="TFREPR_CACHE"):
        assert speech(("dog", "cat"), 64, LabelOptions()).shape == (2, 64, 64)


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "seconds"), [(10, 3.0), (100, 6.0)])
def test_making_labels_is_quick(classes, seconds, monkeypatch, tmp_path):
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path))
    speech(("dog", "cat"), 64, LabelOptions())
    start = time.process_time()
    speech(NAMES[classes], 64, LabelOptions())
    assert time.process_time() - start < seconds
