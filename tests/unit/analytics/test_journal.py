"""Sums at any moment equal the facts counted anew: whatever the order, the batches, the repetitions and the revisions."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.analytics.causes.outcomes import outcomes, outcomes_alone
from services.analytics.facts import Fact, Remit, decode, encode
from services.analytics.facts.points import Alike, JournalKey, alike, journal, journal_alike, points, read
from tests.unit.analytics.facts import DAY, answer, claim, closing, decision, denial, filing, followup, match, on, remit

numbers = st.integers(1, 4)
days = st.integers(0, 40)
cents = st.sampled_from([0, 4_000, 6_000, 10_000])


claims = st.builds(
    claim,
    numbers,
    version=st.integers(1, 3),
    known_on=days.map(on),
    replaces=st.none() | numbers.map(lambda number: UUID(int=number)),
    frequency_code=st.sampled_from("178"),
    is_secondary=st.booleans(),
    has_error=st.booleans(),
    service_on=st.just(DAY),
)
statuses = st.sampled_from(["accepted", "rejected", "received"])
facts = st.one_of(
    claims,
    st.builds(answer, numbers, statuses, st.none() | numbers, version=st.integers(1, 3)),
    st.builds(
        remit,
        numbers,
        days,
        cents,
        claim_number=st.none() | numbers,
        charge_cents=st.sampled_from([4_000, 6_000, 10_000, -10_000]),
        status=st.sampled_from(["1", "2", "22", "25"]),
        payer_id=st.sampled_from(["P1", "P2"]),
    ),
    st.builds(match, numbers, st.none() | numbers, version=st.integers(1, 3), known_on=days.map(on)),
    st.builds(denial, numbers, days, cents, version=st.integers(1, 3), is_active=st.booleans(), category=st.sampled_from("ab")),
    st.builds(filing, numbers, numbers, days, level=st.sampled_from(["first", "second"])),
    st.builds(decision, numbers, numbers, days, cents, version=st.integers(1, 3)),
    st.builds(closing, numbers, numbers, days, st.sampled_from(["written_off", "expired", ""]), version=st.integers(1, 3)),
    st.builds(followup, numbers, numbers, days, version=st.integers(1, 3), is_gone=st.booleans()),
)  # fmt: skip


def consistent(drawn: list[Fact]) -> list[Fact]:
    """Keep one fact of each identity: an event says the same however often it comes."""
    return list({fact.identity(): fact for fact in drawn}.values())


def told_in_batches(told: list[list[Fact]]) -> dict[JournalKey, tuple[int, int]]:
    """Do what the handler does with an account: of each batch, add what is now counted and take away what was."""
    sums: defaultdict[JournalKey, list[int]] = defaultdict(lambda: [0, 0])
    known: list[Fact] = []
    for batch in told:
        seen = {fact.identity() for fact in known}
        after = known + consistent([fact for fact in batch if fact.identity() not in seen])
        for sign, held in ((-1, known), (1, after)):
            for key, (count, amount) in journal(held, read(held)).items() if held else ():
                sums[key][0] += sign * count
                sums[key][1] += sign * amount
        known = after
    return {key: (count, amount) for key, (count, amount) in sums.items() if count or amount}


@given(st.lists(facts, min_size=1, max_size=10).map(consistent), st.data())
@settings(max_examples=150)
def test_every_order_cut_and_repetition_ends_in_the_sums_of_the_facts(told: list[Fact], data: st.DataObject) -> None:
    expected = {key: tuple(sums) for key, sums in journal(told, read(told)).items() if sums != [0, 0]}
    repeated = told + data.draw(st.lists(st.sampled_from(told), max_size=5))
    shuffled = data.draw(st.permutations(repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    batches = [shuffled[first:last] for first, last in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    assert told_in_batches(batches) == expected


@given(st.lists(facts, min_size=1, max_size=10).map(consistent), days)
@settings(max_examples=150)
def test_what_was_known_on_a_day_is_what_the_facts_of_that_day_come_to(told: list[Fact], day: int) -> None:
    as_of = DAY + timedelta(days=day)
    then: defaultdict[tuple[str, Any, Any], list[int]] = defaultdict(lambda: [0, 0])
    for (measure, on_day, known_on, cell), (count, amount) in journal(told, read(told)).items():
        if known_on <= as_of:
            then[measure, on_day, cell][0] += count
            then[measure, on_day, cell][1] += amount
    known = points(read([fact for fact in told if fact.known_on <= as_of]))
    assert {key: sums for key, sums in then.items() if sums != [0, 0]} == {key: s for key, s in known.items() if s != [0, 0]}


@given(facts)
def test_a_fact_is_read_as_it_was_written(fact: Fact) -> None:
    assert decode(encode(fact)) == fact


@given(facts)
def test_an_account_of_one_fact_is_read_as_any_other(fact: Fact) -> None:
    assert points(read([fact])) == points(read([fact, fact]))


alone = st.builds(
    remit,
    numbers,
    st.integers(0, 3),
    cents,
    claim_number=st.none(),
    charge_cents=st.sampled_from([0, 4_000, -10_000]),
    status=st.sampled_from(["1", "2", "22", "25"]),
    payer_id=st.sampled_from(["P1", "P2"]),
    lines=st.integers(0, 2),
    known_on=st.integers(0, 3).map(on),
    services=st.sampled_from([(), ("G0283",), ("A4550", "G0283", "A4550")]),
)


@given(st.lists(alone, max_size=12))
def test_remits_that_are_alone_on_their_accounts_add_together_what_each_adds(remits: list[Remit]) -> None:
    each: defaultdict[JournalKey, list[int]] = defaultdict(lambda: [0, 0])
    together: defaultdict[JournalKey, list[int]] = defaultdict(lambda: [0, 0])
    groups: defaultdict[Alike, list[int]] = defaultdict(list)
    for one in remits:
        account = read([one])
        _add(each, journal([one], account))
        groups[alike(one)].append(one.charge_cents)
        assert outcomes_alone(one.payer_id, one.payment_on, one.status, one.services) == tuple(outcomes(account))
    for of, charges in groups.items():
        _add(together, journal_alike(of, len(charges), sum(charges)))
    assert together == each


def _add(sums: defaultdict[JournalKey, list[int]], told: dict[JournalKey, list[int]]) -> None:
    for key, (count, amount) in told.items():
        sums[key] = [sums[key][0] + count, sums[key][1] + amount]
