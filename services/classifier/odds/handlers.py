"""What the classifier learns of how denials end: from decided appeals, and from later remits that answer a denial.

Handlers: a batch in, state out. Whatever the order of arrival, and however often something comes, the same outcomes are there.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.envelope import Event, Received
from libs.common.ids import denial_id, named_id
from libs.common.money import Cents
from libs.common.reversals import Reversible
from services.classifier.odds import store
from services.classifier.odds.answers import Adjudication, Answered, answers
from services.classifier.odds.outcomes import (
    Circumstances,
    KeptDenial,
    Subject,
    circumstances_of,
    contest_of,
    level_of,
    subject_of,
)
from services.classifier.odds.store import UNANSWERED, Account, OutcomeRow

NOTHING_SENT = "none"
# Payers decide within 60 days by law or contract, most of them; who has said nothing after three times that says no.
LOST_AFTER = timedelta(days=180)


class DecidedAppeal(Struct, frozen=True, gc=False):
    """What the classifier reads of `appeal.decided`."""

    appeal_id: UUID
    revision: int
    denial_id: UUID
    claim_key: UUID
    payer_id: str
    action: str
    category: str
    outcome: str
    disputed_cents: Cents
    recovered_cents: Cents
    decided_on: date
    level: str | None = None


async def handle_decided(tx: AsyncConnection, decided: Sequence[Received[DecidedAppeal]], _: datetime) -> Sequence[Event]:
    """Keep how appeals ended: of each the highest revision."""
    newest: dict[tuple[str, UUID], Received[DecidedAppeal]] = {}
    for each in decided:
        name = (each.tenant_id, each.data.appeal_id)
        if name not in newest or each.data.revision > newest[name].data.revision:
            newest[name] = each
    denials = await store.known_denials(tx, {(each.tenant_id, each.data.denial_id) for each in newest.values()})
    rows = [_decided(each, denials.get((each.tenant_id, each.data.denial_id))) for _, each in sorted(newest.items())]
    await store.note_changes(tx, Counter(await store.save_outcomes(tx, rows)))
    return ()


def _decided(each: Received[DecidedAppeal], known: KeptDenial | None) -> OutcomeRow:
    told = each.data
    return OutcomeRow(
        tenant_id=each.tenant_id,
        outcome_id=told.appeal_id,
        source="appeal",
        revision=told.revision,
        denial_id=told.denial_id,
        action=told.action,
        level=told.level,
        ending=told.outcome,
        disputed_cents=told.disputed_cents,
        recovered_cents=told.recovered_cents,
        decided_on=told.decided_on,
        subject=_contested(told, known),
        circumstances=circumstances_of(known.denial) if known is not None else Circumstances(),
    )


def _contested(told: "DecidedAppeal | FiledAppeal", known: KeptDenial | None) -> Subject:
    """Return what the odds of a filing depended on: the denial as it stood then."""
    subject = Subject(told.payer_id, "", "", level_of(told.action, told.level), told.category, "")
    if known is None:
        return subject
    contest = told.action
    if contest == NOTHING_SENT:
        contest = contest_of(known.denial.action, known.denial.alternative_actions) or NOTHING_SENT
    # The category is that of the filing or decision, which a replay may have changed since.
    as_it_stood = replace(known.denial, category=told.category, action=contest, alternative_actions=(), recoverable=True)
    found = subject_of(replace(known, denial=as_it_stood))
    return replace(found or subject, level=level_of(contest, told.level))


class FiledAppeal(Struct, frozen=True, gc=False):
    """What the classifier reads of `appeal.filed`."""

    appeal_id: UUID
    denial_id: UUID
    claim_key: UUID
    payer_id: str
    action: str
    category: str
    disputed_cents: Cents
    filed_on: date
    level: str | None = None


async def handle_filed(tx: AsyncConnection, filed: Sequence[Received[FiledAppeal]], _: datetime) -> Sequence[Event]:
    """Keep what was sent: unanswered, until its decision comes. That is the first revision of it, whichever is read first."""
    by_name = {(each.tenant_id, each.data.appeal_id): each for each in filed}
    denials = await store.known_denials(tx, {(each.tenant_id, each.data.denial_id) for each in by_name.values()})
    rows = [_waiting(each, denials.get((each.tenant_id, each.data.denial_id))) for _, each in sorted(by_name.items())]
    await store.note_changes(tx, Counter(await store.save_outcomes(tx, rows)))
    return ()


def _waiting(each: Received[FiledAppeal], known: KeptDenial | None) -> OutcomeRow:
    told = each.data
    return OutcomeRow(
        tenant_id=each.tenant_id,
        outcome_id=told.appeal_id,
        source="appeal",
        revision=0,
        denial_id=told.denial_id,
        action=told.action,
        level=told.level,
        ending=UNANSWERED,
        disputed_cents=told.disputed_cents,
        recovered_cents=0,
        decided_on=told.filed_on + LOST_AFTER,
        subject=_contested(told, known),
        circumstances=circumstances_of(known.denial) if known is not None else Circumstances(),
    )


class Told(Struct, frozen=True, gc=False):
    """One remit of a batch, as far as it can answer a denial. `pays`: it refuses nothing and pays something."""

    reversible: Reversible
    service_from_on: date | None
    pays: bool


async def learn_from(
    tx: AsyncConnection, touched: Collection[Account], told_on: Callable[[Collection[Account]], Sequence[Told]]
) -> None:
    """See which denials the remits of a batch answer, or answer no more. Its own denials and reversals are written already.

    `touched`: the accounts of the batch; `told_on`: its remits on some of these. Few accounts have denials.
    """
    by_account: dict[Account, list[Adjudication]] = defaultdict(list)
    for denied in await store.denied_adjudications(tx, touched):
        by_account[_account(denied.reversible)].append(denied)
    if not by_account:
        return
    remits = told_on(by_account.keys())
    paying = [(each.reversible, each.service_from_on) for each in remits if each.pays]
    await store.insert_payments(tx, paying)
    # An account whose denials are all of this batch has no payment from before it: payments are kept beside a denial alone.
    here = {each.reversible.remit_id for each in remits}
    old = {account for account, found in by_account.items() if any(each.reversible.remit_id not in here for each in found)}
    for payment in await store.payments_of(tx, old | {_account(payment) for payment, _ in paying}):
        by_account[_account(payment.reversible)].append(payment)
    several = {account: found for account, found in by_account.items() if len(found) > 1}
    reversals: dict[Account, list[Reversible]] = defaultdict(list)
    for reversal in await store.reversals_on(tx, several):
        reversals[_account(reversal)].append(reversal)
    answered: dict[tuple[str, UUID], Answered] = {}
    all_names: set[tuple[str, UUID]] = set()
    for account, found in several.items():
        all_names |= {(account[0], denial_id(each.reversible.remit_id)) for each in found if each.category is not None}
        for each in answers(found, reversals[account]):
            answered[account[0], denial_id(each.remit_id)] = each
    await _write(tx, answered, all_names - answered.keys())


async def _write(tx: AsyncConnection, answered: dict[tuple[str, UUID], Answered], unanswered: set[tuple[str, UUID]]) -> None:
    denials = await store.known_denials(tx, answered)
    rows = [_answered(name[0], denials[name], each) for name, each in sorted(answered.items())]
    changed = await store.save_outcomes(tx, rows)
    changed += await store.drop_outcomes(tx, sorted((tenant_id, _name(denial)) for tenant_id, denial in unanswered))
    await store.note_changes(tx, Counter(changed))


def _answered(tenant_id: str, known: KeptDenial, answer: Answered) -> OutcomeRow:
    denial = known.denial
    contest = contest_of(denial.action, denial.alternative_actions) or NOTHING_SENT
    subject = subject_of(replace(known, denial=replace(denial, action=contest, recoverable=True)))
    return OutcomeRow(
        tenant_id=tenant_id,
        outcome_id=_name(denial.denial_id),
        source="remit",
        revision=1,
        denial_id=denial.denial_id,
        action=NOTHING_SENT,
        level=None,
        ending=answer.ending,
        disputed_cents=answer.disputed_cents,
        recovered_cents=answer.recovered_cents,
        decided_on=answer.decided_on,
        subject=subject or Subject(denial.payer_id, denial.payer_kind or "", known.claim_type or "", contest, denial.category, ""),
        circumstances=circumstances_of(denial),
    )


def _name(denial: UUID) -> UUID:
    return named_id("answered", str(denial))


def _account(each: Reversible) -> Account:
    return (each.tenant_id, each.claim_key)
