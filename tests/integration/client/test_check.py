"""`recours check` and `recours reference` against a running ingest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.layout import Ports
from deploy.local.stack import Stack
from tests.integration.client.conftest import Run
from tests.unit.ingest.checks import tables
from tests.unit.x12.build import encode
from tests.unit.x12.build_claims import claim, one


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"), Ports.free(), services=("ingest",))
    stack.start()
    yield stack
    stack.discard()


@pytest.fixture
def run(stack: Stack, monkeypatch: pytest.MonkeyPatch, recours: Run) -> Run:
    monkeypatch.setenv("RECOURS_INGEST_URL", stack.url("ingest"))
    return recours


def test_findings_are_told_as_a_linter_does_and_decide_the_exit_status(run: Run, tmp_path: Path) -> None:
    wrong, right = tmp_path / "wrong.837", tmp_path / "right.837"
    wrong.write_bytes(encode(one(claim("B", "99"))))
    right.write_bytes(encode(one(claim("A"))))
    code, out, err = run("check", str(right))
    assert (code, out) == (0, "")
    assert "1 claims: 0 with errors, 0 with warnings, 1 clean." in err
    code, out, err = run("check", str(wrong))
    (line,) = [each for each in out.splitlines() if "STRUCT-CHARGE-SUM" in each]
    assert code == 1
    assert line.startswith(f"{wrong}:")
    assert "error STRUCT-CHARGE-SUM 2300 CLM02:" in line
    assert "recours reference load" in err
    code, out, _ = run("check", "--format", "json", str(wrong))
    assert (code, json.loads(out)["claims"][0]["verdict"]) == (1, "error")
    code, out, _ = run("check", "--format", "sarif", str(wrong))
    (told,) = json.loads(out)["runs"]
    assert (code, json.loads(out)["version"]) == (1, "2.1.0")
    assert "STRUCT-CHARGE-SUM" in {each["ruleId"] for each in told["results"]}
    offset = told["results"][0]["locations"][0]["physicalLocation"]["region"]["byteOffset"]
    assert wrong.read_bytes()[offset:].startswith(b"CLM*B")
    assert run("check", str(tmp_path / "absent"))[0] == 2


def test_the_files_of_a_release_are_loaded_as_one_and_shown(run: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "f1.txt", tmp_path / "f2.txt"
    first.write_bytes(tables.ptp(("G0283", "A4253", "20200101", "*", "0")))
    second.write_bytes(tables.ptp(("G0283", "J1885", "20200101", "*", "1")))
    code, out, _ = run("reference", "load", "ncci-ptp-practitioner", str(first), str(second), "--quarter", "2026Q1")
    assert code == 0
    assert out.split("\n")[2].split()[:4] == ["ncci-ptp-practitioner", "2026Q1", "2026-01-01", "2"]
    code, out, _ = run("reference", "list", "--json")
    assert json.loads(out)["releases"][0]["rows"] == 2
    first.write_bytes(first.read_bytes()[:-20])
    code, _, err = run("reference", "load", "ncci-ptp-practitioner", str(first), "--quarter", "2026Q1")
    assert code == 2
    assert "Nothing was changed" in err
