"""The worst case over the attacks of each protocol on pixels, and over all these protocols together, for tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfrepr.results.attack_rows import ENSEMBLE, PIXEL_PROTOCOLS, SURVIVORS_FILE, Survivors, values_of
from tfrepr.results.tables import Results

LAST_ITERATE, TOGETHER = "standard, last iterate", "together"
"""What stands beside the names of the protocols: rows from before every iterate counted, and the worst of all protocols."""
COLUMNS = ("run", "attack_seed", "images", "protocol", "epsilon", "clean_correct", "still_correct")


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
    """Counts by run, attack seed, number of images, protocol and epsilon (in 1/255), by the nearest label.

    Of a protocol that was run in several settings, the one that leaves least counts. All protocols together, in all settings,
    have a row where two or more were run and the survivors of each are stored; it may lie below all of them.

    Returns:
        A data frame with `COLUMNS`; `protocol` is one of `PIXEL_PROTOCOLS`, or `LAST_ITERATE` or `TOGETHER`.
    """
    rows = results.attacks
    rows = rows[rows["protocol"].isin(PIXEL_PROTOCOLS) & (rows["attack"] == ENSEMBLE) & (rows["space"] == "pixel")
                & (rows["criterion"] == "nearest")]
    paths = zip(results.runs["run"], results.runs["path"], strict=True)
    stored = {run: Path(path) / SURVIVORS_FILE for run, path in paths}
    found = [row for run, own in rows.groupby("run") for row in _of_run(own, Survivors(stored[run]))]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _of_run(rows: pd.DataFrame, survivors: Survivors) -> Iterator[tuple]:
    for (run, seed, images, epsilon), same in rows.groupby(["run", "attack_seed", "images", "epsilon"]):
        named = same["protocol"].where((same["protocol"] != "standard") | (same["every_iterate"] == 1), LAST_ITERATE)
        left = same.groupby(named)["still_correct"].min().to_dict()
        withstood = together(same.to_dict("records"), survivors) if same["protocol"].nunique() > 1 else None
        if withstood is not None:
            left[TOGETHER] = int(withstood.sum())
        for protocol, count in left.items():
            yield run, seed, images, protocol, epsilon, same["clean_correct"].iloc[0], count
