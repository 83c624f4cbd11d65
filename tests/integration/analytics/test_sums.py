"""Questions are answered from sums of several grains: whatever is asked, they say what the facts say, counted one by one."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from libs.common.database import Database
from services.analytics import queries
from services.analytics.facts import Claim, Denial, Fact, Refused
from services.analytics.facts.measures import DIMENSIONS, MEASURES, PLACES, STOCKS, Grain
from services.analytics.facts.points import JournalKey, journal, read
from services.analytics.queries import CALENDAR, Asked
from tests.integration.analytics.conftest import Analytics
from tests.integration.schema.test_migrations import run
from tests.unit.analytics.facts import claim, decision, denial, filing, on, remit

_SPAN = 500


def account(chance: random.Random, number: int) -> list[Fact]:
    """Draw a claim over a year and a half, often answered, refused, contested and won."""
    sent = chance.randrange(_SPAN)
    told: dict[str, Any] = {"payer_id": chance.choice(["P1", "P2"])}
    whose = {
        "facility": chance.choice(["F1", "F2", ""]),
        "provider": chance.choice(["D1", "D2", "D3"]),
        "coder": chance.choice(["", "C1", "C2"]),
    }
    facts: list[Fact] = [claim(number, known_on=on(sent), charge_cents=chance.randrange(100, 9_999), **told, **whose)]
    answered = sent + chance.randrange(1, 60)
    about = told | {"category": chance.choice("ab")}
    if chance.random() < 0.8:
        facts.append(remit(number, answered, claim_number=number, known_on=on(answered + chance.randrange(3)), **told))
    if chance.random() < 0.4:
        reasons = (Refused(1, "a", "197", 3_000, "CO", ("N54",)), Refused(2, "a", chance.choice(["18", "197"]), 1_000))
        facts.append(denial(number, answered, 4_000, known_on=on(answered + 1), reasons=reasons, **about))
        facts.append(filing(number, number, answered + 9, level=chance.choice(["first", "second"]), **about))
    if chance.random() < 0.3:
        facts.append(decision(number, number, answered + 40, 3_000, **about))
    return facts


def counted(sums: dict[JournalKey, list[int]], asked: Asked, measure: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Answer a question from what each account adds, looked at one by one."""
    told_apart = MEASURES[measure][1]
    found: dict[tuple[str, ...], list[int]] = {}
    for (name, day, known_on, cell), (count, amount) in sums.items():
        in_time = (asked.first or day) <= day <= (asked.last or day) and known_on <= (asked.as_of or known_on)
        if name != measure or not in_time:
            continue
        values = dict(zip(DIMENSIONS, cell, strict=True))
        if not all(values[each] in told for each, told in asked.filters.items() if each in told_apart):
            continue
        key = tuple(
            _begin(each, day) if each in CALENDAR else values[each] for each in asked.group_by if each in {*CALENDAR, *told_apart}
        )
        held = found.setdefault(key, [0, 0])
        held[0] += count
        held[1] += amount
    return {key: (count, amount) for key, (count, amount) in found.items() if count or amount}


def _begin(word: str, day: date) -> str:
    begun = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year": day.replace(month=1, day=1),
    }
    return begun[word].isoformat()


def question(chance: random.Random, tenant: str) -> Asked:
    """Draw days, a day of knowledge, groups and filters."""
    first, last = sorted(on(chance.randrange(-20, _SPAN + 60)) for _ in range(2))
    if chance.random() < 0.4:
        first, last = first.replace(day=1), (last.replace(day=1) - timedelta(days=1))
    words: Sequence[str] = chance.sample(DIMENSIONS, chance.randrange(3))
    words = [*words, *chance.sample(CALENDAR, chance.choice([0, 0, 1]))]
    values = {
        "payer": ["P1"],
        "facility": ["F1", ""],
        "provider": ["D2", "D9"],
        "category": ["a"],
        "level": ["second"],
        "coder": ["C1"],
        "code": ["CO 197", "- 18"],
    }
    through = {name: values[name] for name in chance.sample(sorted(values), chance.choice([0, 0, 1, 2]))}
    bounds = chance.choice([(first, last), (first, last), (None, last), (first, None), (None, None)])
    return Asked(tenant, *bounds, chance.choice([None, None, None, last]), tuple(words), through)


async def told(analytics: Analytics, accounts: Sequence[list[Fact]]) -> dict[JournalKey, list[int]]:
    """Record accounts in two parts; return what they add."""
    await analytics.tell(*[facts[:1] for facts in accounts])
    await analytics.tell(*accounts)
    sums: dict[JournalKey, list[int]] = {}
    for facts in accounts:
        for key, (count, amount) in journal(facts, read(facts)).items():
            held = sums.setdefault(key, [0, 0])
            held[0] += count
            held[1] += amount
    return sums


async def test_every_question_is_answered_as_if_the_facts_were_counted_one_by_one(analytics: Analytics) -> None:
    chance = random.Random(20)
    sums = await told(analytics, [account(chance, number) for number in range(1, 121)])
    async with analytics.worker.begin() as tx:
        for _ in range(80):
            asked = question(chance, analytics.tenant)
            for measure, found in (await queries.sums_of(tx, asked, MEASURES)).items():
                assert found == counted(sums, asked, measure), (asked, measure)


async def test_a_state_is_what_became_known_by_its_evening(analytics: Analytics) -> None:
    chance = random.Random(21)
    sums = await told(analytics, [account(chance, number) for number in range(1, 121)])
    async with analytics.worker.begin() as tx:
        for _ in range(60):
            asked = question(chance, analytics.tenant)
            evening = on(chance.randrange(-20, _SPAN + 120))
            by_words = tuple(each for each in asked.group_by if each not in CALENDAR)
            state = Asked(analytics.tenant, None, evening, evening, by_words, asked.filters)
            for measure in STOCKS:
                assert await queries.balance(tx, state, measure, evening) == counted(sums, state, measure), state


async def test_an_account_of_nobody_changes_no_answer(analytics: Analytics) -> None:
    sums = await told(analytics, [[claim(1, facility="", provider="", service_group="", known_on=on(1))]])
    async with analytics.worker.begin() as tx:
        for name in MEASURES["submitted"][1]:
            asked = Asked(analytics.tenant, group_by=(name,))
            assert await queries.sums(tx, asked, "submitted") == counted(sums, asked, "submitted")


async def test_sums_that_came_later_are_made_of_what_was_there_before_them(service_database: Callable[[str], Any]) -> None:
    chance = random.Random(22)
    nobody_told = [[_uncoded(fact) for fact in account(chance, number)] for number in range(1, 41)]
    made = service_database("analytics")
    worker, api = Database(made.worker_url), Database(made.api_url)
    analytics = Analytics(worker, api, "before")
    await told(analytics, nobody_told)
    before = await _all_sums(analytics)
    await asyncio.to_thread(run, "downgrade('analytics', sys.argv[1], '0022')", made.owner_url)
    places = [place for name, place in PLACES.items() if name != "code"]  # of which nothing was told
    by_months = {Grain.COARSE_MONTH, *(Grain.NARROW_MONTH + place for place in (0, *places))}
    by_coder = {grain + PLACES["coder"] for grain in (Grain.NARROW, Grain.BALANCE, Grain.BALANCE_MONTH)}
    assert {key[0] for key in before.keys() - (await _all_sums(analytics)).keys()} == by_months | by_coder
    await asyncio.to_thread(run, "upgrade('analytics', sys.argv[1])", made.owner_url)
    assert await _all_sums(analytics) == before
    await worker.close()
    await api.close()


def _uncoded(fact: Fact) -> Fact:
    if isinstance(fact, Denial):
        return replace(fact, reasons=())  # sums by code are made of facts alone: by a recount
    return replace(fact, coder="") if isinstance(fact, Claim) else fact


async def _all_sums(analytics: Analytics) -> dict[Any, Any]:
    async with analytics.worker.begin() as tx:
        return {key: sums async for key, sums in queries.all_sums(tx, analytics.tenant)}
