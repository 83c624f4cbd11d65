"""RECOURS_INFRA=docker, both ways: the stack starter's by compose, and the tests' own by Testcontainers."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from deploy.local.layout import ROOT, Ports
from deploy.local.stack import Stack

# A few that between them make databases, migrate them, hold locks, send, consume and wait out servers.
_TESTS = ("tests/integration/spine/test_transactions.py", "tests/integration/spine/test_health.py")


def test_a_stack_starts_on_containers_and_stops_and_removes_them(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "stack", Ports.free(), services=("ingest",), environment={"RECOURS_INFRA": "docker"})
    try:
        stack.start()
        assert stack.state()["infra"] == "docker"
        assert httpx.get(stack.url("ingest") + "/readyz").json()["status"] == "ok"
    finally:
        stack.discard()


def test_the_integration_tests_run_on_containers() -> None:
    told = {**os.environ, "RECOURS_INFRA": "docker", "TESTCONTAINERS_RYUK_DISABLED": "true"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_TESTS]
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]
