#!/usr/bin/env python
"""Let a network say what it sees: nearest words, spectrogram and sound; or judge its answers to the test set (paper A.1)."""

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start, user_errors
from tfrepr.errors import UserError


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("images", nargs=-1, type=click.Path(path_type=Path), metavar="[IMAGE]...")
@click.option("--run", required=True, type=click.Path(path_type=Path), metavar="RUN_DIR",
              help="a finished run with --label speech or speech-augmented")
@click.option("--top", type=click.IntRange(1, 10), default=5, show_default=True, help="how many words are named")
@click.option("--test-set", is_flag=True, help="judge the answers to test images instead: by threshold, nearest label and ear")
@click.option("--count", type=click.IntRange(1), default=1000, show_default=True, help="test images that are judged")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="folder with the files of the run's data")
@click.option("--out", type=click.Path(path_type=Path), default=None,
              help="folder for WAV files, figures and tables  [default: RUN_DIR/spoken]")
@click.option("--format", "formats", default="png", show_default=True, help="formats of the figure, of png, pdf and eps")
@user_errors
def main(images: tuple[Path, ...], run: Path, top: int, test_set: bool, count: int, data_dir: Path | None, out: Path | None,
         formats: str) -> None:
    """Write <image>.wav for each IMAGE (PNG or JPEG of any size) and spoken.png, which shows what was said.

    Pictures are cropped to the square in their middle and resized to the run's images. Nothing is played.
    """
    if bool(images) == test_set:
        raise UserError("Give pictures, or --test-set, and not both.")
    from tfrepr.analysis.speaking_command import check_files, speak_pictures, speak_test_set
    from tfrepr.figures.style import check_formats

    chosen_formats, folder = check_formats(formats.split(",")), out or run / "spoken"
    check_files(images)
    lines = speak_test_set(run, count=count, data_dir=data_dir, out=folder) if test_set else \
        speak_pictures(run, images, top=top, data_dir=data_dir, out=folder, formats=chosen_formats)
    for line in lines:
        click.echo(line)


if __name__ == "__main__":
    start(main)
