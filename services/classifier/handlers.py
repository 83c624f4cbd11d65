"""What the classifier does with a batch of remits: book them, judge them, retract what is reversed, tell of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common import ledger
from libs.common.contracts import denial_classified
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.envelope import Event, Received, caused_event, encode
from libs.common.ids import denial_id
from libs.common.money import Cents
from libs.common.reversals import REVERSAL_STATUS, Reversible, Twin, pair
from services.classifier import store
from services.classifier.decision import AdjudicatedClaim, Adjustment, Remark
from services.classifier.measures import observe_delays
from services.classifier.odds.book import PUBLISHED_ONLY, Book, with_odds
from services.classifier.odds.handlers import Told, learn_from
from services.classifier.odds.outcomes import KeptDenial
from services.classifier.risk import intake
from services.classifier.rules import store as rules_store
from services.classifier.rules.model import NO_RULES, RuleSet
from services.classifier.verdict import Adjudicated, Verdict, judged_fields
from services.classifier.verdict import judge as judge_adjudicated


class RemitToClassify(Struct, frozen=True, gc=False):
    """What the classifier reads of `remit.received`."""

    remit_id: UUID
    remittance_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    received_at: datetime
    claim_status_code: str
    charge_cents: Cents
    paid_cents: Cents
    adjustments: tuple[Adjustment, ...]
    rarcs: tuple[Remark, ...] = ()
    claim_type: str | None = None
    payer_kind: str | None = None
    service_from_on: date | None = None
    service_to_on: date | None = None
    claim_id: UUID | None = None


Remit = Received[RemitToClassify]


async def handle(tx: AsyncConnection, remits: Sequence[Remit], now: datetime, odds: Book = PUBLISHED_ONLY) -> Sequence[Event]:
    """Judge a batch of remits: denials and their events, in the order of the remits; then what reversals change, and which earlier
    denials the remits answer.
    """
    rules = await rules_store.in_force(tx, {remit.tenant_id for remit in remits})
    found = []
    judged_from: dict[UUID, store.JudgedFrom] = {}
    for remit in remits:
        told = _adjudicated(remit.data)
        verdict = judge_adjudicated(told, rules.get(remit.tenant_id, NO_RULES))
        if verdict.judged.is_denial:
            claim = told.claim
            denial = _denial(remit.data, verdict, now)
            found.append((remit, KeptDenial(denial, claim.claim_type)))
            judged_from[denial.denial_id] = store.JudgedFrom(encode(told), claim.claim_type)
    denials = with_odds([(remit.tenant_id, kept) for remit, kept in found], odds)
    judged = [(remit, denial) for (remit, _), denial in zip(found, denials, strict=True)]
    reversals = [remit for remit in remits if remit.data.claim_status_code == REVERSAL_STATUS]
    await store.insert_denials(tx, [(remit.tenant_id, denial) for remit, denial in judged], judged_from)
    await store.insert_reversals(tx, [_reversible(remit, -1) for remit in reversals])
    causes = {_reversible(remit, 1).twin(): remit for remit, _ in judged}
    causes |= {_reversible(remit, -1).twin(): remit for remit in reversals}
    events = [_event(remit, denial) for remit, denial in judged]
    events += await _pair_anew(tx, causes, now)
    denied = {remit.id: denial for remit, denial in judged}
    await _learn(tx, remits, denied)
    observe_delays((remit.data.received_at for remit, _ in judged), now)
    await ledger.book(tx, map(entry_of, remits))  # last: a day's row is everybody's, and locked until the commit
    return events


async def _learn(tx: AsyncConnection, remits: Sequence[Remit], denied: Mapping[UUID, DenialClassifiedV1]) -> None:
    """Keep what remits teach of odds and of risk; said only of those that teach something, which most do not."""
    by_account: dict[tuple[str, UUID], list[Remit]] = {}
    for remit in remits:
        by_account.setdefault((remit.tenant_id, remit.data.claim_key), []).append(remit)

    def told_on(accounts: Collection[tuple[str, UUID]]) -> list[Told]:
        return [_told(remit, refuses=remit.id in denied) for account in accounts for remit in by_account[account]]

    await learn_from(tx, by_account.keys(), told_on)
    asked = {remit.tenant_id for remit in remits if remit.data.claim_id is None}
    with_claims = await intake.tenants_with_claims(tx, asked)
    claims_known = [remit for remit in remits if remit.data.claim_id is not None or remit.tenant_id in with_claims]
    await intake.keep_answers(tx, [_answered(remit, denied.get(remit.id)) for remit in claims_known])


async def _pair_anew(tx: AsyncConnection, causes: Mapping[Twin, Remit], now: datetime) -> list[Event]:
    """Retract the denials that reversals undo, and reinstate those that they undo no more, among the twins of this batch."""
    reversals = await store.reversals_of(tx, causes)
    if not reversals:
        return []
    denials = await store.denials_of(tx, {reversal.twin() for reversal in reversals})
    undone = pair(denials, reversals)
    wanted = {denial: "retracted" if denial.remit_id in undone else "active" for denial in denials}
    changed = {denial: status for denial, status in wanted.items() if status != denials[denial]}
    by_remit = {denial.remit_id: causes[denial.twin()] for denial in changed}
    return [_event(by_remit[denial.remit_id], denial) for _, denial in await store.revise(tx, changed, now)]


def entry_of(remit: Remit) -> ledger.Entry:
    """Book a remit from its adjustments, not from the totals that ingest states: two counts that must agree."""
    groups: dict[str, int] = {}
    explained_cents = 0
    for adjustment in remit.data.adjustments:
        groups[adjustment.group_code] = groups.get(adjustment.group_code, 0) + adjustment.amount_cents
        explained_cents += adjustment.amount_cents
    return ledger.Entry(
        tenant_id=remit.tenant_id,
        payment_on=remit.data.payment_on,
        charge_cents=remit.data.charge_cents,
        paid_cents=remit.data.paid_cents,
        adjustments_by_group=groups,
        unbalanced_cents=remit.data.charge_cents - remit.data.paid_cents - explained_cents,
    )


def judge(remit: RemitToClassify, now: datetime, rules: RuleSet = NO_RULES) -> DenialClassifiedV1 | None:
    """Return the first revision of a remit's denial, or None where nothing is denied."""
    verdict = judge_adjudicated(_adjudicated(remit), rules)
    return _denial(remit, verdict, now) if verdict.judged.is_denial else None


def _adjudicated(remit: RemitToClassify) -> Adjudicated:
    claim = AdjudicatedClaim(
        claim_status_code=remit.claim_status_code,
        charge_cents=remit.charge_cents,
        paid_cents=remit.paid_cents,
        claim_type=remit.claim_type,
        payer_kind=remit.payer_kind,
        adjustments=remit.adjustments,
        rarcs=remit.rarcs,
    )
    return Adjudicated(claim, remit.payer_id, remit.payment_on, remit.service_from_on, remit.service_to_on)


def _denial(remit: RemitToClassify, verdict: Verdict, now: datetime) -> DenialClassifiedV1:
    return DenialClassifiedV1(
        denial_id=denial_id(remit.remit_id),
        revision=1,
        status="active",
        remit_id=remit.remit_id,
        remittance_id=remit.remittance_id,
        claim_key=remit.claim_key,
        claim_id=remit.claim_id,
        patient_control_number=remit.patient_control_number,
        payer_claim_control_number=remit.payer_claim_control_number,
        payer_id=remit.payer_id,
        payer_name=remit.payer_name,
        payer_kind=remit.payer_kind,
        payment_on=remit.payment_on,
        service_from_on=remit.service_from_on,
        charge_cents=remit.charge_cents,
        paid_cents=remit.paid_cents,
        classified_at=now,
        **judged_fields(verdict),
    )


def _told(remit: Remit, *, refuses: bool) -> Told:
    pays = not refuses and remit.data.paid_cents > 0 and remit.data.claim_status_code not in intake.SAYS_NOTHING
    return Told(_reversible(remit, 1), remit.data.service_from_on, pays)


def _reversible(remit: Remit, sign: int) -> Reversible:
    return Reversible(
        remit_id=remit.data.remit_id,
        tenant_id=remit.tenant_id,
        claim_key=remit.data.claim_key,
        payer_id=remit.data.payer_id,
        payer_claim_control_number=remit.data.payer_claim_control_number,
        payment_on=remit.data.payment_on,
        charge_cents=sign * remit.data.charge_cents,
        paid_cents=sign * remit.data.paid_cents,
    )


def _answered(remit: Remit, denial: DenialClassifiedV1 | None) -> intake.Told:
    told = remit.data
    return intake.Told(remit.tenant_id, told.remit_id, told.claim_id, told.claim_status_code, told.payment_on, denial)


def _event(cause: Remit, denial: DenialClassifiedV1) -> Event:
    return caused_event(cause, denial_classified.TOPIC, denial_classified.TYPE, denial, sequence=denial.revision)
