"""The statistics of label tables as text for a reader and as rows for a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfrepr.labels.options import SPOKEN
from tfrepr.labels.statistics import NORMALISATIONS, NORMS, Statistic, below_threshold
from tfrepr.labels.tables import LabelTable
from tfrepr.text_tables import csv_text

Measured = Sequence[tuple[LabelTable, list[Statistic]]]

COLUMNS = ("source", "label", "dataset", "classes", "shape", "quantity", "normalisation", "detail", "mean", "spread",
           "paper_cell", "paper_mean", "paper_spread", "agrees", "note")


SINGLE_NUMBERS = {"closest pair": "closest pair, mean smooth L1", "effective rank": "effective rank"}
OTHER_VOICE = "the paper's words were spoken by Google Cloud text-to-speech; another voice has other numbers."


def rows(measured: Measured) -> list[dict[str, Any]]:
    """One row a number, with the columns `COLUMNS`; what does not apply is None."""
    return [_row(table, statistic) for table, statistics in measured for statistic in statistics]


def _row(table: LabelTable, statistic: Statistic) -> dict[str, Any]:
    paper = statistic.paper
    values = (table.source, table.label, table.dataset, len(table.table), "x".join(map(str, table.table.shape[1:])),
              statistic.quantity, statistic.normalisation or None, statistic.detail or None, statistic.mean, statistic.spread)
    if paper is None:
        return dict(zip(COLUMNS, (*values, None, None, None, None, None), strict=True))
    agrees = paper.agrees(statistic.mean, statistic.spread)
    return dict(zip(COLUMNS, (*values, paper.cell, paper.mean, paper.spread, agrees, None if agrees else paper.note or None),
                    strict=True))


def as_csv(measured: Measured) -> str:
    """The rows as CSV with one header line."""
    return csv_text(COLUMNS, (row.values() for row in rows(measured)))


def as_json(measured: Measured) -> str:
    """The rows as a JSON list of objects."""
    return json.dumps(rows(measured), indent=2) + "\n"


def as_text(table: LabelTable, statistics: Sequence[Statistic]) -> str:
    """Everything about one table, for the terminal: Table 2's numbers beside the paper's, then the rest."""
    title = " ".join(part for part in (table.label, table.dataset) if part)
    lines = [f"{title}: {table.shape_text} ({table.source})", f"  {'':34}{'here':>19}{'paper':>19}"]
    lines += [_table_2_line(statistic) for statistic in statistics[:3]]
    lines += [f"  {'':34}{NORMALISATIONS[0]:>19}{NORMALISATIONS[1]:>19}"]
    lines += [_norm_line(norm, statistics) for norm in NORMS]
    lines += [f"  {SINGLE_NUMBERS[statistic.quantity]:34}{statistic.mean:9.2f}  ({statistic.detail})"
              for statistic in statistics if statistic.quantity in SINGLE_NUMBERS]
    lines += [f"  Warning: {warning}" for warning in [below_threshold(statistics, table.label)] if warning]
    lines += [f"  Note: {statistic.paper.note}" for statistic in statistics if _is_explained(statistic)]
    if table.source == "made" and table.label in SPOKEN and any(map(_differs, statistics)):
        lines.append(f"  Note: {OTHER_VOICE}")
    return "\n".join(lines)


def summary(measured: Measured) -> str | None:
    """How many cells of the paper's table were met, or None where nothing was compared."""
    compared = [statistic for _, statistics in measured for statistic in statistics if statistic.paper]
    if not compared:
        return None
    met = sum(statistic.paper.agrees(statistic.mean, statistic.spread) for statistic in compared)
    explained = sum(map(_is_explained, compared))
    ending = f", {explained} differ for the reason noted" if explained else ""
    return f"Table 2: {met} of {len(compared)} cells within 0.01 of the paper{ending}."


def _table_2_line(statistic: Statistic) -> str:
    name = statistic.quantity if statistic.quantity != "entropy" else "entropy, bits"
    if statistic.normalisation:
        name += f" ({statistic.normalisation}, {statistic.detail})"
    line = f"  {name:34}{_plus_minus(statistic.mean, statistic.spread):>19}"
    if statistic.paper is None:
        return line
    agrees = statistic.paper.agrees(statistic.mean, statistic.spread)
    return line + f"{_plus_minus(statistic.paper.mean, statistic.paper.spread):>19}  {'agrees' if agrees else 'differs'}"


def _norm_line(norm: str, statistics: Sequence[Statistic]) -> str:
    found = {statistic.normalisation: statistic for statistic in statistics if statistic.quantity == norm}
    cells = [_plus_minus(found[normalisation].mean, found[normalisation].spread) for normalisation in NORMALISATIONS]
    return f"  {norm:34}" + "".join(f"{cell:>19}" for cell in cells)


def _plus_minus(mean: float, spread: float) -> str:
    return f"{mean:.2f} +- {spread:.2f}"


def _differs(statistic: Statistic) -> bool:
    return statistic.paper is not None and not statistic.paper.agrees(statistic.mean, statistic.spread)


def _is_explained(statistic: Statistic) -> bool:
    return _differs(statistic) and bool(statistic.paper.note)
