"""What the report and the claims read: all runs, the same by cell, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfrepr.results.seeds import RunIndex
from tfrepr.results.tables import Results


@dataclass(frozen=True)
class Sources:
    """Where rows and verdicts come from.

    Attributes:
        results: All runs.
        index: The same by cell.
        output: Folder of all results.
    """

    results: Results
    index: RunIndex
    output: Path
