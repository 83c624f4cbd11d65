"""What the report gathers: what was measured last, wherever that was."""

import json
from pathlib import Path

import pytest

from tests.bench import report


def test_a_part_that_was_not_measured_here_stays_as_the_report_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, docs = tmp_path / "bench", tmp_path / "docs"
    here.mkdir()
    docs.mkdir()
    monkeypatch.setattr(report, "REPORTS", here)
    monkeypatch.setattr(report, "DOCS", docs)
    assert report.newest("trust") is None
    (docs / "performance.json").write_text(json.dumps({"trust": {"cpu": 1}}))
    assert report.newest("trust") == {"cpu": 1}
    assert report.newest("growth") is None
    for second, cpu in ((1, 2), (2, 3)):
        (here / f"trust-20261130T12000{second}.json").write_text(json.dumps({"cpu": cpu}))
    assert report.newest("trust") == {"cpu": 3}
