"""Booking claims and what is answered to them: one transaction's worth at a time, by the worker for files and by the API for JSON.

Accounts are locked first, so that a claim and its acknowledgement that come at once, in any order, always see each other.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import claim_acknowledged, claim_submitted, records_requested, remit_matched
from libs.common.contracts.claim_acknowledged import ClaimAcknowledgedV1
from libs.common.contracts.claim_submitted import CheckFinding
from libs.common.contracts.envelope import Event, first_event
from libs.common.ids import claim_key, uuid7
from libs.x12 import Claim, SetAnswer
from libs.x12.claim import REPLACEMENT, VOID
from services.ingest.checks import store as found_store
from services.ingest.checks.loading import Asked, check_all
from services.ingest.claims import store
from services.ingest.claims.candidates import AnswerCandidate, ClaimCandidate, Intake
from services.ingest.claims.life import (
    Acknowledgement,
    ClaimState,
    Known,
    assign,
    named,
    of_set,
    replaced_by,
    replacements,
    state_of,
    traced,
)
from services.ingest.claims.requesting import admit, name_requests
from services.ingest.claims.translation import to_event, told_findings
from services.ingest.followups.arrivals import NewClaim, claims_came
from services.ingest.followups.rules import Subject
from services.ingest.followups.store import touch, touched_by
from services.ingest.kept import claim_of
from services.ingest.matches.booking import match_anew, matched_event
from services.ingest.matches.store import accounts_waiting_for
from services.ingest.packing import pack_quickly
from services.ingest.received import Received
from services.ingest.store import bump_accounts, set_versions
from services.ingest.translation import payer_kind

_SET_ANSWER_WAITS: Final = timedelta(days=7)  # control numbers come again: what waited longer was for somebody else's file
_INDEXED_MAX: Final = 200  # characters; what an index holds has a size, and the content keeps all


@dataclass
class Booked:
    """What came of it: the claims that were new, and the events to send."""

    new: set[int]  # the `id()` of candidates that are new, or were when this file was read before and broken off
    events: list[Event]
    claims: list[Claim]  # that were not here yet


class _Booking:
    """One transaction's booking, step by step; it exists so that the steps share what they know."""

    def __init__(self, tx: AsyncConnection, received: Received, interchange_id: UUID | None) -> None:
        self.tx = tx
        self.received = received
        self.tenant_id = received.tenant_id
        self.interchange_id = interchange_id
        self.copies = interchange_id is not None  # files are booked by the worker, which no row-level security binds
        self.versions: dict[UUID, int] = {}
        self.events: list[Event] = []
        self.history: list[dict[str, Any]] = []
        self.new: set[int] = set()
        self.touched: set[tuple[Subject, UUID]] = set()  # what follow-up is to look at

    def next_version(self, key: UUID) -> int:
        self.versions[key] += 1
        return self.versions[key]

    def submitted(
        self,
        claim: Claim,
        claim_id: UUID,
        key: UUID,
        member_reference: str,
        replaces: UUID | None,
        sequence: int,
        findings: Sequence[CheckFinding],
        coder: str,
        *,
        event_id: UUID | None = None,
        interchange_id: UUID | None = None,
        submitted_at: datetime | None = None,
    ) -> None:
        """Tell of a claim. `event_id`: its row's, where it is told of first; `submitted_at`: when it came, where it is again."""
        event = to_event(
            claim,
            claim_id=claim_id,
            claim_key=key,
            interchange_id=interchange_id or self.interchange_id,
            replaces_claim_id=replaces,
            member_reference=member_reference,
            submitted_at=submitted_at or self.received.received_at,
            linked_at=self.received.received_at if submitted_at else None,
            findings=findings,
            coder=coder,
        )
        self.emit(claim_submitted.TOPIC, claim_submitted.TYPE, event, key, sequence, event_id)

    def replace(self, replaced: UUID, claim: Claim, claim_id: UUID) -> None:
        """Note that one claim takes the place of another."""
        self.touched.add(("claim", replaced))
        self.tell(replaced, None, "voided" if claim.frequency_code == VOID else "replaced", claim_id)

    def emit(self, topic: str, type_: str, data: Any, key: UUID, sequence: int, event_id: UUID | None = None) -> None:
        received = self.received
        correlation = str(self.interchange_id or data.claim_id or data.claim_key)
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
                event_id=event_id,
            )
        )

    def tell(self, claim_id: UUID, state: str | None, why: str, cause_id: UUID | None) -> None:
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


async def book(
    tx: AsyncConnection, received: Received, interchange_id: UUID | None, intake: Intake, also: Collection[UUID] = ()
) -> Booked:
    """Book what came in. Returns what was new and the events; what was here before changes nothing.

    `also` names accounts that the same transaction will touch afterwards: locked here, all in one order.
    """
    booking = _Booking(tx, received, interchange_id)
    tenant_id = received.tenant_id
    await _name(booking, intake.answers)
    await name_requests(tx, tenant_id, intake.requests)
    groups = {each.group_control_number for each in intake.claims if each.group_control_number}
    groups |= {each.group_control_number for each in intake.sets}
    await store.lock_groups(tx, tenant_id, groups)
    sets = await _sets(booking, intake, groups)
    keys = {each.claim_key for each in intake.claims} | {reached.claim_key for reached in sets}
    keys |= {claim_key(tenant_id, each.acknowledgement.patient_control_number) for each in intake.answers}
    keys |= {each.claim_key(tenant_id) for each in intake.requests}
    numbers = {number for each in intake.answers if (number := each.acknowledgement.payer_claim_control_number)}
    numbers |= {each.claim.patient_control_number for each in intake.claims}  # payers swap the two numbers at times
    waiting = await accounts_waiting_for(tx, tenant_id, numbers)
    counts = {**dict.fromkeys(keys.union(also, waiting), 0), **Counter(each.claim_key for each in intake.claims)}
    booking.versions = await bump_accounts(tx, tenant_id, counts)  # a new claim is told of once: mostly that is already written
    bumped = {key: version + counts[key] for key, version in booking.versions.items()}
    new = await _new_claims(booking, intake.claims)
    known = await store.claims_of_accounts(tx, tenant_id, keys)
    await _insert_claims(booking, new, known)
    await _acknowledge(booking, intake.answers, sets, {each.claim_key for each in new}, known)
    asked, requested = await admit(tx, received, intake.requests, known)
    booking.new |= asked
    for event in requested:
        booking.emit(records_requested.TOPIC, records_requested.TYPE, event, event.claim_key, booking.next_version(event.claim_key))
    await _relink(booking, known)
    await store.insert_history(tx, booking.history)
    await _match_anew(booking, keys | waiting)
    await touch(tx, tenant_id, booking.touched, received.received_at)
    await set_versions(tx, tenant_id, {key: version for key, version in booking.versions.items() if version != bumped[key]})
    return Booked(booking.new, booking.events, [each.claim for each in new])


async def _name(booking: _Booking, answers: list[AnswerCandidate]) -> None:
    """Find the accounts of answers that name their claim otherwise; those that name none of ours are left out."""
    nameless = [each.acknowledgement for each in answers if not each.acknowledgement.patient_control_number]
    if nameless:
        ids, numbers = {traced(each) for each in nameless}, {each.payer_claim_control_number for each in nameless}
        found = named(
            (each.acknowledgement for each in answers), *await store.account_numbers(booking.tx, booking.tenant_id, ids, numbers)
        )
        pairs = zip(answers, found, strict=True)
        answers[:] = [AnswerCandidate(told, each.transaction_ordinal) for each, told in pairs if told is not None]


async def _match_anew(booking: _Booking, keys: set[UUID]) -> None:
    """Find the claims of remits that came before them, or before the payer's number was known, and tell of it."""
    now = booking.received.received_at
    for was, verdict in await match_anew(booking.tx, booking.tenant_id, keys, now):
        event = matched_event(was, verdict, "score", now)
        booking.touched |= touched_by(event.remit_id, was.claim_id, verdict.claim_id)
        booking.emit(remit_matched.TOPIC, remit_matched.TYPE, event, event.claim_key, booking.next_version(event.claim_key))


@dataclass(frozen=True)
class _Reached:
    """What an answer to a set says of one claim of it."""

    claim_key: UUID
    acknowledgement: Acknowledgement


async def _sets(booking: _Booking, intake: Intake, groups: set[str]) -> list[_Reached]:
    """Return what answers to sets come to: new answers to known claims, known answers to new claims; and keep the answers."""
    tx, tenant_id, received = booking.tx, booking.tenant_id, booking.received
    today = received.received_at.date()
    reached: list[_Reached] = []
    kept: list[tuple[SetAnswer, UUID | None]] = []
    for answer in intake.sets:
        claims = await store.claims_of_set(tx, tenant_id, answer.group_control_number, answer.set_control_number)
        kept.append((answer, claims[0][3] if claims else None))
        reached += [_Reached(key, of_set(tenant_id, answer, claim_id, pcn, today)) for claim_id, key, pcn, _ in claims]
    await store.insert_set_answers(tx, tenant_id, received.interchange_id, kept, received.received_at)
    sent = booking.interchange_id
    if not intake.claims or not groups or sent is None:
        return reached
    since = today - _SET_ANSWER_WAITS
    settled = set()
    for answer, on, held_by in await store.set_answers(tx, tenant_id, groups, sent, since):
        for each in intake.claims:
            same_set = answer.set_control_number in ("", each.set_control_number)
            if answer.group_control_number == each.group_control_number and same_set:
                told = of_set(tenant_id, answer, each.claim_id, each.claim.patient_control_number, on)
                reached.append(_Reached(each.claim_key, told))
                settled.add((answer.group_control_number, answer.set_control_number, held_by))
    await store.settle_set_answers(tx, tenant_id, settled, sent)
    return reached


async def _new_claims(booking: _Booking, candidates: Sequence[ClaimCandidate]) -> list[ClaimCandidate]:
    """Return the claims that are not here yet, each once; note the envelope of those that are sent again."""
    if not candidates:
        return []
    interchange_id = booking.interchange_id
    places = await store.known_places(booking.tx, booking.tenant_id, {each.claim_id for each in candidates})
    new: list[ClaimCandidate] = []
    resent: dict[UUID, ClaimCandidate] = {}
    seen: set[UUID] = set()
    for each in candidates:
        if each.claim_id in places:
            if interchange_id is not None and places[each.claim_id] == each.place(interchange_id):
                booking.new.add(id(each))  # this very file booked it before its reading was broken off
            else:
                resent[each.claim_id] = each
        elif each.claim_id not in seen:
            seen.add(each.claim_id)
            booking.new.add(id(each))
            new.append(each)
    if interchange_id is not None:
        told = [
            (name, *each.place(None)[1:], each.group_control_number, each.set_control_number, each.sent_on)
            for name, each in resent.items()
        ]
        await store.resend(booking.tx, booking.tenant_id, interchange_id, told)
    return new


async def _insert_claims(booking: _Booking, new: Sequence[ClaimCandidate], known: dict[UUID, list[Known]]) -> None:
    """Write new claims and events, each linked to what it replaces; `known` gains them."""
    numbers = {number for each in new if (number := each.claim.original_control_number)}
    by_number = await store.claims_by_payer_number(booking.tx, booking.tenant_id, numbers) if numbers else {}
    rows: list[tuple[Any, ...]] = []
    found_later: dict[UUID, UUID] = {}
    received_on = booking.received.received_at.date()
    in_order = sorted(new, key=lambda candidate: candidate.claim.frequency_code in (REPLACEMENT, VOID))
    checked = await _check(booking, in_order)
    for each in in_order:
        claim = each.claim
        earlier, own = known.setdefault(each.claim_key, []), each.known(received_on)
        replaced = replaced_by(own, earlier)
        replaces = by_number.get(claim.original_control_number) or (replaced.claim_id if replaced else None)
        sequence = booking.next_version(each.claim_key)
        booking.submitted(
            *(claim, each.claim_id, each.claim_key, each.member_reference, replaces, sequence, checked[each.claim_id], each.coder),
            event_id=each.row_id,
        )
        if replaces is not None:
            booking.replace(replaces, claim, each.claim_id)
        elif claim.frequency_code not in (REPLACEMENT, VOID):
            waiting = (one for one in earlier if one.frequency_code in (REPLACEMENT, VOID) and one.replaces_claim_id is None)
            found_later |= {one.claim_id: each.claim_id for one in waiting if one.sent_on >= own.sent_on}
        rows.append(_row(booking, each, sequence, replaces))
        earlier.append(own)
    await store.insert_claims(booking.tx, rows, copies=booking.copies)
    came = {
        each.claim_id: NewClaim(
            each.claim.payer.payer_id, each.claim.frequency_code, each.sent_on or received_on, each.service_span[1]
        )
        for each in in_order
    }
    await claims_came(booking.tx, booking.tenant_id, came, booking.received.received_at, copies=booking.copies)
    await _link(booking, found_later)


async def _check(booking: _Booking, new: Sequence[ClaimCandidate]) -> dict[UUID, tuple[CheckFinding, ...]]:
    """Check new claims and keep what was found; return it as the event says it."""
    asked = [Asked(each.claim, each.claim_id, each.member_reference) for each in new]
    found = await check_all(booking.tx, booking.tenant_id, asked, booking.received.received_at.date())
    by_claim = {each.claim_id: findings for each, findings in zip(new, found, strict=True)}
    await found_store.insert_findings(booking.tx, booking.tenant_id, by_claim, copies=booking.copies)
    return {claim_id: told_findings(of_claim) for claim_id, of_claim in by_claim.items()}


async def _link(booking: _Booking, found_later: Mapping[UUID, UUID]) -> None:
    """Link replacements with what they replace and came after them, and tell of them again."""
    kept = await found_store.findings_of(booking.tx, booking.tenant_id, found_later) if found_later else {}
    for row in await store.link(booking.tx, booking.tenant_id, found_later):
        claim = claim_of(row["content"])
        replaces, key = found_later[row["claim_id"]], row["claim_key"]
        booking.replace(replaces, claim, row["claim_id"])
        told = (claim, row["claim_id"], key, row["member_reference"], replaces, booking.next_version(key))
        was_found = told_findings(kept.get(row["claim_id"], ()))
        booking.submitted(*told, was_found, row["coder"], interchange_id=row["interchange_id"], submitted_at=row["submitted_at"])


async def _relink(booking: _Booking, known: Mapping[UUID, Sequence[Known]]) -> None:
    """Link corrections with the rejected claims that they follow, where the rejection, or the rejected claim, came after them."""
    several = [key for key, claims in known.items() if len(claims) > 1]
    if not several:
        return
    found: dict[UUID, UUID] = {}
    for claims in (await store.claims_of_accounts(booking.tx, booking.tenant_id, several)).values():
        found |= replacements(claims)
    if found:
        await _link(booking, found)


def _row(booking: _Booking, each: ClaimCandidate, sequence: int, replaces: UUID | None) -> tuple[Any, ...]:
    """Return a claim as `store.insert_claims` takes it."""
    claim, received_at = each.claim, booking.received.received_at
    rendering = claim.provider("82")
    first, last = each.service_span
    return (
        booking.tenant_id,
        each.claim_id,
        each.row_id,
        each.claim_key,
        sequence,
        booking.interchange_id,
        each.transaction_ordinal,
        claim.ordinal or None,
        each.group_control_number,
        each.set_control_number,
        claim.patient_control_number,
        claim.claim_type,
        claim.frequency_code,
        claim.charge_cents,
        claim.payer.payer_id[:_INDEXED_MAX],
        claim.payer.name,
        payer_kind(claim.subscription.claim_filing_code),
        claim.subscription.claim_filing_code,
        claim.subscription.sequence,
        claim.billing_provider.npi,
        rendering.npi if rendering else "",
        claim.facility_code,
        first,
        last,
        each.member_reference,
        claim.original_control_number,
        replaces,
        ClaimState.SUBMITTED.value,
        received_at,
        each.sent_on or received_at.date(),
        None if booking.interchange_id else booking.received.trace_id,  # a file's trace is the file's
        each.coder,
        pack_quickly(each.content),
    )


async def _acknowledge(
    booking: _Booking,
    answers: Sequence[AnswerCandidate],
    sets: Sequence[_Reached],
    new_keys: Collection[UUID],
    known: Mapping[UUID, Sequence[Known]],
) -> None:
    """Link answers with their claims, write them, and move the claims' states."""
    tenant_id, received = booking.tenant_id, booking.received
    told: dict[UUID, tuple[UUID, UUID, Acknowledgement]] = {}  # by id: claim key, interchange, acknowledgement
    for each in answers:
        answer = each.acknowledgement
        if answer.acknowledgement_id not in told:
            key = claim_key(tenant_id, answer.patient_control_number)
            told[answer.acknowledgement_id] = (key, received.interchange_id, answer)
            booking.new.add(id(each))
    for reached in sets:
        answer = reached.acknowledgement
        told.setdefault(answer.acknowledgement_id, (reached.claim_key, received.interchange_id, answer))
    here = await store.known_acknowledgements(booking.tx, tenant_id, told) if told else {}
    for each in answers:
        if here.get(each.acknowledgement.acknowledgement_id, received.interchange_id) != received.interchange_id:
            booking.new.discard(id(each))
    fresh = [each for acknowledgement_id, each in told.items() if acknowledgement_id not in here]
    accounts = {key for key, _, answer in fresh if answer.claim_id is None}.union(new_keys)
    earlier = await store.statuses_of_accounts(booking.tx, tenant_id, accounts) if accounts else []
    chosen_of = _assigned([*earlier, *fresh], known)
    again = [each for each in earlier if chosen_of.get(each[2].acknowledgement_id) != each[2].claim_id]
    rows = []
    moved: dict[UUID, list[tuple[str, UUID]]] = defaultdict(list)
    for key, interchange_id, answer in [*again, *fresh]:
        chosen = chosen_of.get(answer.acknowledgement_id, answer.claim_id)
        rows.append(_acknowledgement_row(tenant_id, key, interchange_id, answer, chosen, received.received_at))
        if chosen is not None:
            moved[chosen].append(("acknowledged", answer.acknowledgement_id))
        if answer.claim_id is not None and answer.claim_id != chosen:
            moved[answer.claim_id].append(("answer_moved", answer.acknowledgement_id))
        sequence = booking.next_version(key)
        event = _event(key, interchange_id, answer, chosen, received.received_at)
        booking.emit(claim_acknowledged.TOPIC, claim_acknowledged.TYPE, event, key, sequence)
    await store.save_acknowledgements(booking.tx, rows)
    await _move(booking, moved)


def _assigned(told: Iterable[tuple[UUID, UUID, Acknowledgement]], known: Mapping[UUID, Sequence[Known]]) -> dict[UUID, UUID]:
    """Return the claims that answers by 277 and 277CA speak of, account by account."""
    by_account: dict[UUID, list[Acknowledgement]] = defaultdict(list)
    for key, _, answer in told:
        if answer.source != "999":
            by_account[key].append(answer)
    found: dict[UUID, UUID] = {}
    for key, answers in by_account.items():
        found |= assign(answers, known.get(key, ()))
    return found


async def _move(booking: _Booking, moved: Mapping[UUID, Sequence[tuple[str, UUID]]]) -> None:
    """Give claims the state that all their answers come to. `moved` holds, by claim, what happened to which answer."""
    if not moved:
        return
    everything = await store.answers_of(booking.tx, booking.tenant_id, moved)
    states: dict[UUID, tuple[str, str]] = {}
    for claim_id, steps in moved.items():
        told = everything.get(claim_id, ())
        state = state_of(each[:3] for each in told)
        number = next((each[3] for each in reversed(told) if each[3]), "")
        states[claim_id] = (state.value, number[:_INDEXED_MAX])
        booking.touched.add(("claim", claim_id))
        for why, acknowledgement_id in steps:
            booking.tell(claim_id, state, why, acknowledgement_id)
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
