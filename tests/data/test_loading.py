"""Where the data of a config are looked for."""

from pathlib import Path

import pytest

from tfrepr.config import RunConfig
from tfrepr.data.loading import load_source, source_folder
from tfrepr.errors import UserError
from tfrepr.weak_labels.options import CleaningConfig, PseudoLabelConfig


@pytest.mark.parametrize("kind", [RunConfig, CleaningConfig, PseudoLabelConfig])
def test_what_the_command_says_now_comes_before_the_config(kind):
    config = kind(dataset="folder", folder="then")
    assert source_folder(config, Path("now")) == Path("now")
    assert source_folder(config, None) == Path("then")
    assert source_folder(kind(dataset="digits"), Path("now")) == Path("now")
    assert source_folder(kind(dataset="digits"), None) is None


def test_the_source_gets_the_folder_and_the_size(tmp_path):
    with pytest.raises(UserError, match="moved"):
        load_source(RunConfig(dataset="folder", folder=str(tmp_path)), tmp_path / "moved")
    assert load_source(RunConfig(), None).class_names[0] == "zero"
