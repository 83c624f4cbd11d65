"""What comes in is watched from the day that it must be looked at; an answered claim is let go where nothing else is to be said."""

import asyncio
from typing import Any

import pytest

from services.ingest.followups import store
from services.ingest.followups.scan import FollowupScan
from tests.integration.ingest.conftest import Ingest
from tests.integration.ingest.test_followups import RULES, accepted, followups, scan, sent
from tests.integration.ingest.test_matches import answered, remittance
from tests.unit.x12 import build_claims as made

_WATCHES = """
SELECT subject, COALESCE(c.patient_control_number, r.patient_control_number), w.look_at::date::text
FROM followup_watches AS w LEFT JOIN claims AS c ON c.claim_id = w.subject_id LEFT JOIN remits AS r ON r.remit_id = w.subject_id
WHERE subject IN ('claim', 'remit') ORDER BY 1, 2
"""
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%DELETE FROM followup_watches%' AND wait_event_type = 'Lock'"


async def watches(ingest: Ingest) -> list[tuple[str, str, str]]:
    """Return (subject, account number, day of the next look)."""
    return [tuple(row) for row in await ingest.rows(_WATCHES)]


async def test_what_comes_in_is_looked_at_when_time_may_change_something_and_not_before(ingest) -> None:
    assert (await ingest.http.put("/v1/payers/PAYER1/rules", json=RULES, headers={"If-Match": '"0"'})).status_code == 200
    late = made.claim("L", more=("DTP*434*RD8*20251201-20251202",))
    late = [segment.replace("20260105", "20251201") for segment in late]
    await ingest.take(sent(ingest, made.claim("A"), late))
    await ingest.take(remittance(*answered("X"), *answered("A"), amount="160"))
    assert await watches(ingest) == [("claim", "L", "2026-03-01"), ("remit", "X", "2026-03-03")]
    await scan(ingest)
    assert await followups(ingest, kind="filing_limit_near") == [("filing_limit_near", "L", "2026-03-01")]


@pytest.mark.parametrize(
    ("more", "watched"),
    [
        (answered("A", "ICN2", status="2", paid=0), True),  # two answers are judged
        (answered("A", "ICN2", status="25"), True),  # a predetermination may be none
        ((), False),
    ],
    ids=["a secondary payer's answer", "a predetermination", "nothing else"],
)
async def test_a_claim_with_more_than_one_answer_is_judged(ingest, more: tuple[str, ...], *, watched: bool) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(remittance(*answered("A")))
    if more:
        await ingest.take(remittance(*more, trace="T2", amount="80"))
    assert bool(await watches(ingest)) == watched
    await scan(ingest)
    assert await watches(ingest) == []


async def test_an_answer_that_comes_while_the_scan_looks_ends_what_the_scan_found(ingest, monkeypatch: Any) -> None:
    await ingest.take(sent(ingest, made.claim("A")))
    await ingest.take(accepted("A"))
    ingest.clock.at = ingest.clock.at.replace(month=5)
    found, go_on, settle = asyncio.Event(), asyncio.Event(), store.settle_watches

    async def wait(*told: Any) -> None:
        found.set()
        await go_on.wait()
        await settle(*told)

    monkeypatch.setattr(store, "settle_watches", wait)
    scanning = asyncio.create_task(FollowupScan(ingest.worker_database, ingest.clock).scan_batch())
    await found.wait()
    reading = asyncio.create_task(ingest.take(remittance(*answered("A"))))
    while not await ingest.rows(_WAITING):  # noqa: ASYNC110 - another connection waits
        await asyncio.sleep(0.02)
    go_on.set()
    await asyncio.gather(scanning, reading)
    assert await followups(ingest) == [("unpaid", "A", "2026-03-31")]
    await scan(ingest)
    assert await followups(ingest) == []
