"""Tests, by what they prove."""

import os
from pathlib import Path

# The master key under which tests and benchmarks seal: of every process that they start, too.
os.environ.setdefault("RECOURS_MASTER_KEY_FILE", str(Path(__file__).parent / "support" / "master.keys"))
