"""Draws the figures of finished (and running) experiments from the CSV logs under the output folder."""

from __future__ import annotations

from pathlib import Path

import click

from tfrepr.cli import FOLDER, TEXT, command, command_line, say_next, user_errors
from tfrepr.errors import UserError
from tfrepr.registry import FIGURES


def figure_list() -> str:
    """The figures with their descriptions, for `--help`."""
    return "\b\nFigures:\n" + "\n".join(f"  {name}: {FIGURES.describe(name)}" for name in FIGURES)


@command(epilog=figure_list(), width=120)
@click.option("--experiment", metavar="NAME", help="Runs of this experiment (default: the experiment that ran last).")
@click.option("--runs", multiple=True, metavar="RUN",
              help="Run directories, folders of them, names of runs, or patterns of these, as '*-speech-p*' (repeatable).")
@click.option("--figure", "figures", multiple=True, metavar="NAME",
              help="Draw this figure (repeatable; default: all for which there are data).")
@click.option("--network", type=click.Choice(["all", "each"]),
              help="Figure 1a of Zhang et al. 2016: the mean over networks, or one for each.")
@click.option("--output", type=FOLDER, default="output", show_default=True, help="Folder that holds runs/.")
@click.option("--plots", type=FOLDER, default="plots", show_default=True, help="Folder for the figures.")
@click.option("--format", "formats", default="png,pdf", show_default=True, help="File formats, of png, pdf and eps.")
@click.option("--name", type=TEXT, help="Start of the file names (default: the experiment's name, or `runs`).")
@user_errors
def main(experiment: str | None, runs: tuple[str, ...], figures: tuple[str, ...], output: Path, plots: Path, formats: str,
         name: str | None, network: str | None) -> None:
    """Draw figures from the logs of runs and write them to plots/<experiment>-<figure>.png and .pdf.

    Where runs on corrupted data logged their training accuracy, a table of the steps until 95% is written beside them.
    """
    if experiment is not None and runs:
        raise UserError("--experiment and --runs exclude each other; give one of them.")
    from tfrepr.figures.drawing import choose_runs, draw
    from tfrepr.figures.style import check_formats
    from tfrepr.results.convergence import write_convergence

    if network is not None:
        figures = (*figures, {"all": "rethinking-loss-mean", "each": "rethinking-loss"}[network])
    for figure in figures:
        FIGURES.check(figure)
    chosen_formats = check_formats(formats.split(","))
    if name is not None and Path(name).name != name:
        raise UserError(f"--name is the start of file names, without folders; --plots names a folder. Received: {name!r}.")
    title, results = choose_runs(output, experiment, runs)
    for note in results.notes:
        click.secho(f"Note: {note}", fg="yellow", err=True)
    click.echo(f"Figures of {len(results.runs)} run{'s' if len(results.runs) != 1 else ''} ({title}):")
    for path in draw(results, figures, plots, name or title, chosen_formats):
        click.echo(f"  {path}")
    for path in write_convergence(results, plots, name or title):
        click.echo(f"  {path}")
    say_next(command_line("report", output=output))
