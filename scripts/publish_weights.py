#!/usr/bin/env python
"""`tfrepr publish-weights` from a clone, without an installation: see tfrepr/commands/publish_weights.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tfrepr.cli import start
from tfrepr.commands.publish_weights import main

if __name__ == "__main__":
    start(main)
