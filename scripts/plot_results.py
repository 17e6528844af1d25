#!/usr/bin/env python
"""`tfrepr plot-results` from a clone, without an installation: see tfrepr/commands/plot_results.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start
from tfrepr.commands.plot_results import main

if __name__ == "__main__":
    start(main)
