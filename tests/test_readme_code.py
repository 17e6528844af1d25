"""The Python of the README does what it says."""

import re
from pathlib import Path

import keras

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_ten_lines_of_python_train_a_network_that_says_the_right_words(capsys):
    code, = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.S | re.M)
    assert "epochs=10" in code
    keras.utils.set_random_seed(0)
    exec(compile(code.replace("epochs=10", "epochs=6, verbose=0"), "README.md", "exec"), {})
    percent, = re.findall(r"^(\d+)% of the words are right$", capsys.readouterr().out, flags=re.M)
    assert int(percent) > 80
