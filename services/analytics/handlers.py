"""What analytics does with batches: facts are kept, what they change in the sums is added, and remits are booked.

All in the transaction of the inbox. What an account added before follows from the facts that it had, so the change is a difference:
a fact that is known already changes nothing, and of several versions the highest counts, whichever comes first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.booking import book_remits
from libs.common.contracts import (
    appeal_decided,
    appeal_filed,
    case_closed,
    claim_acknowledged,
    claim_submitted,
    denial_classified,
    followup_changed,
    remit_matched,
    remit_received,
)
from libs.common.contracts.envelope import Event, Received
from libs.common.messaging.consumer import Subscription
from services.analytics import events, store
from services.analytics.causes import store as outcome_store
from services.analytics.causes.outcomes import Outcome, outcomes, outcomes_alone
from services.analytics.facts import Fact, known_from
from services.analytics.facts.points import Alike, JournalKey, alike, journal, journal_alike, only_remit, read
from services.analytics.store import Account

_NO_EVENTS: Final[Sequence[Event]] = ()


Names = Mapping[tuple[str, str], str]  # of payers, by tenant and id
_NO_NAMES: Final[Names] = {}


async def record(
    tx: AsyncConnection, told: Iterable[tuple[Account, Fact]], names: Names = _NO_NAMES, *, as_told: bool = False
) -> int:
    """Keep facts that are new and add what they change to the sums; return how many were new.

    What comes when its day has ended is known from the first day on that has not: what was told as of the day stays as it was told.
    `as_told`: all by its own time, since it was here before and is put back.
    """
    by_account: dict[Account, list[Fact]] = {}
    for account, fact in told:
        by_account.setdefault(account, []).append(fact)
    if not by_account:
        return 0
    through = await store.hold_days(tx)
    if through is not None and not as_told:
        open_from = through + timedelta(days=1)
        by_account = {account: [known_from(fact, open_from) for fact in facts] for account, facts in by_account.items()}
    await outcome_store.begin(tx)
    while True:
        known = await store.facts_of(tx, by_account)
        fresh = {account: new for account, facts in by_account.items() if (new := _new(facts, known.get(account, ())))}
        if not fresh:
            return 0
        if await store.append(tx, fresh, known):
            break
    deltas, became = _changes(fresh, known)
    if became:
        await outcome_store.replace(tx, became)
    await store.add(tx, deltas)
    if became:
        await store.lock(tx)
        await outcome_store.name(tx, became)
    await store.name_payers(tx, names)
    return sum(map(len, fresh.values()))


def _changes(
    fresh: Mapping[Account, Sequence[Fact]], known: Mapping[Account, Sequence[Fact]]
) -> tuple[store.Deltas, dict[Account, Sequence[Outcome]]]:
    """Return what new facts change in the sums, and what the services of accounts come to now, where that is not what it was."""
    deltas: dict[str, dict[JournalKey, list[int]]] = {}
    became: dict[Account, Sequence[Outcome]] = {}
    alone: dict[tuple[str, Alike], list[int]] = {}
    for account, facts in fresh.items():
        before = known.get(account)
        if before is None and (first := only_remit(facts)) is not None:
            sums_alike = alone.setdefault((account[0], alike(first)), [0, 0])
            sums_alike[0] += 1
            sums_alike[1] += first.charge_cents
            if said := outcomes_alone(first.payer_id, first.payment_on, first.status, first.services):
                became[account] = said
            continue
        sums = deltas.setdefault(account[0], {})
        came = _sum(sums, before, -1) if before else []
        comes = _sum(sums, [*before, *facts] if before else facts, 1)
        if comes != came:
            became[account] = comes
    for (tenant_id, of), (count, charge_cents) in alone.items():
        _add(deltas.setdefault(tenant_id, {}), journal_alike(of, count, charge_cents), 1)
    return deltas, became


def _new(facts: Sequence[Fact], known: Sequence[Fact]) -> Sequence[Fact]:
    if len(facts) == 1 and not known:
        return facts
    seen = {fact.identity() for fact in known}
    new = []
    for fact in facts:
        identity = fact.identity()
        if identity not in seen:
            seen.add(identity)
            new.append(fact)
    return new


def _sum(sums: dict[JournalKey, list[int]], facts: Sequence[Fact], sign: int) -> list[Outcome]:
    """Add what an account comes to, or take it away; return what became of its services: both of one reading, which costs most."""
    read_to = read(facts)
    _add(sums, journal(facts, read_to), sign)
    return outcomes(read_to)


def _add(sums: dict[JournalKey, list[int]], told: Mapping[JournalKey, Sequence[int]], sign: int) -> None:
    for key, (count, amount) in told.items():
        held = sums.get(key)
        if held is None:
            sums[key] = [sign * count, sign * amount]
        else:
            held[0] += sign * count
            held[1] += sign * amount


async def handle_remits(tx: AsyncConnection, remits: Sequence[Received[events.ReceivedRemit]], _: datetime) -> Sequence[Event]:
    """Keep remits' facts and book all."""
    await record(tx, *told_by(remit_received.TYPE, remits))
    await book_remits(tx, remits)  # last: a day's row is everybody's, and locked until the commit
    return _NO_EVENTS


async def handle_facts(tx: AsyncConnection, received: Sequence[Received[Any]], _: datetime) -> Sequence[Event]:
    """Keep the facts of events that tell of nothing but these."""
    await record(tx, *told_by(received[0].type, received))
    return _NO_EVENTS


_FACT_OF: Final[Mapping[str, Callable[[Received[Any]], Fact]]] = {
    claim_submitted.TYPE: events.claim_of,
    claim_acknowledged.TYPE: events.answer_of,
    remit_received.TYPE: events.remit_of,
    remit_matched.TYPE: events.match_of,
    denial_classified.TYPE: events.denial_of,
    appeal_filed.TYPE: events.filing_of,
    appeal_decided.TYPE: events.decision_of,
    case_closed.TYPE: events.closing_of,
    followup_changed.TYPE: events.followup_of,
}
SUBSCRIPTIONS: Final = (
    Subscription(claim_submitted.TOPIC, claim_submitted.TYPE, events.SubmittedClaim, handle_facts),
    Subscription(claim_acknowledged.TOPIC, claim_acknowledged.TYPE, events.AcknowledgedClaim, handle_facts),
    Subscription(remit_received.TOPIC, remit_received.TYPE, events.ReceivedRemit, handle_remits),
    Subscription(remit_matched.TOPIC, remit_matched.TYPE, events.MatchedRemit, handle_facts),
    Subscription(denial_classified.TOPIC, denial_classified.TYPE, events.ClassifiedDenial, handle_facts),
    Subscription(appeal_filed.TOPIC, appeal_filed.TYPE, events.AppealFiled, handle_facts),
    Subscription(appeal_decided.TOPIC, appeal_decided.TYPE, events.AppealDecided, handle_facts),
    Subscription(case_closed.TOPIC, case_closed.TYPE, events.ClosedCase, handle_facts),
    Subscription(followup_changed.TOPIC, followup_changed.TYPE, events.ChangedFollowup, handle_facts),
)


def told_by(type_: str, received: Sequence[Received[Any]]) -> tuple[list[tuple[Account, Fact]], Names]:
    """Return what events of one type tell: facts by account, and names of payers.

    What a front door sent back (a denial with an acknowledgement) was never judged: its acknowledgement tells of it.
    """
    fact_of = _FACT_OF[type_]
    if type_ == denial_classified.TYPE:
        received = [each for each in received if each.data.acknowledgement_id is None]
    if type_ == followup_changed.TYPE:  # one about no account stands for itself
        facts = [((each.tenant_id, each.data.claim_key or each.data.subject_id), fact_of(each)) for each in received]
        return facts, _NO_NAMES
    facts = [((each.tenant_id, each.data.claim_key), fact_of(each)) for each in received]
    return facts, (_names(received) if type_ in _NAME_PAYERS else _NO_NAMES)


_NAME_PAYERS: Final = frozenset({claim_submitted.TYPE, remit_received.TYPE, denial_classified.TYPE})


def _names(received: Iterable[Received[Any]]) -> Names:
    names: dict[tuple[str, str], str] = {}
    for each in received:
        key, name = (each.tenant_id, each.data.payer_id), each.data.payer_name
        if names.get(key, "") <= name:
            names[key] = name
    return names
