"""Let a network say what it sees: nearest words, spectrogram and sound; or judge its answers to the test set (paper A.1)."""

import sys
from pathlib import Path

import click

from tfrepr.cli import FILE, FOLDER, command, command_line, data_dir_option, output_option, say_next, user_errors
from tfrepr.errors import UserError
from tfrepr.options import MOST_IMAGES
from tfrepr.selection import find_run


@command()
@click.argument("images", nargs=-1, type=FILE, metavar="[IMAGE]...")
@click.option("--run", required=True, metavar="RUN",
              help="a finished run with --label speech or speech-augmented: its directory, its name, or a pattern")
@click.option("--top", type=click.IntRange(1, 10), default=5, show_default=True, help="how many words are named")
@click.option("--test-set", is_flag=True, help="judge the answers to test images instead: by threshold, nearest label and ear")
@click.option("--count", type=click.IntRange(1, MOST_IMAGES), default=1000, show_default=True,
              help="test images that are judged")
@data_dir_option()
@click.option("--out", type=FOLDER, default=None,
              help="folder for WAV files, figures and tables  [default: spoken in the run directory]")
@output_option()
@click.option("--format", "formats", default="png", show_default=True, help="formats of the figure, of png, pdf and eps")
@user_errors
def main(images: tuple[Path, ...], run: str, top: int, test_set: bool, count: int, data_dir: Path | None, out: Path | None,
         output: Path, formats: str) -> None:
    """Write <image>.wav for each IMAGE (PNG, JPEG or WebP of any size) and spoken.png, which shows what was said.

    Pictures are cropped to the square in their middle and resized to the run's images. Nothing is played.
    """
    if bool(images) == test_set:
        raise UserError("Give pictures, or --test-set, and not both.")
    from tfrepr.analysis.speaking_command import check_files, speak_pictures, speak_test_set
    from tfrepr.figures.style import check_formats

    chosen_formats = check_formats(formats.split(","))
    check_files(images)
    chosen, bar = find_run(output, run), sys.stdout.isatty()
    lines = speak_test_set(chosen, count=count, data_dir=data_dir, out=out, progress_bar=bar) if test_set else \
        speak_pictures(chosen, images, top=top, data_dir=data_dir, out=out, formats=chosen_formats)
    for line in lines:
        click.echo(line)
    say_next(command_line("evaluate", run, data_dir=data_dir, output=output) if test_set else
             command_line("speak", run=run, test_set=True, data_dir=data_dir, output=output))
