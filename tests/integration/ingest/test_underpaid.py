"""A fee schedule that the user loads: answered claims below it are followed up, those at it are not."""

import pytest

from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_followups import followups, only, scan
from tests.integration.ingest.test_matches import answered, remittance, submitted
from tests.unit.x12 import build_claims as made

HEAD = "payer_id,procedure_code,modifier,allowed_amount,valid_from,valid_to\n"


async def load(ingest: Ingest, *rows: str) -> tuple[str, str | None]:
    body = HEAD + "".join(f"{row}\n" for row in rows)
    loaded = await ingest.load("fee-schedule", body.encode(), smaller=True)
    return loaded["status"], loaded["reason"]


async def bill(ingest: Ingest, *, paid: int) -> None:
    await ingest.take(submitted(made.claim("A")))
    await ingest.take(remittance(*answered("A", paid=paid), amount=str(paid)))


@pytest.mark.parametrize(
    ("row", "missing_cents"),
    [
        ("PAYER1,G0283,,80.00,2026-01-01,", None),
        ("PAYER1,G0283,,80.01,2026-01-01,", 1),
        ("PAYER1,G0283,GP,85.00,2026-01-01,", 500),
        ("PAYER1,G0283,TC,85.00,2026-01-01,", None),
        ("PAYER1,G0283,,85.00,2026-01-06,", None),
        ("PAYER1,G0283,,85.00,2025-01-01,2026-01-04", None),
        ("PAYER1,G0283,,85.00,2025-01-01,2026-01-05", 500),
        ("PAYER2,G0283,,85.00,2026-01-01,", None),
        ("PAYER1,A4253,,85.00,2026-01-01,", None),
        ("PAYER1,G0283,,500.00,2026-01-01,", 2000),  # nobody owes more than was charged
    ],
)
async def test_a_line_below_the_schedule_is_underpaid_by_the_difference(ingest, row, missing_cents) -> None:
    assert await load(ingest, row) == ("live", None)
    await bill(ingest, paid=80)
    await scan(ingest)
    found = (await ingest.get("/v1/followups", kind="underpaid"))["items"]
    assert [each["amount_cents"] for each in found] == ([] if missing_cents is None else [missing_cents])


async def test_a_schedule_that_comes_later_is_held_against_what_was_answered_before(ingest) -> None:
    await bill(ingest, paid=80)
    await scan(ingest)
    await load(ingest, "PAYER1,G0283,,90.00,2026-01-01,")
    await scan(ingest)
    told = await only(ingest, kind="underpaid")
    assert (told["amount_cents"], told["due_on"], told["patient_control_number"]) == (1000, "2026-01-10", "A")
    await load(ingest, "PAYER1,G0283,,80.00,2026-01-01,")
    await scan(ingest)
    assert await followups(ingest, kind="underpaid") == []
    events = [each for each in await ingest.events() if each.get("kind") == "underpaid"]
    assert [(each["revision"], each["status"], each.get("resolved_by"), each["amount_cents"]) for each in events] == [
        (1, "open", None, 1000),
        (2, "resolved", "system", 1000),
    ]
    assert {(each["claim_key"], each["sequence"]) for each in events} == {(events[0]["key"], 1), (events[0]["key"], 2)}
    (claim,) = [each for each in await ingest.events() if "frequency_code" in each]
    assert (events[0]["claim_key"], events[0]["subject_id"]) == (claim["claim_key"], claim["claim_id"])


async def test_what_was_denied_is_no_underpayment(ingest) -> None:
    await load(ingest, "PAYER1,G0283,,80.00,2026-01-01,")
    await bill(ingest, paid=0)
    await scan(ingest)
    assert await followups(ingest, kind="underpaid") == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("PAYER1,G0283,,80.001,2026-01-01,", "bad-amount"),
        ("PAYER1,G0283,,-80,2026-01-01,", "bad-amount"),
        ("PAYER1,G0283,,,2026-01-01,", "bad-amount"),
        ("PAYER1,G0283,,80,01/01/2026,", "bad-date"),
        ("PAYER1,G0283,,80,2026-01-02,2026-01-01", "bad-date"),
        ("PAYER1,G0283,80,2026-01-01,", "broken-row"),
        (",G0283,,80,2026-01-01,", "broken-row"),
    ],
)
async def test_a_broken_schedule_changes_nothing_and_says_where(ingest, row, reason) -> None:
    assert await load(ingest, "PAYER1,G0283,,90.00,2026-01-01,") == ("live", None)
    assert await load(ingest, "PAYER1,A4253,,90.00,2026-01-01,", row) == ("refused", reason)
    await bill(ingest, paid=80)
    await scan(ingest)
    assert len(await followups(ingest, kind="underpaid")) == 1


async def test_a_schedule_without_its_header_is_refused(ingest) -> None:
    loaded = await ingest.load("fee-schedule", b"PAYER1,G0283,,90.00,2026-01-01,\n")
    assert (loaded["status"], loaded["reason"]) == ("refused", "bad-header")
