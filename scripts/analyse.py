#!/usr/bin/env python
"""Look into finished runs: features of the end of training with their scores, and Grad-CAM maps."""

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start, user_errors


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("runs", nargs=-1, required=True, metavar="RUN_DIR...")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="folder with the data set's files")
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True,
              help="folder of all results, where run names are looked up")
@user_errors
def main(runs: tuple[str, ...], data_dir: Path | None, output: Path) -> None:
    """Write gradcam.npz and, where training kept no features, those of its end, into run directories.

    RUN_DIR is a run directory, a folder of them or a pattern of run names such as '*-speech-*'. Then draw with:
    scripts/plot_results.py --figure figure8 (or figure5, figure9).
    """
    from tfrepr.analysis.collection import analyse_runs
    from tfrepr.results import find_runs
    from tfrepr.runs import RunDirectory

    sys.exit(analyse_runs([RunDirectory(path) for path in find_runs(output, runs)], data_dir))


if __name__ == "__main__":
    start(main)
