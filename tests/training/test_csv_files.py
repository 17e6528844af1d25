"""Logs that a resumed run goes on with."""

import pytest

from tfrepr.errors import UserError
from tfrepr.training.csv_files import cut_back

COLUMNS = ("epoch", "train_loss", "val_loss")
PLAIN = "epoch,train_loss,val_loss\n1,0.5,0.25\n2,0.25,\n"


@pytest.mark.parametrize("content", [
    (PLAIN + "3,0.125,1\n4,0.0").encode(), PLAIN.encode("utf-8-sig"), PLAIN.encode("utf-16"),
    PLAIN.replace("\n", "\r\n").encode(),
    PLAIN.replace(",", ";").replace(".", ",").encode(), PLAIN.replace("1,", "1.0,").replace("2,0", "2.0,0").encode(),
    b"train_loss,epoch,val_loss\n0.5,1,0.25\n0.25,2,\n"])
def test_what_a_kill_or_a_spreadsheet_left_becomes_plain_and_ends_at_the_checkpoint(content, tmp_path):
    (tmp_path / "history.csv").write_bytes(content)
    cut_back(tmp_path / "history.csv", COLUMNS, 2)
    assert (tmp_path / "history.csv").read_text() == PLAIN


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", PLAIN.replace("2,", "two,").encode(), PLAIN.replace("2,", "2.5,").encode()])
def test_a_foreign_log_is_refused_and_not_touched(content, tmp_path):
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match="Move it away; the log then begins with the next row"):
        cut_back(path, COLUMNS, 2)
    assert path.read_bytes() == content


def test_a_new_log_has_a_header(tmp_path):
    cut_back(tmp_path / "run" / "history.csv", COLUMNS, 0)
    assert (tmp_path / "run" / "history.csv").read_text() == PLAIN.partition("\n")[0] + "\n"
