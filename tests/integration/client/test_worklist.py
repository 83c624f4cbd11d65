"""`recours worklist` and `recours payers` against appeals as its process serves it, over a real database."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from libs.common.clock import FixedClock
from libs.common.contracts.denial_classified import Reason
from libs.common.contracts.envelope import Received
from libs.common.database import Database
from libs.common.worker import catch_up
from services.appeals.handlers import handle_denials
from services.appeals.store import Denial
from services.appeals.worklist.bulk import BulkRunner
from tests.integration.client.conftest import Run
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, run_apart

PAYER = "1999999999"


@pytest.fixture
def database(service_database: Any) -> ServiceDatabase:
    return cast("ServiceDatabase", service_database("appeals"))


@pytest.fixture
def run(database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch, recours: Run) -> Iterator[Run]:
    with served("appeals", database) as url:
        monkeypatch.setenv("RECOURS_APPEALS_URL", url)
        yield recours


def denial(pcn: str, cents: int) -> Received[Denial]:
    told = Denial(
        denial_id=uuid4(), revision=1, status="active", remit_id=uuid4(), claim_key=uuid4(), patient_control_number=pcn,
        payer_claim_control_number="ICN", payer_id=PAYER, payer_name="PAYER", payment_on=datetime.now(UTC).date(),
        denied_cents=cents, category="authorization", action="appeal", explanation="No authorization.",
        reasons=(Reason("CO", "197", cents, "authorization"),), recoverable=True, payer_kind="medicare_advantage",
    )  # fmt: skip
    return Received(uuid4(), "test", "", str(told.claim_key), "local", 1, "", None, told)


async def opened(made: ServiceDatabase, *denials: Received[Denial]) -> None:
    worker = Database(made.worker_url)
    async with worker.begin() as tx:
        await handle_denials(tx, denials, datetime.now(UTC))
    await worker.close()


async def reckoned(made: ServiceDatabase) -> None:
    worker = Database(made.worker_url)
    await catch_up(BulkRunner(worker, FixedClock(datetime.now(UTC))).do_batch)
    await worker.close()


def test_a_payer_is_settled_and_its_cases_are_worked_from_the_command_line(
    run: Run, database: ServiceDatabase, tmp_path: Path
) -> None:
    assert run("worklist", "next")[0] == 1
    run_apart(opened(database, denial("SMALL", 20_000), denial("LARGE", 90_000)))
    assert "2" in run("payers", "list", "--deadline", "unsettled")[1]
    assert "nobody settled it" in run("payers", "levels", "show", PAYER)[1]
    file = tmp_path / "levels.yaml"
    file.write_text("path: medicare_advantage_non_contract\n")
    code, out, told = run("payers", "levels", "set", PAYER, file)
    assert (code, "65 days from the notice" in out, "reckoned anew" in told) == (0, True, True)
    run_apart(reckoned(database))
    listed = [json.loads(line) for line in run("worklist", "list", "--json")[1].splitlines()]
    assert {each["deadline_is"] for each in listed} == {"firm"}
    assert {date.fromisoformat(each["due_on"]) - date.fromisoformat(each["payment_on"]) for each in listed} == {
        date(2026, 3, 7) - date(2026, 1, 1)
    }
    taken = [json.loads(run("worklist", "next", "--json")[1])["patient_control_number"] for _ in range(2)]
    assert taken == ["LARGE", "SMALL"]
    assert run("payers", "list", "--deadline", "unsettled", "--json")[1] == ""
    file.write_text("path: no_such_path\n")
    assert run("payers", "levels", "set", PAYER, file)[0] == 2
    file.write_text("[1, 2]")
    assert "holds no levels" in run("payers", "levels", "set", PAYER, file)[2]


def test_a_call_is_logged_from_the_command_line(run: Run, database: ServiceDatabase) -> None:
    run_apart(opened(database, denial("ONE", 20_000)))
    (case,) = [json.loads(line)["case_id"] for line in run("cases", "list", "--json")[1].splitlines()]
    asked = ("cases", "log", case, "call", "--with", "Appeals desk", "--said", "Asked.")
    code, out, _ = run(*asked, "--promise", "A decision", "--promised-on", "2099-03-16")
    assert (code, "promised by 2099-03-16" in out) == (0, True)
    entry = json.loads(run(*asked, "--direction", "in", "--at", "2026-03-02T15:04", "--json")[1])
    assert (entry["direction"], entry["promise_is"], entry["at"][:4]) == ("in", None, "2026")
    assert run(*asked, "--promise", "A decision")[0] == 2
    assert run("cases", "list", "--task", "promise_missed", "--json")[1] == ""
