"""`python -m drum_core`: the command line."""

from __future__ import annotations

import sys

from drum_core.cli import main

sys.exit(main())
