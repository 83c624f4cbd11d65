"""From a refusal to the money, over real files, processes and Kafka: refused, filed by a person, paid, overturned, told of."""

import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libs.client import cli
from libs.common.contracts.appeal_decided import AppealDecidedV1
from libs.common.contracts.appeal_filed import AppealFiledV1
from tests.e2e.test_order import file
from tests.support.system import System

TODAY = datetime.now(UTC).date()
REFUSED_ON, FILED_ON, PAID_ON = (TODAY - timedelta(days=days) for days in (60, 40, 5))


def run(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    """Run `recours` in this process; return its exit status and all that it said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["recours", *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out + captured.err


def test_a_refusal_is_filed_paid_and_overturned(
    system: System, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOURS_APPEALS_URL", system.url("appeals"))
    system.take_in(file("refusal", "77", REFUSED_ON))
    (case,) = system.pages("appeals", "/v1/cases", pcn="ORDER77")
    filing = ["cases", "file", case["case_id"], "--channel", "portal", "--level", "internal_appeal", "--why", "It was approved."]
    code, said = run(capsys, *filing, "--filed-on", FILED_ON.isoformat())
    assert (code, said.split(",")[0].split(":")[0]) == (0, "filed")
    code, said = run(capsys, *filing)
    assert (code, "ask the payer about it from" in said) == (2, True), said
    system.take_in(file("correction", "77", PAID_ON), file("reversal", "77", PAID_ON))
    code, said = run(capsys, "cases", "show", case["case_id"])
    assert (code, said.splitlines()[0].split(":")[0]) == (0, "overturned")
    assert "90.00" in said
    key = case["claim_key"].encode()
    (filed,) = [msgspec.json.decode(each.value, type=AppealFiledV1) for each in system.records("appeal.filed") if each.key == key]
    told = [msgspec.json.decode(each.value, type=AppealDecidedV1) for each in system.records("appeal.decided") if each.key == key]
    last = max(told, key=lambda each: each.revision)
    assert (last.appeal_id, last.outcome, last.recovered_cents) == (filed.appeal_id, "overturned", 9_000)
    assert (last.level, last.days, last.decided_by) == ("internal_appeal", 35, "remittance")
