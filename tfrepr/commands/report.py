"""Compare all finished runs with the paper: a report beside the runs, with the paper's numbers beside ours."""

from __future__ import annotations

from pathlib import Path

import click

from tfrepr.cli import FOLDER, USUAL_FOLDERS, command, command_line, output_option, say_next, user_errors
from tfrepr.errors import UserError


@command()
@output_option("folder of all results")
@click.option("--report", type=FOLDER, default=None,
              help="folder of the report  [default: report in the folder of all results]")
@click.option("--no-figures", is_flag=True, help="write the report and the records alone")
@click.option("--publish", is_flag=True,
              help="for maintainers: write the project's own RESULTS.md, tables of pages, plots and output/results instead")
@click.option("--project", type=FOLDER, default=None,
              help="with --publish and --page: the project's folder  [default: the clone that this program lies in]")
@click.option("--page", is_flag=True, help="write the page to hear and see alone: docs/index.html of the project, or "
                                           "index.html in the folder of --report")
@click.option("--run", default=None, metavar="RUN", help="with --page: a finished run with a spoken label  [default: the best]")
@click.option("--data-dir", type=FOLDER, default=None, help="with --page: folder with the data of the run  [default: where its "
                                                            "training found them]")
@user_errors
def main(output: Path, report: Path | None, no_figures: bool, publish: bool, project: Path | None, page: bool,
         run: str | None, data_dir: Path | None) -> None:
    """Compare all finished runs with the paper.

    Writes RESULTS.md, figures, and the records of the runs (config, environment, logs; no weights, no data) into a folder of
    their own. Nothing of the project changes, unless --publish or --page says so.
    """
    from tfrepr.report import publishing

    if publish and (report is not None or no_figures or page):
        raise UserError("--publish writes the project's own files: --report, --no-figures and --page do not go with it.")
    if not page and (run is not None or data_dir is not None):
        raise UserError("--run and --data-dir say whose answers the page shows. Add --page, or leave them out.")
    if project is not None and not (publish or page):
        raise UserError("--project says whose files --publish and --page write. Add one of them, or leave it out.")
    if not output.is_dir() and output != Path(USUAL_FOLDERS["output"]):  # a new installation has no usual one yet
        raise UserError(f"There is no folder {output}, and so no run to report. Name the folder of all results with --output, "
                        f"or make runs with: {command_line('train', output=output)}")
    project = project or publishing.PROJECT
    if page:
        lines = publishing.publish_page(output, run, data_dir=data_dir, project=project, report=report)
    else:
        lines = publishing.publish(output, project) if publish else \
            publishing.write_user_report(output, report or output / "report", figures=not no_figures)
    for line in lines:
        click.secho(line, fg="yellow" if line.startswith("Note") else None, err=line.startswith("Note"))
    say_next(command_line("train", list=True, output=output))
