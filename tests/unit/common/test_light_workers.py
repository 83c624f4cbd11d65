"""What a worker holds from its start on: nothing that only an API, a model, a document or a packet needs."""

import json
import subprocess
import sys

import pytest

from deploy.local.layout import ROOT, SERVICES

_HEAVY = ("fastapi", "numpy", "scipy", "lightgbm", "pypdf", "PIL", "typst", "duckdb", "pyarrow", "plotly")


@pytest.mark.parametrize("service", SERVICES)
def test_a_worker_starts_without_what_only_others_need(service: str) -> None:
    told = f"import json, sys, services.{service}.__main__; print(json.dumps([name for name in {_HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
