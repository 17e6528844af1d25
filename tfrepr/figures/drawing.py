"""From folders to files: choose runs, draw every page of the figures asked for, write them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tfrepr.figures.series import NothingToPlotError
from tfrepr.figures.style import check_formats, save
from tfrepr.registry import FIGURES
from tfrepr.results.seeds import asked_epochs, is_trial
from tfrepr.results.tables import Results, experiment_names, experiment_runs, read_results
from tfrepr.selection import MOST_NAMED, find_runs


def choose_runs(output: Path, experiment: str | None, patterns: Sequence[str]) -> tuple[str, Results]:
    """A name for the choice and the results: the named runs, the named experiment, or the experiment that ran last.

    Where no experiment was run, all runs under `output` are chosen.

    Raises:
        UserError: No such runs; the message says which command makes them.
    """
    if not patterns and experiment is None:
        experiment = next(iter(experiment_names(output)), None)
    paths = find_runs(output, patterns) if experiment is None else experiment_runs(output, experiment)
    results = read_results(paths)
    return experiment or "runs", dataclasses.replace(results, notes=(*results.notes, *trial_notes(results.runs)))


def trial_notes(runs: pd.DataFrame) -> list[str]:
    """One line that names the trials among the runs, where there are any."""
    asked = asked_epochs()
    trials = [run["run"] for run in runs.to_dict("records") if is_trial(run, asked)]
    named = ", ".join(trials[:MOST_NAMED]) + (", ..." if len(trials) > MOST_NAMED else "")
    return [f"{len(trials)} of {len(runs)} runs are trials, shorter than any experiment asks for: {named}"] if trials else []


def pages(results: Results, by: Sequence[str]) -> Iterator[tuple[str, Results]]:
    """Cuts results into pages that agree in all columns `by`, of runs or of attacks.

    Yields:
        A suffix for the file name, of what differs between the pages (and of the attack protocol, unless it is the paper's),
        and the page's results.
    """
    for run_part, runs in _parts(results.runs, [name for name in by if name in results.runs], results.runs):
        page = results if runs is results.runs else results.where(results.runs.index.isin(runs.index))
        for attack_part, attacks in _parts(page.attacks, [name for name in by if name not in results.runs], results.attacks):
            yield "-".join(filter(None, (run_part, attack_part))), dataclasses.replace(page, attacks=attacks)


def _parts(table: pd.DataFrame, columns: Sequence[str], whole: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Rows by the values of those columns that vary in the whole table."""
    varying = [name for name in columns if name == "protocol" or whole[name].nunique(dropna=False) > 1]
    if table.empty or not varying:
        yield "", table
        return
    for values, rows in table.groupby(varying, dropna=False, sort=True):
        yield "-".join(filter(None, map(_slug, varying, values))), rows


def _slug(name: str, value: Any) -> str:
    """A value of a column in a file name."""
    if value is None or value != value or (name, value) == ("protocol", "paper"):
        return ""
    words = {"percent": "p{:g}", "percent_of": "of{:g}", "images": "{:g}-images", "attack_seed": "targets{:g}"}
    return re.sub(r"[^a-z0-9.]+", "-", words.get(name, "{}").format(value).lower()).strip("-")


def draw(results: Results, figures: Sequence[str], folder: Path, name: str, formats: Sequence[str]) -> Iterator[Path]:
    """Draws figures and yields the paths as they are written: `<folder>/<name>-<figure>[-<page>].<format>`.

    Args:
        figures: Registered names; empty: every figure for which the runs have the data.

    Raises:
        NothingToPlotError: A figure that was asked for by name has no data, or none of all figures has.
        UserError: An unknown format.
    """
    formats, drawn = check_formats(formats), set()
    for figure in figures or FIGURES.names():
        reason = None
        for suffix, page in pages(results, FIGURES[figure].page_by):
            try:
                picture = FIGURES[figure](page)
            except NothingToPlotError as error:
                reason = error
                continue
            drawn.add(figure)
            yield from save(picture, folder / "-".join(filter(None, (name, figure, suffix))), formats)
        if figures and figure not in drawn:
            raise reason
    if not drawn:
        raise NothingToPlotError("There is nothing to plot yet: none of these runs has a history. "
                                 "Train with: python scripts/train.py")
