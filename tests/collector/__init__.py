"""A real OpenTelemetry Collector, built from main.go: what tests hold deploy/observability/collector.yaml against."""

import sys
from pathlib import Path
from typing import Final

import pytest

PROGRAM: Final = Path(sys.executable).with_name("otelcol")
MISSING: Final = "No collector was found: `make collector` builds one (Linux; it asks the package index and the Go module proxy)."

needs_collector = pytest.mark.skipif(not PROGRAM.exists(), reason=MISSING)
