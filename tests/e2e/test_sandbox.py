"""Each row of the sandbox's table, from a claim as JSON to the denial and its case: an integration engineer's first day."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.ingest.claims.examples import CLAIMS
from tests.e2e.conftest import SANDBOX
from tests.support import eventually
from tests.support.system import System
from tests.support.tenant import another_tenant

CHARGE = 23_050
ACCEPTED, REJECTED = ("A2", "20", "PR"), ("A7", "164", "IL")
Told = tuple[str, str, list[str]]  # category, CARC, RARCs


@dataclass(frozen=True)
class Row:
    """What a claim under an account number comes to. `paid_cents` per 835, of a charge of 230.50."""

    pcn: str
    state: str = "accepted"
    status: tuple[str, str, str] | None = ACCEPTED
    paid_cents: tuple[int, ...] = (0,)
    denial: Told | None = None


ROWS = (
    Row("SBX-PAID-1", paid_cents=(CHARGE,)),
    Row("SBX-16-1", denial=("missing_information", "16", ["N382"])),
    Row("SBX-16-N290-1", denial=("missing_information", "16", ["N290"])),
    Row("SBX-29-1", denial=("timely_filing", "29", [])),
    Row("SBX-50-1", denial=("medical_necessity", "50", ["N115"])),
    Row("SBX-97-1", denial=("coding_bundling", "97", ["M15"])),
    Row("SBX-197-1", denial=("authorization", "197", [])),
    Row("SBX-PART-1", paid_cents=(CHARGE // 2,), denial=("non_covered", "96", ["N130"])),
    Row("SBX-REVERSED-1", paid_cents=(CHARGE, -CHARGE)),
    Row("SBX-UNBALANCED-1", paid_cents=(CHARGE,)),
    Row("SBX-REJECTED-1", "rejected", REJECTED, paid_cents=()),
    Row("SBX-SILENT-1", "submitted", None, paid_cents=()),
    Row("ANY-1", paid_cents=(17_458,)),
)


@pytest.fixture(scope="module")
def sandbox(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, dict[str, str]]]:
    """Post a claim for each row, kill the worker before anything is due, wait until all of it has come."""
    with another_tenant(system.stack, "sandbox", tmp_path_factory.mktemp("sandbox"), **SANDBOX) as sandbox:
        claim = CLAIMS["professional"]
        ids = {row.pcn: sandbox.send({**claim, "patient_control_number": row.pcn}) for row in ROWS}
        member = {**claim["subscriber"], "member_id": "SBX-29-1"}
        for kind in ("institutional", "dental"):
            ids[kind] = sandbox.send({**CLAIMS[kind], "patient_control_number": kind.upper(), "subscriber": member})
        assert system.stack.kill("ingest-worker")
        eventually(lambda: not system.rows("ingest", "SELECT 1 FROM sandbox_letters LIMIT 1"))
        sandbox.come_to_rest()
        yield sandbox, ids


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pcn)
def test_a_claim_comes_to_what_its_account_number_asks_for(sandbox: tuple[System, dict[str, str]], row: Row) -> None:
    system, ids = sandbox
    claim = system.get("ingest", f"/v1/claims/{ids[row.pcn]}")
    assert claim["state"] == row.state
    told = [
        tuple(each["statuses"][0].get(name) or "" for name in ("category", "code", "entity")) for each in claim["acknowledgements"]
    ]
    assert told == ([row.status] if row.status else [])
    remits = remits_of(system, row.pcn)
    assert sorted(each["paid_cents"] for each in remits) == sorted(row.paid_cents)
    assert {each["match"] for each in remits} <= {"matched"}
    found = [each for each in system.pages("classifier", "/v1/denials", pcn=row.pcn) if each["kind"] != "rejection"]
    reasons = [(each["category"], each["reasons"][0]["carc"], each["reasons"][0]["rarcs"]) for each in found]
    assert reasons == ([row.denial] if row.denial else [])
    assert [each["denied_cents"] for each in found] == ([CHARGE - sum(row.paid_cents)] if row.denial else [])
    assert {each["claim_id"] for each in found} <= {ids[row.pcn]}
    cases = {each["denial_id"] for each in system.pages("appeals", "/v1/cases", pcn=row.pcn)}
    assert cases == {each["denial_id"] for each in system.pages("classifier", "/v1/denials", pcn=row.pcn) if each["recoverable"]}


def remits_of(system: System, pcn: str) -> list[dict[str, Any]]:
    query = (
        "SELECT remits.paid_cents, matches.result AS match FROM remits"
        " JOIN matches ON matches.tenant_id = remits.tenant_id AND matches.remit_row_id = remits.row_id"
        " WHERE remits.tenant_id = 'sandbox' AND remits.patient_control_number = $1"
    )
    return [dict(each) for each in system.rows("ingest", query, pcn)]


@pytest.mark.parametrize("kind", ["institutional", "dental"])
def test_the_other_kinds_of_claims_are_answered_too_and_the_member_number_asks(
    sandbox: tuple[System, dict[str, str]], kind: str
) -> None:
    system, ids = sandbox
    assert system.get("ingest", f"/v1/claims/{ids[kind]}")["state"] == "accepted"
    (denial,) = system.pages("classifier", "/v1/denials", pcn=kind.upper())
    assert (denial["category"], denial["denied_cents"]) == ("timely_filing", CLAIMS[kind]["charge_cents"])


def test_what_was_paid_and_taken_back_is_open_again(sandbox: tuple[System, dict[str, str]]) -> None:
    system, ids = sandbox
    balance = system.get("ingest", f"/v1/claims/{ids['SBX-REVERSED-1']}/balance")
    assert (balance["paid_cents"], balance["open_cents"], balance["findings"]) == (0, CHARGE, [])
    assert len(balance["undone"]) == 1


def test_the_rejection_says_what_to_correct(sandbox: tuple[System, dict[str, str]]) -> None:
    system, ids = sandbox
    (rejection,) = system.pages("classifier", "/v1/denials", pcn="SBX-REJECTED-1")
    assert (rejection["kind"], rejection["action"], rejection["claim_id"]) == (
        "rejection",
        "correct_and_resubmit",
        ids["SBX-REJECTED-1"],
    )


def test_each_answer_is_a_file_that_came_once_and_only_the_unbalanced_one_is_wrong(
    sandbox: tuple[System, dict[str, str]],
) -> None:
    system, _ = sandbox
    files = system.pages("ingest", "/v1/interchanges")
    kinds = [row for row in ROWS if row.status]
    assert len(files) == len(kinds) + sum(len(row.paid_cents) for row in ROWS) + 4  # and two of each other kind of claim
    wrong = [each["interchange_id"] for each in files if each["status"] != "accepted"]
    assert len(wrong) == 1
    (transaction,) = system.interchange(wrong[0])["transactions"]
    assert transaction["balance_difference_cents"] == 100


def test_the_four_ledgers_agree_in_the_sandbox_and_the_other_tenant_saw_nothing(
    system: System, sandbox: tuple[System, dict[str, str]]
) -> None:
    engineers, _ = sandbox
    totals = engineers.ledger()["totals"]
    assert totals["remits"] == sum(len(row.paid_cents) for row in ROWS) + 2
    assert totals["paid_cents"] == sum(sum(row.paid_cents) for row in ROWS)
    assert not system.pages("ingest", "/v1/claims", pcn="SBX-PAID-1")
