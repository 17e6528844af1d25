"""Each label option belongs to the labels that read it; elsewhere it is refused or left out of the run's name."""

import dataclasses

import pytest

from tfrepr.errors import UserError
from tfrepr.experiments.cells import cells_from_options
from tfrepr.labels.build import build_representation, make_representation
from tfrepr.labels.options import READ_BY, SYNTHESIS, VARIATION, LabelOptions, check_read
from tfrepr.registry import LABELS
from tfrepr.weak_labels.command import configs_from_options
from tfrepr.weak_labels.options import PseudoLabelConfig

FIELDS = {field.name for field in dataclasses.fields(LabelOptions)}
OFF_DEFAULT = {
    "tts": "google", "voice": "en-gb", "rate": 150, "pitch": 60, "spoken": (("cat", "kitten"),), "wav_dir": "recordings",
    "resampler": "kaiser-best-2019", "frontend": "tfio", "time_shift": 1, "time_mask": 1, "frequency_mask": 1,
    "label_file": "table.npy", "label_seed": 3, "glove_file": "vectors.txt", "bert_path": "bert", "bert_side": 48,
    "authors_order": True,
}


class Noting(LabelOptions):
    """Options that note which of them are read."""

    def __getattribute__(self, name):
        if name in FIELDS and hasattr(type(self), "read"):
            type(self).read.add(name)
        return super().__getattribute__(name)


def fields_read(label, tmp_path, monkeypatch, **options):
    """What building the label looks at; a label whose model is missing looks at everything before it misses the model."""
    noting = type("Noted", (Noting,), {})(**{"glove_file": str(tmp_path / "none.txt"), "bert_path": str(tmp_path), **options})
    monkeypatch.setenv("TFREPR_CACHE", str(tmp_path / "cache"))
    type(noting).read = set()
    try:
        build_representation(label, ("cat", "dog"), image_side=8, options=noting)
    except UserError:
        assert label in ("bert", "glove")
    return type(noting).read


@pytest.mark.parametrize("label", [label for label in LABELS if label != "category"])
def test_the_table_of_readers_is_what_the_labels_read(label, tmp_path, monkeypatch):
    read = fields_read(label, tmp_path, monkeypatch)
    assert read - {"label_file"} == {name for name, labels in READ_BY.items() if label in labels}


def test_every_option_has_readers_that_exist():
    assert set(READ_BY) | {"label_file"} == FIELDS == set(OFF_DEFAULT)
    assert {label for labels in READ_BY.values() for label in labels} <= set(LABELS)


@pytest.mark.parametrize("label", LABELS.names())
def test_an_option_is_unread_exactly_where_no_reader_is(label):
    readers = {name: label in labels for name, labels in READ_BY.items()} | {"label_file": label != "category"}
    assert {name: name not in LabelOptions(**{name: value}).unread(label) for name, value in OFF_DEFAULT.items()} == readers


def test_a_table_from_a_file_leaves_the_making_unread():
    options = LabelOptions(**{**OFF_DEFAULT, "time_shift": 2})
    assert set(options.unread("speech-augmented")) == FIELDS - {"label_file", *VARIATION}


def test_recordings_leave_the_voice_unread():
    options = LabelOptions(wav_dir="recordings", voice="en-gb", resampler="kaiser-best-2019")
    assert set(options.unread("speech")) == {"voice"} <= set(SYNTHESIS)


def test_one_cell_with_an_option_that_its_label_does_not_read_is_refused():
    with pytest.raises(UserError, match=r"--voice has no part in the label category.*reads it: speech, shuffle"):
        cells_from_options(None, {"label": "category", "voice": "en-gb"}, None)
    with pytest.raises(UserError, match=r"--label-file gives rows to regress"):
        cells_from_options(None, {"label": "category", "label_file": "table.npy"}, None)
    with pytest.raises(UserError, match=r"--voice has no part in .* recordings in --wav-dir"):
        cells_from_options(None, {"label": "speech", "voice": "en-gb", "wav_dir": "recordings"}, None)


def test_in_a_list_of_cells_the_option_reaches_the_labels_that_read_it_and_leaves_the_others_their_names():
    _, plain = cells_from_options("quickstart", {}, None)
    _, spoken = cells_from_options("quickstart", {"voice": "en-gb"}, None)
    names = {config.label: config.run_name for config in plain}
    voices = {config.label: config.label_options.voice for config in spoken}
    assert voices == {"category": "en-us", "speech": "en-gb"}
    assert {config.label: config.run_name == names[config.label] for config in spoken} == {"category": True, "speech": False}
    with pytest.raises(UserError, match="--bert-side has no part"):
        cells_from_options("quickstart", {"bert_side": 48}, None)


def test_runs_with_weak_labels_follow_the_same_rule():
    spoken, = configs_from_options(PseudoLabelConfig, None, {"label": "speech", "voice": "en-gb"}, None)
    assert spoken.label_options.voice == "en-gb"
    with pytest.raises(UserError, match="--voice has no part in the label category"):
        configs_from_options(PseudoLabelConfig, None, {"label": "category", "voice": "en-gb"}, None)


def test_the_interface_and_lists_of_labels_refuse_what_no_label_reads():
    with pytest.raises(UserError, match="--label-seed has no part in the label speech"):
        make_representation(["cat", "dog"], "speech", label_seed=3)
    check_read(LabelOptions(label_seed=3), ["speech", "random"])
    with pytest.raises(UserError, match="--label-seed has no part"):
        check_read(LabelOptions(label_seed=3), ["speech", "constant"])
