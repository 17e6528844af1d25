"""Which test images are right, packed into bits and back."""

import json

import numpy as np
import pytest

from tfrepr.reading import UnreadableFileError
from tfrepr.results.answers import ANSWERS_FILE, packed_answers, read_answers


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
