"""Which test images are right, packed into bits and back."""

import json

import numpy as np
import pytest

from tfrepr.reading import UnreadableFileError
from tfrepr.results.answers import ANSWERS_FILE, only_answer, packed_answers, read_answers


def test_bits_by_hand_and_back(tmp_path):
    right = {"nearest": np.array([1, 0, 1, 0, 0, 0, 0, 0, 1], bool), "threshold": np.zeros(9, bool)}
    assert packed_answers(right) == {"images": 9, "nearest": "a080", "threshold": "0000"}
    (tmp_path / ANSWERS_FILE).write_text(json.dumps(packed_answers(right)))
    for criterion, answers in read_answers(tmp_path).items():
        np.testing.assert_array_equal(answers, right[criterion])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": 9, "nearest": "a0"}', '{"images": 9, "nearest": "zz00"}',
                                  '{"images": "nine", "nearest": "a080"}', '{"images": 9, "nearest": 7}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / ANSWERS_FILE).write_text(text)
    with pytest.raises(UnreadableFileError, match=ANSWERS_FILE):
        read_answers(tmp_path)


@pytest.mark.parametrize(("right", "only"), [
    ([1, 1, 0, 0, 0], 0), ([0, 0, 0, 0, 1], 2), ([1, 0, 0, 0, 0], None), ([1, 1, 1, 0, 0], None), ([0] * 5, None),
    ([1] * 5, None)])
def test_a_network_that_always_says_the_same_is_known_by_what_it_gets_right(right, only):
    assert only_answer(np.array(right, bool), np.array([0, 0, 1, 1, 2])) == only
    assert only_answer(np.array(right, bool), np.zeros(5, int)) is None, "with one class there is nothing to confuse"
