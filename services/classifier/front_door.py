"""What the classifier does with what front doors answer to claims: a rejection stands until the claim is accepted or replaced.

Handlers: a batch in, state and events out. Whether a rejection stands follows from all that is known of its claim, so every
order of arrival ends alike (docs/adr/0004-rejections-beside-denials.md).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import denial_classified
from libs.common.contracts.claim_acknowledged import AcknowledgedStatus
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.contracts.envelope import Event, Received, caused_event
from libs.common.front_door import weight
from libs.common.ids import denial_id
from libs.common.money import Cents
from services.classifier import front_door_store, store
from services.classifier.front_door_store import Answer, ClaimName
from services.classifier.rejections import judge
from services.classifier.risk import intake
from services.classifier.risk.claims import SubmittedClaim


class AnsweredClaim(Struct, frozen=True, gc=False):
    """What the classifier reads of `claim.acknowledged`."""

    acknowledgement_id: UUID
    claim_key: UUID
    patient_control_number: str
    status: str
    source: str
    acknowledged_on: date
    claim_id: UUID | None = None
    payer_id: str = ""
    payer_name: str = ""
    payer_claim_control_number: str = ""
    charge_cents: Cents | None = None
    statuses: tuple[AcknowledgedStatus, ...] = ()


async def handle_answers(tx: AsyncConnection, answers: Sequence[Received[AnsweredClaim]], now: datetime) -> Sequence[Event]:
    """Keep what accepts or rejects a claim, judge each new rejection, and see which rejections still stand."""
    decided = [each for each in answers if each.data.status in ("accepted", "rejected")]
    if not decided:
        return ()
    told = {
        (each.tenant_id, each.data.acknowledgement_id): each
        for each in sorted(decided, key=lambda one: (bool(one.data.claim_id), one.sequence))
    }
    before = await front_door_store.claims_before(tx, told)
    claims = await front_door_store.save_answers(tx, {name: _answer(each) for name, each in told.items()})
    rejected = {name: each for name, each in told.items() if each.data.status == "rejected"}
    here = await front_door_store.known_rejections(tx, rejected)
    new = [(each, _rejection(each.data, now)) for name, each in rejected.items() if name not in here]
    await store.insert_denials(tx, [(each.tenant_id, rejection) for each, rejection in new])
    events = [_event(each, rejection) for each, rejection in new]
    causes = {claim: told[name] for claim, name in before.items()}  # one that turns out not to be answered has an answer less
    causes |= {(tenant_id, claim): told[tenant_id, name] for (tenant_id, name), claim in claims.items() if claim is not None}
    return events + await _judge_anew(tx, causes, now)


async def handle_submitted(tx: AsyncConnection, submitted: Sequence[Received[SubmittedClaim]], now: datetime) -> Sequence[Event]:
    """Keep claims to learn from, and retract the rejections of those that another one takes the place of."""
    await intake.keep_claims(tx, submitted)
    causes = {(each.tenant_id, name): each for each in submitted if (name := each.data.replaces_claim_id) is not None}
    if not causes:
        return ()
    await front_door_store.save_replaced(tx, causes)
    return await _judge_anew(tx, causes, now)


async def _judge_anew(
    tx: AsyncConnection, causes: Mapping[ClaimName, Received[AnsweredClaim] | Received[SubmittedClaim]], now: datetime
) -> list[Event]:
    """Retract rejections that do not stand any more, and reinstate those that do, among the claims of this batch."""
    answers = await front_door_store.answers_of(tx, causes)
    replaced = await front_door_store.replaced_of(tx, causes)
    wanted = {
        (claim[0], each.acknowledgement_id): (claim, "active" if claim not in replaced and stands(each, told) else "retracted")
        for claim, told in answers.items()
        for each in told
        if each.verdict == "rejected"
    }
    revised = await front_door_store.revise(tx, {name: (claim[1], status) for name, (claim, status) in wanted.items()}, now)
    return [_event(causes[wanted[tenant_id, rejection.remit_id][0]], rejection) for tenant_id, rejection in revised]


def stands(rejection: Answer, answers: Sequence[Answer]) -> bool:
    """Say whether a rejection is not outweighed by an acceptance of the same claim."""
    own = weight(rejection.acknowledged_on, rejection.source, rejection.verdict)
    return all(weight(each.acknowledged_on, each.source, each.verdict) < own for each in answers if each.verdict == "accepted")


def _answer(each: Received[AnsweredClaim]) -> Answer:
    told = each.data
    return Answer(told.acknowledgement_id, told.claim_id, told.acknowledged_on, told.source, told.status, each.sequence)


def _rejection(told: AnsweredClaim, now: datetime) -> DenialClassifiedV1:
    verdict = judge(told.statuses)
    return DenialClassifiedV1(
        denial_id=denial_id(told.acknowledgement_id),
        revision=1,
        status="active",
        remit_id=told.acknowledgement_id,
        remittance_id=told.acknowledgement_id,
        acknowledgement_id=told.acknowledgement_id,
        claim_key=told.claim_key,
        claim_id=told.claim_id,
        patient_control_number=told.patient_control_number,
        payer_claim_control_number=told.payer_claim_control_number,
        payer_id=told.payer_id,
        payer_name=told.payer_name,
        payment_on=told.acknowledged_on,
        charge_cents=told.charge_cents or 0,
        paid_cents=0,
        denied_cents=0,
        category=verdict.category,
        kind="rejection",
        action=verdict.action,
        explanation=verdict.explanation,
        explanation_fr=verdict.explanation_fr,
        reasons=(),
        rules=(verdict.rule,),
        confidence=verdict.confidence,
        classified_at=now,
        recoverable=True,
        preventable=True,
    )


def _event(cause: Received[AnsweredClaim] | Received[SubmittedClaim], rejection: DenialClassifiedV1) -> Event:
    return caused_event(cause, denial_classified.TOPIC, denial_classified.TYPE, rejection, sequence=rejection.revision)
