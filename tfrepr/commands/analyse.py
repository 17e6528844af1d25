"""Look into finished runs: features of the end of training with their scores, and Grad-CAM maps."""

import sys
from pathlib import Path

import click

from tfrepr.cli import command, command_line, data_dir_option, output_option, say_next, user_errors


@command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@data_dir_option("folder with the data of the runs  [default: where their training found them]")
@output_option()
@user_errors
def main(runs: tuple[str, ...], data_dir: Path | None, output: Path) -> None:
    """Write gradcam.npz and, where training kept no features, those of its end, into run directories.

    RUN is a run directory, a folder of them, a run's name, or a pattern of these such as '*-speech-p*'. Then draw with:
    scripts/plot_results.py --figure figure8 (or figure5, figure9).
    """
    from tfrepr.analysis.collection import analyse_runs
    from tfrepr.runs import RunDirectory
    from tfrepr.selection import find_runs

    exit_code = analyse_runs([RunDirectory(path) for path in find_runs(output, runs)], data_dir)
    if exit_code == 0:
        named = [word for path in runs for word in ("--runs", path)]
        say_next(command_line("plot_results", *named, "--figure", "figure8", "--figure", "figure9", output=output))
    sys.exit(exit_code)
