"""The worst case over the attacks of each protocol on pixels, and over all these protocols together, for tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfrepr.results.attack_rows import ENSEMBLE, PIXEL_PROTOCOLS, SURVIVORS_FILE, Survivors, values_of
from tfrepr.results.tables import Results

TOGETHER = "together"
"""Beside the names of the protocols: the worst case of all of them."""
COLUMNS = ("run", "images", "protocol", "epsilon", "clean_correct", "still_correct")


def last_iterate(protocol: str) -> str:
    """What rows of a protocol are called that are from before every iterate counted."""
    return f"{protocol}, last iterate"


def together(rows: Iterable[Mapping[str, Any]], survivors: Survivors) -> np.ndarray | None:
    """Which images withstand all of these attacks of a run.

    Args:
        rows: Of attacks.csv, one or more, all on the same images.
        survivors: Of the same run.

    Returns:
        bool, `(images,)`; None where the images of a row are not stored, or are others than its count says.
    """
    left = []
    for row in rows:
        key = values_of(row)
        if key not in survivors or survivors[key].sum() != row["still_correct"]:
            return None
        left.append(survivors[key])
    return np.logical_and.reduce(left)


def worst_cases(results: Results) -> pd.DataFrame:
    """Counts by run, number of images, protocol and epsilon (in 1/255), by the nearest label.

    Of a protocol that was run in several settings and with several seeds, the images count that withstood all of them; where
    which these are is not stored, the setting that leaves least counts. All protocols together have a row where two or more
    were run and the survivors of each are stored; it may lie below all of them.

    Returns:
        A data frame with `COLUMNS`; `protocol` is one of `PIXEL_PROTOCOLS`, `last_iterate` of one, or `TOGETHER`.
    """
    rows = results.attacks
    rows = rows[rows["protocol"].isin(PIXEL_PROTOCOLS) & (rows["attack"] == ENSEMBLE) & (rows["space"] == "pixel")
                & (rows["criterion"] == "nearest")]
    paths = zip(results.runs["run"], results.runs["path"], strict=True)
    stored = {run: Path(path) / SURVIVORS_FILE for run, path in paths}
    found = [row for run, own in rows.groupby("run") for row in _of_run(own, Survivors(stored[run]))]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _of_run(rows: pd.DataFrame, survivors: Survivors) -> Iterator[tuple]:
    for (run, images, epsilon), same in rows.groupby(["run", "images", "epsilon"]):
        named = same["protocol"].where(same["every_iterate"] == 1, same["protocol"].map(last_iterate))
        parts = dict(list(same.groupby(named)))
        if same["protocol"].nunique() > 1:
            parts[TOGETHER] = same
        for protocol, part in parts.items():
            withstood = together(part.to_dict("records"), survivors)
            if withstood is not None or protocol != TOGETHER:
                left = part["still_correct"].min() if withstood is None else withstood.sum()
                yield run, images, protocol, epsilon, same["clean_correct"].iloc[0], int(left)
