"""The bar that moves on a terminal: how much is done, and the time left at the speed so far."""

from tfrepr.training.callbacks import BAR, BAR_WIDTH, EpochLines, bar_text


def test_the_bar_counts_the_whole_run_and_foretells_the_rest():
    """Ten steps in 20 seconds: 60 more take two minutes."""
    text = bar_text(20, 80, "epoch 2/8", first=10, begun=100.0, now=120.0)
    assert text.split() == ["epoch", "2/8", f"[{'#' * 6}{'-' * 18}]", "25%", "2", "min", "left"]
    assert len(text) == len(bar_text(1, 80, "epoch 1/8", first=1, begun=0.0, now=0.0)) == BAR_WIDTH
    assert "left" not in bar_text(1, 80, "epoch 1/8", first=1, begun=0.0, now=0.0)
    assert "#" * BAR in bar_text(80, 80, "epoch 8/8", first=1, begun=0.0, now=1.0)


def test_a_resumed_run_foretells_from_its_own_speed(capsys, monkeypatch):
    """Epoch 3 of 4 with two steps each, a step a minute; the first one, which compiles, does not count."""
    clock = iter([1000.0, 1060.0, 1120.0])
    monkeypatch.setattr("tfrepr.training.callbacks.time.perf_counter", lambda: next(clock))
    lines = EpochLines(4, moving=True)
    lines.set_params({"steps": 2})
    lines.on_epoch_begin(2)
    lines.on_train_batch_end(0)
    lines.on_train_batch_end(1)
    lines.on_epoch_end(2, {"train_loss": 1.0, "images_per_second": 10.0})
    shown = capsys.readouterr().out.split("\r")
    assert "epoch 3/4" in shown[1]
    assert "75%  2 min left" in shown[2]
    assert shown[3] == " " * BAR_WIDTH
    assert shown[4].startswith("  epoch 3/4  loss 1")
