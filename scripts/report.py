#!/usr/bin/env python
"""`tfrepr report` from a clone, without an installation: see tfrepr/commands/report.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start
from tfrepr.commands.report import main

if __name__ == "__main__":
    start(main)
