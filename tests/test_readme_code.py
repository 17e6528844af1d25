"""The Python of the README does what it says."""

import re
from pathlib import Path

import numpy as np

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_ten_lines_of_python_train_a_network_that_answers(capsys):
    code, = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), flags=re.S | re.M)
    assert "epochs=5" in code
    names: dict = {}
    exec(compile(code.replace("epochs=5", "epochs=1, verbose=0"), "README.md", "exec"), names)
    answers = np.asarray(names["speech"].decode(names["model"].predict(names["digits"].test_images / 255.0, verbose=0)))
    assert set(answers) <= set(range(10))
    assert str(answers) in capsys.readouterr().out
