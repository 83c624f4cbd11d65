"""Recounts: facts tell what the sums should be; drift is reported, repaired, and counted once, while events keep coming."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.common.clock import FixedClock, SystemClock
from services.analytics.recounts.running import Recounter
from tests.integration.analytics.conftest import NOW, Analytics
from tests.unit.analytics.facts import answer, claim, decision, denial, filing, on, remit

ACCOUNT = [claim(), answer(), remit(), denial(), filing(), decision()]
LATER = [
    claim(),
    remit(),
    denial(),
    denial(version=2, is_active=False, known_on=on(33)),
    remit(2, 33, charge_cents=-10_000, status="22"),
]


async def recount(analytics: Analytics, **asked: bool) -> dict[str, Any]:
    begun = await analytics.http.post("/v1/recounts", json=asked)
    assert begun.status_code == 202, begun.text
    assert await Recounter(analytics.worker, FixedClock(NOW), bootstrap="", sums_a_part=20).step() is not None
    found = dict((await analytics.http.get(begun.headers["Location"])).json())
    assert found["state"] == "done"
    return found


async def change(analytics: Analytics, statement: str) -> None:
    async with analytics.worker.begin() as tx:
        await tx.execute(text(statement), {"tenant": analytics.tenant})


async def test_sums_that_are_right_have_no_differences(analytics: Analytics) -> None:
    await analytics.tell(ACCOUNT, LATER)
    found = await recount(analytics)
    assert (found["differing"], found["report"], found["facts"]) == (0, [], 11)
    assert found["sums"] > 20
    assert found["parts"] > 1


async def test_drift_is_reported_and_repaired_to_what_the_facts_say(analytics: Analytics) -> None:
    await analytics.tell(ACCOUNT, LATER)
    before = await analytics.ask("initial-denial-rate", group_by=["payer", "facility"])
    await change(analytics, "UPDATE rollups SET count = count + 1, amount = amount - 7 WHERE tenant_id = :tenant AND measure = 6")
    await change(analytics, "DELETE FROM rollups WHERE tenant_id = :tenant AND measure = 7")
    await change(analytics, "INSERT INTO rollups VALUES (:tenant, 13, '2026-01-01', '2026-01-01', 5, 3, 3, 0)")
    assert await analytics.ask("initial-denial-rate", group_by=["payer", "facility"]) != before
    found = await recount(analytics)
    # A row of each grain: claims have four dimensions and the coder, denials the category too.
    assert found["differing"] == len(found["report"]) == 16 + 18 + 1
    assert {each["measure"] for each in found["report"]} == {"first_adjudicated", "initially_denied", "standing"}
    (denied,) = [each for each in found["report"] if each["measure"] == "initially_denied" and each["grain"] == 0]
    assert (denied["expected"], denied["found"], denied["cell"][1]) == ([2, 20_000], [0, 0], "F1")
    assert (await recount(analytics, repair=True))["differing"] == 35
    assert (await recount(analytics))["differing"] == 0
    assert await analytics.ask("initial-denial-rate", group_by=["payer", "facility"]) == before


async def test_cells_that_are_lost_or_say_something_else_are_told_and_made_right(analytics: Analytics) -> None:
    """Without its cell a sum is in no group: the right sums alone say nothing."""
    await analytics.tell(ACCOUNT, LATER)
    before = await analytics.ask("initial-denial-rate", group_by=["payer", "facility"])
    await change(analytics, "DELETE FROM cells WHERE tenant_id = :tenant AND facility = 'F1' AND payer = 'P1' AND category = ''")
    assert await analytics.ask("initial-denial-rate", group_by=["payer", "facility"]) != before
    wrong = await recount(analytics)
    assert {(each["measure"], each["grain"], tuple(each["found"])) for each in wrong["report"]} == {("cells", -2, (0, 0))}
    assert wrong["differing"] == len(wrong["report"]) == 1
    assert wrong["report"][0]["cell"][:2] == ["P1", "F1"]
    await change(analytics, "UPDATE cells SET provider = 'D9' WHERE tenant_id = :tenant AND provider = 'D1' AND payer = 'P1'")
    many = (await recount(analytics, repair=True))["differing"]
    assert many > 1
    assert (await recount(analytics))["differing"] == 0
    assert await analytics.ask("initial-denial-rate", group_by=["payer", "facility"]) == before


async def test_lines_of_root_causes_are_held_against_the_facts_too_and_made_right(analytics: Analytics) -> None:
    await analytics.tell(ACCOUNT, LATER, ACCOUNT)
    right = await recount(analytics)
    assert (right["differing"], right["outcomes"]) == (0, 3)
    await change(analytics, f"DELETE FROM outcomes WHERE tenant_id = :tenant AND claim_key = '{UUID(int=1)}'")
    await change(analytics, "UPDATE outcomes SET denied_cents = 7 WHERE tenant_id = :tenant")
    await change(analytics, "INSERT INTO outcomes SELECT tenant_id, gen_random_uuid(), episode, line, day, subject, service,"
        f" reason, 5, claim_id, denial_id FROM outcomes WHERE tenant_id = :tenant AND claim_key = '{UUID(int=3)}'")  # fmt: skip
    wrong = await recount(analytics)
    assert (wrong["differing"], {each["grain"] for each in wrong["report"]}) == (4, {-1})
    told = {tuple(each["cell"]): (each["expected"], each["found"]) for each in wrong["report"]}
    assert told[str(UUID(int=1)),] == ([1, 10_000], [0, 0])
    assert told[str(UUID(int=2)),] == ([1, 10_000], [1, 7])
    assert [0, 0] in [expected for expected, _ in told.values()]
    assert (await recount(analytics, repair=True))["differing"] == 4
    assert (await recount(analytics))["differing"] == 0
    await change(analytics, "DELETE FROM outcome_subjects WHERE tenant_id = :tenant")  # words that nobody can read any more
    assert (await recount(analytics, repair=True))["differing"] == 3
    assert (await recount(analytics))["differing"] == 0


async def test_outcomes_are_made_right_while_their_accounts_change(analytics: Analytics) -> None:
    await analytics.tell(*([claim(), remit()] for _ in range(60)))
    await change(analytics, "UPDATE outcomes SET denied_cents = 7 WHERE tenant_id = :tenant")

    async def more() -> None:
        for first in range(1, 61, 6):
            await analytics.tell(*([denial()] for _ in range(6)), first=first)

    await asyncio.gather(recount(analytics, repair=True), more())
    assert (await recount(analytics))["differing"] == 0


async def test_a_repair_from_nothing_is_whole_while_events_keep_coming(analytics: Analytics) -> None:
    accounts = [LATER] * 50
    await analytics.tell(*accounts)
    await change(analytics, "DELETE FROM rollups WHERE tenant_id = :tenant")

    async def more() -> None:
        for first in range(51, 101, 10):
            await analytics.tell(*accounts[:10], first=first)

    await asyncio.gather(recount(analytics, repair=True), more())
    assert (await analytics.ask("initial-denial-rate"))["total"]["denominator"] == 100
    assert (await recount(analytics))["differing"] == 0


async def test_one_recount_of_a_tenant_is_under_way_at_a_time(analytics: Analytics) -> None:
    first = await analytics.http.post("/v1/recounts", json={"repair": True}, headers={"Idempotency-Key": "one"})
    again = await analytics.http.post("/v1/recounts", json={"repair": True})
    assert again.json()["recount_id"] == first.json()["recount_id"]
    other = await analytics.http.post("/v1/recounts", json={})
    assert (other.status_code, other.json()["type"]) == (409, "urn:recours:problem:recount-under-way")
    await Recounter(analytics.worker, FixedClock(NOW), bootstrap="").step()
    kept = await analytics.http.post("/v1/recounts", json={"repair": True}, headers={"Idempotency-Key": "one"})
    assert (kept.json()["recount_id"], kept.json()["state"]) == (first.json()["recount_id"], "done")
    assert (await analytics.http.post("/v1/recounts", json={"repair": "SMITH"})).status_code == 422
    assert (await analytics.http.get("/v1/recounts/00000000-0000-0000-0000-000000000000")).status_code == 404


async def test_a_recount_whose_worker_died_is_done_by_the_next_and_the_dead_one_repairs_nothing(
    analytics: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    await analytics.tell(LATER)
    await change(analytics, "DELETE FROM rollups WHERE tenant_id = :tenant")
    begun = await analytics.http.post("/v1/recounts", json={"repair": True})
    first, second = (Recounter(analytics.worker, clock, bootstrap="") for clock in (FixedClock(NOW), SystemClock()))
    part = Recounter._part

    async def stopped(self: Recounter, *told: Any) -> None:
        if self is first:
            assert await second.step() is not None  # long after: the lease has ended
        await part(self, *told)

    monkeypatch.setattr(Recounter, "_part", stopped)
    await first.step()
    assert (await analytics.http.get(begun.headers["Location"])).json()["state"] == "done"
    assert (await recount(analytics))["differing"] == 0
