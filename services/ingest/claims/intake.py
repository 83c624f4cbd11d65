"""Booking claims and what is answered to them: one transaction's worth at a time, by the worker for files and by the API for JSON.

Accounts are locked first, so that a claim and its acknowledgement that come at once, in any order, always see each other.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import cramjam
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import claim_acknowledged, claim_submitted
from libs.common.contracts.claim_acknowledged import ClaimAcknowledgedV1
from libs.common.contracts.envelope import Event, first_event
from libs.common.ids import claim_key, uuid7
from libs.x12 import Claim, SetAnswer
from libs.x12.claim import VOID
from services.ingest.booking import Received
from services.ingest.claims import identity, store
from services.ingest.claims.life import Acknowledgement, ClaimState, Known, choose, of_set, state_of
from services.ingest.claims.translation import to_event
from services.ingest.translation import payer_kind


@dataclass
class ClaimCandidate:
    """One claim that came in, named, before it is known whether it is new."""

    claim: Claim
    content: bytes
    claim_id: UUID
    claim_key: UUID
    member_reference: str
    transaction_ordinal: int | None = None
    group_control_number: str = ""
    set_control_number: str = ""
    row_id: UUID = field(default_factory=uuid7)

    @classmethod
    def of(cls, tenant_id: str, key: bytes, claim: Claim, **place: Any) -> "ClaimCandidate":
        """Name a claim. `key` is the tenant's pseudonym key; `place` where in a file it stood."""
        content = identity.encoded(claim)
        return cls(
            claim,
            content,
            identity.claim_id(tenant_id, content),
            claim_key(tenant_id, claim.patient_control_number),
            identity.member_reference(key, tenant_id, claim),
            **place,
        )

    def known(self, submitted_on: date) -> Known:
        claim = self.claim
        return Known(self.claim_id, claim.payer.payer_id, claim.charge_cents, claim.service_from_on, submitted_on, "")


@dataclass
class Intake:
    """What came in together."""

    claims: list[ClaimCandidate] = field(default_factory=list)
    answers: list[Acknowledgement] = field(default_factory=list)
    sets: list[SetAnswer] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.claims or self.answers or self.sets)

    def clear(self) -> None:
        for part in (self.claims, self.answers, self.sets):
            part.clear()


@dataclass
class Booked:
    """What came of it: the claims that were new, and the events to send."""

    new: list[ClaimCandidate]
    events: list[Event]


class _Booking:
    """One transaction's booking, step by step; it exists so that the steps share what they know."""

    def __init__(self, tx: AsyncConnection, received: Received, interchange_id: UUID | None) -> None:
        self.tx = tx
        self.received = received
        self.tenant_id = received.tenant_id
        self.interchange_id = interchange_id
        self.versions: dict[UUID, int] = {}
        self.events: list[Event] = []
        self.history: list[dict[str, Any]] = []

    def next_version(self, key: UUID) -> int:
        self.versions[key] += 1
        return self.versions[key]

    def emit(self, topic: str, type_: str, data: Any, key: UUID, sequence: int) -> None:
        received = self.received
        correlation = str(self.interchange_id or data.claim_id)
        self.events.append(
            first_event(
                topic,
                type_,
                data,
                key=key,
                tenant_id=self.tenant_id,
                sequence=sequence,
                correlation_id=correlation,
                traceparent=received.traceparent,
            )
        )

    def tell(self, claim_id: UUID, state: str, why: str, cause_id: UUID | None) -> None:
        self.history.append(
            {
                "tenant_id": self.tenant_id,
                "claim_id": claim_id,
                "row_id": uuid7(),
                "state": state,
                "why": why,
                "cause_id": cause_id,
                "at": self.received.received_at,
            }
        )


async def book(tx: AsyncConnection, received: Received, interchange_id: UUID | None, intake: Intake) -> Booked:
    """Book what came in. Returns the new claims and the events; what was here before changes nothing."""
    booking = _Booking(tx, received, interchange_id)
    tenant_id = received.tenant_id
    groups = {each.group_control_number for each in intake.claims if each.group_control_number}
    groups |= {each.group_control_number for each in intake.sets}
    await store.lock_groups(tx, tenant_id, groups)
    sets = await _sets(booking, intake, groups)
    keys = {each.claim_key for each in intake.claims} | {key for _, key, _, _ in sets}
    keys |= {claim_key(tenant_id, answer.patient_control_number) for answer in intake.answers}
    booking.versions = await store.lock_accounts(tx, tenant_id, keys)
    new = await _new_claims(booking, intake.claims)
    known = await store.claims_of_accounts(tx, tenant_id, keys)
    await _insert_claims(booking, new, known)
    for each in new:
        known.setdefault(each.claim_key, []).append(each.known(received.received_at.date()))
    await _acknowledge(booking, intake.answers, sets, new, known)
    await store.insert_set_answers(tx, tenant_id, received.interchange_id, intake.sets, received.received_at)
    await store.insert_history(tx, booking.history)
    await store.set_versions(tx, tenant_id, booking.versions)
    return Booked(new, booking.events)


async def _sets(booking: _Booking, intake: Intake, groups: set[str]) -> list[tuple[SetAnswer, UUID, Acknowledgement, date]]:
    """Return the acknowledgements that answers to sets come to: new answers to known claims, known answers to new claims."""
    tenant_id, today = booking.tenant_id, booking.received.received_at.date()
    reached: list[tuple[SetAnswer, UUID, Acknowledgement, date]] = []
    for answer in intake.sets:
        for claim_id, key, pcn in await store.claims_of_set(
            booking.tx, tenant_id, answer.group_control_number, answer.set_control_number
        ):
            reached.append((answer, key, of_set(tenant_id, answer, claim_id, pcn, today), today))
    kept = await store.set_answers(booking.tx, tenant_id, groups) if intake.claims and groups else []
    kept += [(answer, today) for answer in intake.sets]
    for answer, on in kept:
        for each in intake.claims:
            same_set = answer.set_control_number in ("", each.set_control_number)
            if answer.group_control_number == each.group_control_number and same_set:
                pcn = each.claim.patient_control_number
                reached.append((answer, each.claim_key, of_set(tenant_id, answer, each.claim_id, pcn, on), on))
    return reached


async def _new_claims(booking: _Booking, candidates: Sequence[ClaimCandidate]) -> list[ClaimCandidate]:
    """Return the claims that are not here yet, each once."""
    known = await store.known_ids(booking.tx, booking.tenant_id, {each.claim_id for each in candidates}) if candidates else set()
    new = []
    for each in candidates:
        if each.claim_id not in known:
            known.add(each.claim_id)
            new.append(each)
    return new


async def _insert_claims(booking: _Booking, new: Sequence[ClaimCandidate], known: Mapping[UUID, Sequence[Known]]) -> None:
    """Write new claims, lines and events, each linked to what it replaces."""
    numbers = {number for each in new if (number := each.claim.original_control_number)}
    by_number = await store.claims_by_payer_number(booking.tx, booking.tenant_id, numbers) if numbers else {}
    rows, lines = [], []
    earlier: dict[UUID, UUID] = {key: claims[-1].claim_id for key, claims in known.items()}
    for each in new:
        number = each.claim.original_control_number
        replaces = by_number.get(number) or (earlier.get(each.claim_key) if _names_another(each.claim) else None)
        sequence = booking.next_version(each.claim_key)
        event = to_event(
            each.claim,
            claim_id=each.claim_id,
            claim_key=each.claim_key,
            interchange_id=booking.interchange_id,
            replaces_claim_id=replaces,
            member_reference=each.member_reference,
            submitted_at=booking.received.received_at,
        )
        booking.emit(claim_submitted.TOPIC, claim_submitted.TYPE, event, each.claim_key, sequence)
        booking.tell(each.claim_id, ClaimState.SUBMITTED, "submitted", None)
        if replaces is not None:
            booking.tell(replaces, "", "voided" if each.claim.frequency_code == VOID else "replaced", each.claim_id)
        rows.append(_row(booking, each, sequence, replaces))
        lines += _lines(booking.tenant_id, each)
        earlier[each.claim_key] = each.claim_id
    await store.insert_claims(booking.tx, rows, lines)


def _names_another(claim: Claim) -> bool:
    return claim.frequency_code in ("7", VOID)


def _row(booking: _Booking, each: ClaimCandidate, sequence: int, replaces: UUID | None) -> dict[str, Any]:
    claim = each.claim
    rendering = claim.provider("82")
    return {
        "tenant_id": booking.tenant_id,
        "claim_id": each.claim_id,
        "row_id": each.row_id,
        "claim_key": each.claim_key,
        "sequence": sequence,
        "interchange_id": booking.interchange_id,
        "transaction_ordinal": each.transaction_ordinal,
        "claim_ordinal": claim.ordinal or None,
        "group_control_number": each.group_control_number,
        "set_control_number": each.set_control_number,
        "patient_control_number": claim.patient_control_number,
        "claim_type": claim.claim_type,
        "frequency_code": claim.frequency_code,
        "charge_cents": claim.charge_cents,
        "payer_id": claim.payer.payer_id,
        "payer_name": claim.payer.name,
        "payer_kind": payer_kind(claim.subscription.claim_filing_code),
        "claim_filing_code": claim.subscription.claim_filing_code,
        "payer_sequence": claim.subscription.sequence,
        "billing_npi": claim.billing_provider.npi,
        "rendering_npi": rendering.npi if rendering else "",
        "facility_code": claim.facility_code,
        "service_from_on": claim.service_from_on,
        "service_to_on": claim.service_to_on,
        "member_reference": each.member_reference,
        "original_payer_claim_control_number": claim.original_control_number,
        "replaces_claim_id": replaces,
        "state": ClaimState.SUBMITTED.value,
        "submitted_at": booking.received.received_at,
        "content": bytes(cramjam.zstd.compress(each.content, 3)),
    }


def _lines(tenant_id: str, each: ClaimCandidate) -> Iterable[dict[str, Any]]:
    for place, line in enumerate(each.claim.lines, start=1):
        yield {
            "tenant_id": tenant_id,
            "claim_row_id": each.row_id,
            "place": place,
            "line": line.number or place,
            "procedure_code": line.procedure_code,
            "modifiers": " ".join(line.modifiers),
            "revenue_code": line.revenue_code,
            "units": line.units,
            "charge_cents": line.charge_cents,
            "service_from_on": line.service_from_on,
            "service_to_on": line.service_to_on,
            "line_control_number": line.line_control_number,
        }


async def _acknowledge(
    booking: _Booking,
    answers: Sequence[Acknowledgement],
    sets: Sequence[tuple[SetAnswer, UUID, Acknowledgement, date]],
    new: Sequence[ClaimCandidate],
    known: Mapping[UUID, Sequence[Known]],
) -> None:
    """Link answers with their claims, write them, and move the claims' states."""
    tenant_id, received = booking.tenant_id, booking.received
    told: dict[UUID, tuple[UUID, UUID, Acknowledgement]] = {}  # by id: claim key, interchange, acknowledgement
    for answer in answers:
        key = claim_key(tenant_id, answer.patient_control_number)
        told.setdefault(answer.acknowledgement_id, (key, received.interchange_id, answer))
    for _, key, answer, _ in sets:
        told.setdefault(answer.acknowledgement_id, (key, received.interchange_id, answer))
    here = await store.known_acknowledgements(booking.tx, tenant_id, told) if told else set()
    fresh = [each for acknowledgement_id, each in told.items() if acknowledgement_id not in here]
    keys = {each.claim_key for each in new}
    waiting = await store.waiting_acknowledgements(booking.tx, tenant_id, keys) if keys else []
    rows = []
    moved: dict[UUID, list[Acknowledgement]] = defaultdict(list)
    for key, interchange_id, answer in [*waiting, *fresh]:
        chosen = answer.claim_id or getattr(choose(answer, known.get(key, ())), "claim_id", None)
        rows.append(_acknowledgement_row(tenant_id, key, interchange_id, answer, chosen, received.received_at))
        if chosen is not None:
            moved[chosen].append(answer)
        sequence = booking.next_version(key)
        event = _event(key, interchange_id, answer, chosen, received.received_at)
        booking.emit(claim_acknowledged.TOPIC, claim_acknowledged.TYPE, event, key, sequence)
    await store.save_acknowledgements(booking.tx, rows)
    await _move(booking, moved)


async def _move(booking: _Booking, moved: Mapping[UUID, Sequence[Acknowledgement]]) -> None:
    """Give claims the state that all their answers come to."""
    if not moved:
        return
    everything = await store.answers_of(booking.tx, booking.tenant_id, moved)
    states: dict[UUID, tuple[str, str]] = {}
    for claim_id, answers in moved.items():
        state = state_of(everything.get(claim_id, ()))
        number = next((each.payer_claim_control_number for each in answers if each.payer_claim_control_number), "")
        states[claim_id] = (state.value, number)
        for each in answers:
            booking.tell(claim_id, state, "acknowledged", each.acknowledgement_id)
    await store.set_states(booking.tx, booking.tenant_id, states)


def _acknowledgement_row(
    tenant_id: str, key: UUID, interchange_id: UUID, answer: Acknowledgement, claim_id: UUID | None, now: datetime
) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "acknowledgement_id": answer.acknowledgement_id,
        "row_id": uuid7(),
        "claim_key": key,
        "claim_id": claim_id,
        "interchange_id": interchange_id,
        "patient_control_number": answer.patient_control_number,
        "source": answer.source,
        "verdict": answer.verdict,
        "acknowledged_on": answer.acknowledged_on,
        "received_at": now,
        "payer_id": answer.payer_id,
        "payer_name": answer.payer_name,
        "payer_claim_control_number": answer.payer_claim_control_number,
        "charge_cents": answer.charge_cents,
        "service_from_on": answer.service_from_on,
        "statuses": store.encode(answer.statuses),
    }


def _event(key: UUID, interchange_id: UUID, answer: Acknowledgement, claim_id: UUID | None, now: datetime) -> ClaimAcknowledgedV1:
    return ClaimAcknowledgedV1(
        acknowledgement_id=answer.acknowledgement_id,
        claim_key=key,
        patient_control_number=answer.patient_control_number,
        status=answer.verdict,
        source=answer.source,
        acknowledged_on=answer.acknowledged_on,
        received_at=now,
        claim_id=claim_id,
        interchange_id=interchange_id,
        payer_id=answer.payer_id,
        payer_name=answer.payer_name,
        payer_claim_control_number=answer.payer_claim_control_number,
        charge_cents=answer.charge_cents,
        statuses=answer.statuses,
    )


def tally(candidates: Iterable[ClaimCandidate], new: Sequence[ClaimCandidate]) -> dict[int, Counter[str]]:
    """Count new and repeated claims by transaction."""
    fresh = {id(each) for each in new}
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for each in candidates:
        counts[each.transaction_ordinal or 0]["new" if id(each) in fresh else "duplicate"] += 1
    return counts
