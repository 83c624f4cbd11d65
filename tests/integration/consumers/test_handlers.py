"""What the consumers make of remits and their reversals, in batches and out of order."""

import asyncio
import random
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from libs.common import ledger
from libs.common.ids import denial_id
from services.analytics.facts import Remit, decode
from services.analytics.facts.points import undone
from tests.integration.consumers.conftest import CONTRACTUAL, DENIED, PATIENT, Sent, Service, remit, reversal


def told(each: Sent) -> tuple[int, str]:
    data = msgspec.json.decode(each.data)
    return data["revision"], data["status"]


async def standing(classifier: Service, tenant: str = "local") -> list[str]:
    rows = await classifier.rows("SELECT status FROM denials WHERE tenant_id = :tenant ORDER BY status", tenant=tenant)
    return [row["status"] for row in rows]


async def test_a_refused_claim_is_a_denial_with_every_refused_cent_in_its_reasons(classifier: Service) -> None:
    (event,) = await classifier.take(remit(adjustments=[("CO", "197", 6000), ("CO", "45", 1000), ("CO", "29", 3000)]))
    data = msgspec.json.decode(event.data)
    assert (data["revision"], data["status"], data["denied_cents"], data["category"]) == (1, "active", 9000, "authorization")
    assert sorted((reason["carc"], reason["amount_cents"]) for reason in data["reasons"]) == [("197", 6000), ("29", 3000)]


@pytest.mark.parametrize(
    ("adjustments", "charge"),
    [((), 10000), ((("CO", "45", 4000),), 10000), (PATIENT, 10000), ((("CO", "253", 200),), 10000), ((), 0)],
    ids=["paid", "contractual", "patient's share", "sequestration", "nothing billed"],
)
async def test_what_is_paid_or_agreed_is_no_denial_and_is_booked(adjustments: Any, charge: int, classifier: Service) -> None:
    assert await classifier.take(remit(adjustments=adjustments, charge=charge)) == []
    assert await standing(classifier) == []
    assert (await classifier.rows("SELECT sum(remits) AS remits, sum(charge_cents)::bigint AS cents FROM ledger_days")) == [
        {"remits": 1, "cents": charge}
    ]


async def test_a_reversal_retracts_the_denial(classifier: Service) -> None:
    assert [told(each) for each in await classifier.take(remit())] == [(1, "active")]
    assert [told(each) for each in await classifier.take(reversal())] == [(2, "retracted")]
    assert await standing(classifier) == ["retracted"]


async def test_a_reversal_in_the_batch_of_its_denial_retracts_it_and_both_revisions_are_told(classifier: Service) -> None:
    assert [told(each) for each in await classifier.take(reversal(), remit())] == [(1, "active"), (2, "retracted")]


async def test_a_reversal_that_comes_first_waits_for_its_denial(classifier: Service) -> None:
    assert await classifier.take(reversal()) == []
    assert [told(each) for each in await classifier.take(remit())] == [(1, "active"), (2, "retracted")]


async def test_the_correction_that_follows_is_a_denial_of_its_own(classifier: Service) -> None:
    corrected = remit(adjustments=[("CO", "97", 2500)])
    await classifier.take(remit())
    events = await classifier.take(reversal(), corrected)
    assert sorted(told(each) for each in events) == [(1, "active"), (2, "retracted")]
    assert await standing(classifier) == ["active", "retracted"]


@pytest.mark.parametrize("paid_for", [CONTRACTUAL[:0], PATIENT])
async def test_the_reversal_of_a_paid_claim_changes_no_denial(paid_for: Any, classifier: Service) -> None:
    await classifier.take(remit(adjustments=paid_for), remit("ACCT2"))
    assert await classifier.take(reversal(adjustments=paid_for)) == []
    assert await standing(classifier) == ["active"]


async def test_one_reversal_of_two_equal_denials_retracts_the_older_one(classifier: Service) -> None:
    older, newer = remit(day=date(2026, 1, 1)), remit(day=date(2026, 2, 1))
    await classifier.take(newer)
    await classifier.take(reversal(day=date(2026, 2, 1)))
    assert await standing(classifier) == ["retracted"]
    events = await classifier.take(older)
    assert sorted(told(each) for each in events) == [(1, "active"), (2, "retracted"), (3, "active")]
    rows = await classifier.rows("SELECT payment_on FROM denials WHERE status = 'active'")
    assert rows == [{"payment_on": date(2026, 2, 1)}]


@pytest.mark.parametrize(
    ("billed", "echoed", "number"),
    [
        ("ACCOUNT-0123456789-LONG", "ACCOUNT-012345678", "ICN1"),  # cut at 17
        ("acct-1", "ACCT-1", "ICN1"),
        ("ACCT-1", "ACCT 1", "ICN1"),
        ("ACCT1", "ACCT1", ""),  # CLP07 left out
    ],
)
async def test_a_reversal_finds_its_denial_however_the_payer_spells_the_account(
    billed: str, echoed: str, number: str, classifier: Service
) -> None:
    await classifier.take(remit(billed))
    assert [told(each) for each in await classifier.take(reversal(echoed, number=number))] == [(2, "retracted")]


async def test_another_tenants_reversal_retracts_nothing(classifier: Service) -> None:
    await classifier.take(remit(), remit(tenant="other"))
    await classifier.take(reversal(tenant="other"))
    assert await standing(classifier) == ["active"]
    assert await standing(classifier, "other") == ["retracted"]


async def test_a_batch_of_many_tenants_and_an_account_with_hundreds_of_remits(classifier: Service, analytics: Service) -> None:
    batch = [remit(day=date(2026, 1, 1 + number % 28), number=f"ICN{number}") for number in range(400)]
    batch += [reversal(number=f"ICN{number}") for number in range(0, 400, 2)]
    batch += [remit(tenant=f"tenant-{number}") for number in range(50)]
    events = await classifier.take(*random.Random(1).sample(batch, len(batch)))
    assert await standing(classifier) == ["active"] * 200 + ["retracted"] * 200
    assert len(events) == 400 + 50 + 200
    await analytics.take(*batch, *events)
    (counted,) = await analytics.rows("SELECT sum(count)::int AS n FROM rollups WHERE grain = 0 AND measure = 13")
    assert counted == {"n": 250}


async def test_two_workers_on_the_same_accounts_never_deadlock(classifier: Service) -> None:
    accounts = [f"ACCT{number}" for number in range(30)]
    await classifier.take(*map(remit, accounts))
    batches = [[reversal(each) for each in accounts], [remit(each, number="ICN2") for each in reversed(accounts)]]
    async with asyncio.timeout(30):
        await asyncio.gather(*(classifier.take(*batch) for batch in batches))
    rows = await classifier.rows("SELECT status, count(*) AS n FROM denials GROUP BY 1 ORDER BY 1")
    assert rows == [{"status": "active", "n": 30}, {"status": "retracted", "n": 30}]


def account(chance: random.Random) -> list[Sent]:
    """Draw the life of one account: payments, denials, equal ones among them, and reversals, some without an original."""
    pcn = f"ACCT{chance.getrandbits(40)}"

    def told() -> dict[str, Any]:
        return {
            "number": chance.choice(["", "ICN1", "ICN2"]),
            "day": date(2026, 1, chance.randint(1, 3)),
            "adjustments": chance.choice([DENIED, DENIED, (("CO", "197", 4000),), (("CO", "50", 10000),), ()]),
            "remit_id": UUID(int=chance.getrandbits(128)),
        }

    return [remit(pcn, **told()) for _ in range(chance.randint(1, 5))] + [
        reversal(pcn, **told()) for _ in range(chance.randint(0, 4))
    ]


def cut(chance: random.Random, events: list[Sent]) -> list[list[Sent]]:
    """Shuffle events and cut them into batches."""
    shuffled = chance.sample(events, len(events))
    batches: list[list[Sent]] = [[]]
    for each in shuffled:
        if batches[-1] and chance.random() < 0.5:
            batches.append([])
        batches[-1].append(each)
    return batches


FORGET = {
    "classifier": ("DELETE FROM denials", "DELETE FROM reversals", "DELETE FROM ledger_days", "DELETE FROM ledger_adjustments"),
    "appeals": (
        "DELETE FROM cases",
        "DELETE FROM remits",
        "DELETE FROM decisions",
        "DELETE FROM ledger_days",
        "DELETE FROM ledger_adjustments",
    ),
    "analytics": (
        "DELETE FROM facts",
        "DELETE FROM rollups",
        "DELETE FROM ledger_days",
        "DELETE FROM ledger_adjustments",
    ),
}


async def end_state(services: tuple[Service, Service, Service], events: list[Sent], chance: random.Random) -> dict[str, Any]:
    classifier, appeals, analytics = services
    denials: list[Sent] = []
    for batch in cut(chance, events):
        denials += await classifier.take(*batch)
    for batch in cut(chance, events + denials):
        await appeals.take(*batch)
    for batch in cut(chance, events + denials):
        await analytics.take(*batch)
    state = {
        "denials": await classifier.rows("SELECT denial_id, status FROM denials ORDER BY 1"),
        "cases": await appeals.rows("SELECT denial_id, state FROM cases WHERE state <> 'withdrawn' ORDER BY 1"),
        "sums": await analytics.rows(
            "SELECT * FROM rollups WHERE count <> 0 OR amount <> 0 ORDER BY tenant_id, grain, measure, day, known_on, cell"
        ),
        "counted": await analytics.rows("SELECT denial_id, active, denied_cents FROM denial_facts ORDER BY 1"),
    }
    ledgers = []
    for each in services:
        async with each.worker.begin() as tx:
            ledgers.append(await ledger.read(tx, "local", None, None))
            for statement in FORGET[each.name]:
                await tx.execute(text(statement))
    await appeals.forget_history()
    assert ledgers[0] == ledgers[1] == ledgers[2]
    return state | {"ledger": ledgers[0]}


@pytest.mark.parametrize("seed", range(8))
async def test_every_order_of_an_accounts_events_ends_in_the_same_state(
    seed: int, classifier: Service, appeals: Service, analytics: Service
) -> None:
    chance = random.Random(seed)
    events = account(chance)
    services = (classifier, appeals, analytics)
    first = await end_state(services, events, chance)
    active = {row["denial_id"] for row in first["denials"] if row["status"] == "active"}
    states = {row["denial_id"]: row["state"] for row in first["cases"]}
    assert active <= set(states)
    assert all((states[each] == "retracted") <= (each not in active) for each in states), "what stands is not retracted"
    assert all((states[each] == "open") <= (each in active) for each in states), "what is retracted is not open"
    assert {row["denial_id"] for row in first["counted"] if row["active"]} == active
    for _ in range(3):
        assert await end_state(services, events, chance) == first


async def test_a_denial_that_stands_is_counted_beside_its_claim(classifier: Service, analytics: Service) -> None:
    """What analytics takes as undone and what the classifier retracts are the same remits."""
    chance = random.Random(7)
    events = [event for _ in range(20) for event in account(chance)]
    await analytics.take(*events)
    retracted = {row["denial_id"] for row in await _after(classifier, events) if row["status"] == "retracted"}
    facts: dict[UUID, list[Remit]] = {}
    for row in await analytics.rows("SELECT claim_key, told FROM facts"):
        fact = decode(row["told"])
        assert isinstance(fact, Remit)
        facts.setdefault(row["claim_key"], []).append(fact)
    assert retracted
    assert retracted <= {denial_id(each) for remits in facts.values() for each in undone(remits)}


async def _after(classifier: Service, events: list[Sent]) -> list[dict[str, Any]]:
    await classifier.take(*events)
    return await classifier.rows("SELECT denial_id, status FROM denials")


async def test_the_same_revision_again_and_an_older_one_change_no_case(appeals: Service, classifier: Service) -> None:
    (active,) = await classifier.take(remit())
    (retracted,) = await classifier.take(reversal())
    await appeals.take(retracted)
    await appeals.take(active, retracted, active)
    rows = await appeals.rows("SELECT state, version, denial_revision FROM cases")
    assert rows == [{"state": "retracted", "version": 1, "denial_revision": 2}]
    assert len(await appeals.rows("SELECT 1 FROM case_history")) == 1


async def test_a_denial_that_nobody_can_pursue_opens_no_case(appeals: Service, classifier: Service) -> None:
    events = await classifier.take(remit(), remit("ACCT2", adjustments=[("CO", "29", 10000)]))
    recoverable = [msgspec.json.decode(each.data)["recoverable"] for each in events]
    await appeals.take(*events)
    assert len(await appeals.rows("SELECT 1 FROM cases WHERE state = 'open'")) == sum(recoverable)


async def test_the_same_ids_under_two_tenants_are_two_cases(appeals: Service, classifier: Service) -> None:
    same = uuid4()
    events = await classifier.take(remit(remit_id=same), remit(remit_id=same, tenant="other"))
    await appeals.take(*events)
    assert len(await appeals.rows("SELECT 1 FROM cases")) == 2
