"""Evaluate a finished run on any images: accuracies, common corruptions, confusion matrix, calibration."""

import sys
from pathlib import Path

import click

from tfrepr.analysis.common_corruptions import COMMON_CORRUPTIONS, chosen_corruptions
from tfrepr.cli import FILE, FOLDER, PATH, TEXT, command, command_line, data_dir_option, output_option, say_next, user_errors
from tfrepr.errors import UserError
from tfrepr.options import MOST_IMAGES
from tfrepr.registry import DATASETS
from tfrepr.selection import find_run


@command()
@click.argument("run", metavar="RUN")
@click.option("--dataset", type=TEXT, default=None, metavar="NAME",
              help=f"other images with the same class names: {', '.join(DATASETS.names())}  [default: the run's own test set]")
@data_dir_option("folder with the files of the images")
@click.option("--train-dir", type=PATH, default=None,
              help="folder with the data of the run  [default: --data-dir without --dataset, else where training found them]")
@click.option("--all-images", is_flag=True, help="with --dataset: its training images as well as its test set")
@click.option("--images", type=click.IntRange(1, MOST_IMAGES), default=None, metavar="N", help="the first N images only")
@click.option("--corruptions", default="none", show_default=True, metavar="NAMES",
              help=f"all, or names with commas between: {', '.join(COMMON_CORRUPTIONS)}; each at five strengths")
@click.option("--same-images", type=FILE, default=None, metavar="FILE.npz",
              help="other copies of the first test images (arrays images, labels): compare the run's decisions image by image")
@click.option("--out", type=FOLDER, default=None,
              help="folder for the results  [default: evaluation/<images> in the run directory]")
@output_option()
@click.option("--format", "formats", default="png,pdf", show_default=True, help="formats of the figures, of png, pdf and eps")
@user_errors
def main(run: str, dataset: str | None, data_dir: Path | None, train_dir: Path | None, all_images: bool, images: int | None,
         corruptions: str, same_images: Path | None, out: Path | None, output: Path, formats: str) -> None:
    """Evaluate the best checkpoint of a run and write results.csv, classes.csv, confusion.csv, evaluation.json and figures.

    RUN is a run directory, a run's name, or a pattern that fits one run alone.

    With --same-images: paired.json alone, the accuracy on two copies of the same images, with a 95% interval.
    """
    if same_images is not None:
        if dataset is not None or train_dir is not None or all_images or images is not None or corruptions != "none":
            raise UserError("--same-images compares all images of its file with the run's own test images: it goes with "
                            "--data-dir and --out alone.")
        from tfrepr.analysis.paired_copies import compare_copies

        for line in compare_copies(find_run(output, run), same_images, data_dir, out):
            click.echo(line)
        say_next(command_line("evaluate", run, corruptions="all", data_dir=data_dir, output=output))
        return
    from tfrepr.figures.style import check_formats

    conditions, chosen_formats = chosen_corruptions(corruptions), check_formats(formats.split(","))
    if dataset is not None:
        DATASETS.check(dataset)
    from tfrepr.analysis.evaluation_command import evaluate_command

    for line in evaluate_command(find_run(output, run), dataset=dataset, data_dir=data_dir, train_dir=train_dir,
                                 all_images=all_images, first=images, conditions=conditions, out=out, formats=chosen_formats,
                                 progress_bar=sys.stdout.isatty()):
        click.echo(line)
    own_dir = train_dir or (data_dir if dataset is None else None)
    say_next(command_line("attack", run, data_dir=own_dir, output=output) if conditions[1:] else
             command_line("evaluate", run, corruptions="all", dataset=dataset, data_dir=data_dir, train_dir=train_dir,
                          output=output))
