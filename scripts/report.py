#!/usr/bin/env python
"""Write RESULTS.md and the table of results in README.md: the paper's numbers beside ours."""

from __future__ import annotations

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import user_errors

ROOT = Path(__file__).resolve().parents[1]


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--output", type=click.Path(path_type=Path), default=Path("output"), show_default=True,
              help="folder of all results")
@click.option("--report", type=click.Path(path_type=Path), default=ROOT / "RESULTS.md",
              help="the report  [default: RESULTS.md]")
@click.option("--readme", type=click.Path(path_type=Path), default=ROOT / "README.md",
              help="file with the two markers between which the table is written  [default: README.md]")
@click.option("--no-readme", is_flag=True, help="write the report alone")
@user_errors
def main(output: Path, report: Path, readme: Path, no_readme: bool) -> None:
    """Compare all runs under the output folder with the paper."""
    from tfrepr.report import read_sources, update_readme, write_report

    sources = read_sources(output)
    for note in sources.results.notes:
        click.secho(f"Note: {note}", fg="yellow", err=True)
    write_report(sources, report)
    click.echo(f"Written: {report} ({len(sources.results.runs)} runs)")
    if not no_readme:
        update_readme(sources, readme)
        click.echo(f"Written: the table in {readme}")


if __name__ == "__main__":
    main()
