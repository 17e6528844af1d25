"""Class names without data: fixed ones, those of folders, those of the command line."""

import pytest

from tfrepr.data.class_names import chosen_classes, class_names, parse_names
from tfrepr.data.sources.cifar import CIFAR10_NAMES
from tfrepr.errors import UserError
from tfrepr.registry import DATASETS


@pytest.mark.parametrize(("dataset", "count", "last"),
                         [("digits", 10, "nine"), ("cifar10", 10, "truck"), ("cifar100", 100, "worm")])
def test_fixed_names(dataset, count, last):
    names = class_names(dataset)
    assert (len(names), names[-1]) == (count, last)


def test_names_of_digits_are_those_of_the_data():
    assert class_names("digits") == DATASETS["digits"](None, None).class_names


@pytest.mark.parametrize("divided", [False, True])
def test_folder_names_are_sorted_and_skip_files_and_hidden_folders(tmp_path, divided):
    for part in ("train", "test") if divided else (".",):
        for name in ("plate", "cup", ".git"):
            (tmp_path / part / name).mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("")
    assert class_names("folder", tmp_path) == ("cup", "plate")


def test_folder_with_a_single_class(tmp_path):
    (tmp_path / "cup").mkdir()
    with pytest.raises(UserError, match="at least two sub-folders"):
        class_names("folder", tmp_path)


def test_names_of_the_command_line():
    assert parse_names(" cup, tea spoon ,plate") == ("cup", "tea spoon", "plate")
    assert chosen_classes(None, None, "cup,plate") == (None, ("cup", "plate"))
    assert chosen_classes("cifar10", None, None) == ("cifar10", CIFAR10_NAMES)
    assert chosen_classes(None, None, None) == (None, None)
