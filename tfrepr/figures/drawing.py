"""From folders to files: choose runs, draw every page of the figures asked for, write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfrepr.figures.series import NothingToPlotError
from tfrepr.figures.style import check_formats, save
from tfrepr.registry import FIGURES
from tfrepr.results import Results, experiment_names, experiment_runs, find_runs, read_results


def choose_runs(output: Path, experiment: str | None, patterns: Sequence[str]) -> tuple[str, Results]:
    """A name for the choice and the results: the named runs, the named experiment, or the experiment that ran last.

    Where no experiment was run, all runs under `output` are chosen.

    Raises:
        UserError: No such runs; the message says which command makes them.
    """
    if not patterns and experiment is None:
        experiment = next(iter(experiment_names(output)), None)
    paths = find_runs(output, patterns) if experiment is None else experiment_runs(output, experiment)
    return experiment or "runs", read_results(paths)


def pages(results: Results, by: Sequence[str]) -> Iterator[tuple[str, Results]]:
    """Cuts results into pages: pairs of a suffix for the file name (empty if there is one page) and the page's results."""
    varying = [name for name in by if results.runs[name].nunique(dropna=False) > 1]
    if not varying:
        yield "", results
        return
    for values, rows in results.runs.groupby(varying, dropna=False, sort=True):
        parts = [_slug(name, value) for name, value in zip(varying, values, strict=True)]
        yield "-".join(filter(None, parts)), results.where(results.runs.index.isin(rows.index))


def _slug(name: str, value: Any) -> str:
    text = f"p{value:g}" if name == "percent" else "" if value is None or value != value else str(value)
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def draw(results: Results, figures: Sequence[str], folder: Path, name: str, formats: Sequence[str]) -> Iterator[Path]:
    """Draws figures and yields the paths as they are written: `<folder>/<name>-<figure>[-<page>].<format>`.

    Args:
        figures: Registered names. None: every figure for which the runs have the data.

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
