#!/usr/bin/env python
"""Keep the records of finished runs; write RESULTS.md and the README's tables from them, the paper's numbers beside ours."""

from __future__ import annotations

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start, user_errors

ROOT = Path(__file__).resolve().parents[1]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True,
              help="folder of all results")
@click.option("--report", type=click.Path(path_type=Path), default=ROOT / "RESULTS.md",
              help="the report  [default: RESULTS.md]")
@click.option("--readme", type=click.Path(path_type=Path), default=ROOT / "README.md",
              help="file with the markers between which the tables are written  [default: README.md]")
@click.option("--no-readme", is_flag=True, help="write the report alone")
@user_errors
def main(output: Path, report: Path, readme: Path, no_readme: bool) -> None:
    """Compare all finished runs with the paper.

    First copies their records (config, environment, logs and figures as numbers; no weights, no data) from the output folder to
    its sub-folder results, which is under version control; then writes the report from all records there.
    """
    from tfrepr.records import FOLDER, keep_records
    from tfrepr.report import read_sources, update_readme, write_report

    click.echo(f"Records kept in {output / FOLDER}: {len(keep_records(output))} files are new or changed")
    sources = read_sources(output / FOLDER)
    for note in sources.results.notes:
        click.secho(f"Note: {note}", fg="yellow", err=True)
    write_report(sources, report)
    click.echo(f"Written: {report} ({len(sources.results.runs)} runs)")
    if not no_readme:
        update_readme(sources, readme)
        click.echo(f"Written: the tables in {readme}")


if __name__ == "__main__":
    start(main)
