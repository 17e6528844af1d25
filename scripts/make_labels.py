#!/usr/bin/env python
"""`tfrepr make-labels` from a clone, without an installation: see tfrepr/commands/make_labels.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start
from tfrepr.commands.make_labels import main

if __name__ == "__main__":
    start(main)
