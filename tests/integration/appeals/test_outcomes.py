"""Outcomes on a real database: by remittance and by hand, in any order, each cent once, each change told of once."""

import asyncio
import random
from datetime import date
from typing import Any

import msgspec
import pytest

from libs.common.contracts.appeal_decided import AppealDecidedV1
from tests.integration.appeals.conftest import Desk
from tests.integration.appeals.test_filing import FILE, told
from tests.integration.consumers.conftest import Sent, remit, reversal

LATER, LATEST = date(2026, 3, 10), date(2026, 3, 20)
OUTCOME = {"outcome": "overturned", "decided_on": "2026-03-01", "why": "The letter says so."}


def paying(cents: int, day: date = LATER, **how: Any) -> Sent:
    return remit(day=day, adjustments=[("CO", "197", 10000 - cents)] if cents < 10000 else [], **how)


async def decided(desk: Desk) -> list[tuple[int, str, int, str]]:
    events = [msgspec.convert(each, AppealDecidedV1) for each in await told(desk.appeals, "appeal.decided")]
    return [(each.revision, each.outcome, each.recovered_cents, each.decided_by) for each in events]


async def filed(desk: Desk) -> dict[str, Any]:
    case = await desk.denied()
    answer = await desk.post(case, "file", FILE)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_paying_remittance_decides_what_was_filed(desk: Desk) -> None:
    case = await filed(desk)
    (event,) = await desk.appeals.take(paying(10000))
    told = msgspec.json.decode(event.data, type=AppealDecidedV1)
    assert (told.outcome, told.recovered_cents, told.level, told.days) == ("overturned", 10000, "redetermination", 9)
    assert (told.action, told.decided_by, told.decided_on) == ("appeal", "remittance", LATER)
    assert (told.appeal_id.hex, told.revision) == (case["appeals"][0]["appeal_id"].replace("-", ""), 1)
    after = await desk.case(case["case_id"])
    assert (after["state"], after["appeals"][0]["recovered_cents"]) == ("overturned", 10000)
    assert (after["history"][-1]["command"], after["history"][-1]["who"]) == ("overturn", "recours")


async def test_what_the_payer_pays_unasked_is_told_of_without_an_appeal(desk: Desk) -> None:
    await desk.denied()
    (event,) = await desk.appeals.take(paying(4000))
    told = msgspec.json.decode(event.data, type=AppealDecidedV1)
    assert (told.action, told.outcome, told.recovered_cents) == ("none", "partly_overturned", 4000)
    assert (told.level, told.filed_on, told.days) == (None, None, None)


async def test_a_payer_that_pays_in_parts_and_takes_back_is_told_of_by_revisions_of_one_appeal(desk: Desk) -> None:
    case = await filed(desk)
    out = await desk.appeals.take(paying(6000))
    out += await desk.appeals.take(paying(4000, LATEST))
    out += await desk.appeals.take(remit(day=date(2026, 3, 25), status="22", charge=-10000, adjustments=[("CO", "197", -6000)]))
    events = [msgspec.json.decode(each.data, type=AppealDecidedV1) for each in out]
    assert [(each.revision, each.outcome, each.recovered_cents) for each in events] == [
        (1, "partly_overturned", 6000), (2, "overturned", 10000), (3, "partly_overturned", 6000),
    ]  # fmt: skip
    assert len({each.appeal_id for each in events}) == 1
    assert (await desk.case(case["case_id"]))["state"] == "partly_overturned"


async def test_the_same_outcome_by_hand_and_by_remittance_is_one(desk: Desk) -> None:
    case = await filed(desk)
    by_hand = await desk.post(case, "outcome", OUTCOME)
    assert (by_hand.status_code, by_hand.json()["state"]) == (200, "overturned")
    assert await decided(desk) == [(1, "overturned", 0, "person")]
    (event,) = await desk.appeals.take(paying(10000))
    told = msgspec.json.decode(event.data, type=AppealDecidedV1)
    assert (told.revision, told.outcome, told.recovered_cents, told.decided_by) == (2, "overturned", 10000, "remittance")
    again = await desk.post(await desk.case(case["case_id"]), "outcome", OUTCOME)
    assert (again.status_code, len(again.json()["appeals"]), again.json()["appeals"][0]["recovered_cents"]) == (200, 1, 10000)
    assert await desk.appeals.rows("SELECT revision, recovered_cents FROM decisions") == [{"revision": 2, "recovered_cents": 10000}]


async def test_after_an_uphold_the_next_level_is_filed_and_the_money_is_its_own(desk: Desk) -> None:
    case = await filed(desk)
    upheld = (await desk.post(case, "outcome", OUTCOME | {"outcome": "upheld"})).json()
    assert [each["command"] for each in upheld["next_steps"] if each["command"] in ("escalate", "file")] == ["escalate"]
    escalated = (await desk.do(upheld, "escalate")).json()
    assert escalated["state"] == "escalated"
    second = await desk.post(escalated, "file", FILE | {"level": "reconsideration"})
    assert (second.status_code, second.json()["state"]) == (200, "filed")
    await desk.appeals.take(paying(10000))
    after = await desk.case(case["case_id"])
    assert [(each["level"], each["outcome"], each["recovered_cents"]) for each in after["appeals"]] == [
        ("redetermination", "upheld", 0), ("reconsideration", "overturned", 10000),
    ]  # fmt: skip


async def test_an_outcome_lies_between_the_filing_and_today_and_upholds_only_what_was_filed(desk: Desk) -> None:
    case = await desk.denied()
    nothing = await desk.post(case, "outcome", OUTCOME | {"outcome": "upheld"})
    assert (nothing.status_code, nothing.json()["reason"]) == (409, "not-allowed")
    filed = (await desk.post(case, "file", FILE)).json()
    for day in ("2026-02-28", "2026-03-02"):
        answer = await desk.post(filed, "outcome", OUTCOME | {"decided_on": day})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:recours:problem:bad-decision-day")


async def test_an_answer_that_comes_before_its_denial_decides_it_all_the_same(desk: Desk) -> None:
    await desk.appeals.take(paying(10000))
    case = await desk.denied(remit())
    assert (case["state"], case["appeals"][0]["recovered_cents"]) == ("overturned", 10000)


async def test_an_account_without_a_case_is_left_alone(desk: Desk) -> None:
    await desk.denied(remit("ACCT1"))
    assert await desk.appeals.take(paying(10000, pcn="ACCT2"), paying(10000, tenant="other")) == []


async def test_every_order_of_remits_denials_and_reversals_ends_in_the_same_outcomes(desk: Desk) -> None:
    chance = random.Random(7)
    remits = [
        remit(),
        paying(3000, date(2026, 2, 1)),
        reversal(day=LATER),
        paying(6000, LATER, number="ICN2"),
        paying(1000, LATEST, number="ICN2"),
        remit(day=date(2026, 3, 25), status="22", charge=-10000, adjustments=[("CO", "197", -9000)], number="ICN2"),
    ]
    ends = []
    for number in range(5):
        tenant = f"tenant-{number}"
        own = [Sent(each.topic, each.type, tenant, each.data, each.id) for each in remits]
        denials = await desk.classifier.take(*own)
        events = chance.sample([*own, *denials], len(own) + len(denials))
        while events:
            size = chance.randint(1, 4)
            await desk.appeals.take(*events[:size])
            del events[:size]
        ends.append(
            await desk.appeals.rows(
                "SELECT c.denial_id, c.state, d.outcome, d.recovered_cents, d.decided_on FROM cases AS c"
                " LEFT JOIN decisions AS d USING (tenant_id, case_id) WHERE tenant_id = :tenant ORDER BY 1",
                tenant=tenant,
            )
        )
    assert all(each == ends[0] for each in ends)
    assert sum(row["recovered_cents"] or 0 for row in ends[0]) == 3000 + 6000 + 1000 - 1000 - 0


async def waits(desk: Desk) -> bool:
    """Say whether a transaction of this database waits for another's lock."""
    query = "SELECT count(*) AS count FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE NOT l.granted"
    (row,) = await desk.appeals.rows(f"{query} AND a.datname = current_database()")
    return bool(row["count"])


@pytest.mark.parametrize("denial_first", [True, False])
async def test_a_denial_and_its_answer_that_two_workers_handle_at_one_moment_find_each_other(
    desk: Desk, *, denial_first: bool
) -> None:
    refused = remit()
    await desk.appeals.take(refused)
    denial, answer = (await desk.classifier.take(refused)), [paying(10000)]
    first, second = (denial, answer) if denial_first else (answer, denial)
    async with desk.appeals.worker.begin() as tx:
        told = await desk.appeals.handle(tx, *first)
        other = asyncio.create_task(desk.appeals.take(*second))
        while not other.done() and not await waits(desk):  # noqa: ASYNC110 - it is the database that waits
            await asyncio.sleep(0.01)
    told += await other
    assert [msgspec.json.decode(each.data, type=AppealDecidedV1).recovered_cents for each in told] == [10000]
    (case,) = (await desk.http.get("/v1/cases")).json()["items"]
    assert case["state"] == "overturned"


async def test_two_workers_with_each_others_accounts_take_turns(desk: Desk) -> None:
    one, two = remit("ONE"), remit("TWO", number="ICN2")
    await desk.appeals.take(one, two)
    denials = [(await desk.classifier.take(each))[0] for each in (one, two)]
    answers = [paying(10000, pcn="ONE"), paying(10000, pcn="TWO", number="ICN2")]
    met: list[int] = []

    async def meet() -> None:
        met.append(1)
        while len(met) == 1 and not await waits(desk):  # noqa: ASYNC110 - it is the database that waits
            await asyncio.sleep(0.01)

    async def work(*batch: Sent) -> list[Sent]:
        async with desk.appeals.worker.begin() as tx:
            return await desk.appeals.handle(tx, *batch, between=meet)

    told = await asyncio.gather(work(answers[0], denials[1]), work(answers[1], denials[0]))
    assert [len(each) for each in told] in ([0, 2], [2, 0]), "the second finds both denials and both answers"
