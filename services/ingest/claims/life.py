"""What a claim's front door says of it, and the state that follows. Pure, and the same whatever the order of arrival.

Categories and codes are opaque keys; what they mean for us is told in our own words beside them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

from libs.common.contracts.claim_acknowledged import AcknowledgedStatus
from libs.common.front_door import weight
from libs.common.ids import named_id
from libs.x12 import SetAnswer, StatusRead
from libs.x12.acknowledgement import LineStatus, Status, StatusCode
from libs.x12.claim import REPLACEMENT, VOID

Verdict = Literal["received", "accepted", "rejected"]
Source = Literal["999", "277CA", "277"]


class ClaimState(StrEnum):
    """`submitted`: sent, and nothing heard. What the front door said last decides between accepted and rejected."""

    SUBMITTED = "submitted"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


# 277 categories by their first two characters, else by their first: what the payer did with the claim.
_VERDICTS: Final[dict[str, Verdict]] = {
    "A0": "received",  # passed on to somebody else
    "A1": "received",
    "A2": "accepted",  # into adjudication
    "A3": "rejected",  # sent back as it stands
    "A4": "rejected",  # nobody finds it: to be sent again
    "A5": "accepted",  # split into several
    "A6": "rejected",  # something is missing
    "A7": "rejected",  # something is invalid
    "A8": "rejected",  # things do not fit together
    "P": "accepted",  # pending in adjudication
    "F": "accepted",  # adjudicated
    "R": "accepted",  # more is asked for
    "E": "received",  # the asking failed, nothing is said of the claim
    "D": "received",
}
STATUSES_MAX: Final = 500  # of one answer; an event has a size
_SETS_READ: Final = frozenset({"A", "E"})  # accepted, accepted with errors
_AGAIN: Final = frozenset({REPLACEMENT, VOID})
_DAY: Final = timedelta(days=1)
_RANK: Final = {"received": 0, "rejected": 1, "accepted": 2}


@dataclass(frozen=True)
class Acknowledgement:
    """One answer to one claim. `claim_id` is None while the claim is not known."""

    acknowledgement_id: UUID
    patient_control_number: str
    verdict: Verdict
    source: Source
    acknowledged_on: date
    statuses: tuple[AcknowledgedStatus, ...]
    payer_id: str = ""
    payer_name: str = ""
    payer_claim_control_number: str = ""
    charge_cents: int | None = None
    service_from_on: date | None = None
    claim_id: UUID | None = None
    trace: str = ""  # what a 277 returns of the 276, where it tells no account number


def verdict_of(category: str) -> Verdict:
    """Say what a 277 category means for the claim; an unknown one says only that it arrived."""
    return _VERDICTS.get(category[:2]) or _VERDICTS.get(category[:1], "received")


def of_status(tenant_id: str, read: StatusRead, reference: str, received_on: date, source: Source) -> Acknowledgement | None:
    """Turn one claim's status in a 277CA or 277 into an acknowledgement; None where it names no claim or says nothing.

    A 277 may name its claim by the trace of the 276 or by the payer's number alone: then the account number stays empty.
    `reference` is the batch's (BHT03): with payer, claim and codes it names the answer, so that the same file gives it again.
    """
    pcn = read.patient_control_number
    told: list[tuple[Status, AcknowledgedStatus]] = [(status, _status(code)) for status in read.statuses for code in status.codes]
    for place, line in enumerate(read.lines, start=1):
        told += [(status, _status(code, place, line)) for status in line.statuses for code in status.codes]
    trace = read.trace if source == "277" and not pcn else ""
    if not told or not (pcn or trace or (source == "277" and read.payer_claim_control_number)):
        return None
    # At claim level the first code of each status decides; a line that is rejected alone does not reject its claim.
    deciding = [verdict_of(status.codes[0].category) for status in read.statuses if status.codes]
    verdict: Verdict = "rejected" if "rejected" in deciding else max(deciding, key=_RANK.__getitem__, default="received")
    on = next((status.effective_on for status, _ in told if status.effective_on), None) or received_on
    charge_cents = next((status.charge_cents for status in read.statuses if status.charge_cents is not None), None)
    codes = ",".join(f"{each.category}:{each.code}:{each.entity or ''}:{each.line or ''}" for _, each in told)
    names = (read.payer_id, reference, pcn or trace, read.payer_claim_control_number, str(charge_cents), str(read.service_from_on))
    return Acknowledgement(
        acknowledgement_id=named_id("acknowledgement", tenant_id, source, *names, str(on), codes),
        patient_control_number=pcn,
        verdict=verdict,
        source=source,
        acknowledged_on=on,
        statuses=tuple(each for _, each in told[:STATUSES_MAX]),
        payer_id=read.payer_id,
        payer_name=read.payer_name,
        payer_claim_control_number=read.payer_claim_control_number,
        charge_cents=charge_cents,
        service_from_on=read.service_from_on,
        trace=trace,
    )


def named(
    answers: Iterable[Acknowledgement], by_id: Mapping[UUID, str], by_number: Mapping[str, Collection[str]]
) -> list[Acknowledgement | None]:
    """Give answers without an account number that of the claim that they name; None where none is here, or several may be meant.

    `by_id` holds account numbers by the claim's id, which is a 276's trace; `by_number` those that a payer's number stands for.
    """
    found: list[Acknowledgement | None] = []
    for answer in answers:
        numbered = account_of(answer.payer_claim_control_number, by_number)
        pcn = answer.patient_control_number or by_id.get(traced(answer)) or numbered
        found.append(replace(answer, patient_control_number=pcn) if pcn else None)
    return found


def account_of(number: str, by_number: Mapping[str, Collection[str]]) -> str:
    """Return the account number that a payer's number stands for; empty where it is none of ours, or several may be meant."""
    pcns = by_number.get(number, ())
    return next(iter(pcns)) if len(pcns) == 1 else ""


def traced(answer: Acknowledgement) -> UUID:
    """Return the claim whose 276 an answer returns the trace of; an id of none where it is no trace of ours."""
    try:
        return UUID(answer.trace)
    except ValueError:
        return UUID(int=0)


def _status(code: StatusCode, place: int | None = None, line: LineStatus | None = None) -> AcknowledgedStatus:
    number = line.line_control_number if line is not None else ""
    return AcknowledgedStatus(code.category, code.code, code.entity or None, place, number or None)


def of_set(tenant_id: str, answer: SetAnswer, claim_id: UUID, pcn: str, received_on: date) -> Acknowledgement:
    """Turn a 999's answer to a set into the acknowledgement of one of its claims, with the errors that name this claim or none."""
    errors = [error for error in answer.errors if error.patient_control_number in ("", pcn)]
    statuses = tuple(
        AcknowledgedStatus(f"IK3:{error.segment_id}", error.element_code or error.segment_code, _place(error.element))
        for error in errors[:STATUSES_MAX]
    )
    verdict: Verdict = "received" if answer.code in _SETS_READ else "rejected"
    return Acknowledgement(
        acknowledgement_id=named_id(
            "acknowledgement", tenant_id, "999", answer.group_control_number, answer.set_control_number, answer.code, str(claim_id)
        ),
        patient_control_number=pcn,
        verdict=verdict,
        source="999",
        acknowledged_on=received_on,
        statuses=statuses or (AcknowledgedStatus(f"IK5:{answer.code}", ",".join(answer.reasons)),),
        claim_id=claim_id,
    )


def _place(element: int | None) -> str | None:
    return None if element is None else f"{element:02d}"


def state_of(answers: Iterable[tuple[date, str, str]]) -> ClaimState:
    """Return a claim's state from all its answers (day, source, verdict), in any order.

    The latest day that accepted or rejected decides. Received is the weakest.
    """
    known = list(answers)
    decided = [(weight(on, source, verdict), verdict) for on, source, verdict in known if verdict != "received"]
    if decided:
        return ClaimState.REJECTED if max(decided)[1] == "rejected" else ClaimState.ACCEPTED
    return ClaimState.RECEIVED if known else ClaimState.SUBMITTED


@dataclass(frozen=True)
class Known:
    """What choosing needs to know of a claim."""

    claim_id: UUID
    payer_id: str
    charge_cents: int
    service_from_on: date | None
    sent_on: date
    state: str = ClaimState.SUBMITTED
    frequency_code: str = "1"
    replaces_claim_id: UUID | None = None
    original_number: str = ""  # REF*F8: the payer's number of what this replaces or voids
    number: str = ""  # the payer's number of this claim, as far as it was told


def assign(answers: Iterable[Acknowledgement], claims: Sequence[Known]) -> dict[UUID, UUID]:
    """Say which claim of an account each answer speaks of (answer -> claim), from all answers and all claims that are known.

    An account's only claim is meant even where the payer spells everything otherwise. Among several the payer's number decides, as
    soon as an earlier answer told it (a void may be answered under the number of what it voids), then charge, day of service and
    payer; among claims that are alike, the days. Taken in the order of their days, rejections first (a correction follows them), so
    that the order of arrival does not matter. `claims` in the order in which they came, which tells claims of one day apart.
    """
    if not claims:
        return {}
    in_order = sorted(claims, key=lambda claim: claim.sent_on)
    numbers: dict[str, UUID] = {}
    decided: set[UUID] = set()
    found: dict[UUID, UUID] = {}
    for answer in sorted(answers, key=lambda each: (each.acknowledged_on, each.verdict != "rejected", each.acknowledgement_id)):
        chosen = _meant(answer, in_order, numbers, decided)
        found[answer.acknowledgement_id] = chosen
        if answer.payer_claim_control_number:
            numbers.setdefault(answer.payer_claim_control_number, chosen)
        if answer.verdict != "received":
            decided.add(chosen)
    return found


def _meant(answer: Acknowledgement, claims: Sequence[Known], numbers: Mapping[str, UUID], decided: Collection[UUID]) -> UUID:
    """Choose among claims in the order in which they were sent."""
    number = answer.payer_claim_control_number

    def likeness(claim: Known) -> tuple[bool, bool, bool, bool]:
        return (
            number in numbers and (numbers[number] == claim.claim_id or claim.original_number == number),
            answer.charge_cents is not None and claim.charge_cents == answer.charge_cents,
            answer.service_from_on is not None and claim.service_from_on == answer.service_from_on,
            bool(answer.payer_id) and claim.payer_id == answer.payer_id,
        )

    best = max(map(likeness, claims))
    alike = [claim for claim in claims if likeness(claim) == best]
    day = answer.acknowledged_on
    before = [claim.claim_id for claim in alike if claim.sent_on < day]
    if before and before[-1] not in decided:
        return before[-1]
    # Sent on the day of the answer: it may be what came after the answer. A payer's evening is the next day in UTC.
    same_day = [claim.claim_id for claim in alike if day <= claim.sent_on <= day + _DAY]
    waiting = [claim_id for claim_id in same_day if claim_id not in decided]
    return (waiting[:1] or same_day or before or [alike[-1].claim_id])[-1]


def replaced_by(claim: Known, others: Sequence[Known]) -> Known | None:
    """Say which claim of the account another one takes the place of; `others` in the order in which they came.

    A replacement or void means the latest. An original claim takes the place of a rejected one for the same day or the same charge:
    what was rejected never reached adjudication, and its correction comes as an original.
    """
    if not others:
        return None
    earlier = [each for each in sorted(others, key=lambda each: each.sent_on) if each.sent_on <= claim.sent_on]
    if claim.frequency_code in _AGAIN:
        return earlier[-1] if earlier else None
    return next((each for each in reversed(earlier) if _came_back(each, claim)), None)


def replacements(claims: Sequence[Known]) -> dict[UUID, UUID]:
    """Return the claims of an account whose link turns out to be another one than they have (claim -> what it replaces).

    A replacement or void takes the place of the claim that the payer knows by its REF*F8; but of a rejected one of its kind before
    it, if there is one: what both name was judged, and stays. An original takes the place of a rejected claim that is alike.
    `claims` in the order in which they came: it tells those of one day apart.
    """
    in_order = sorted(claims, key=lambda claim: claim.sent_on)
    links = {each.claim_id: each.replaces_claim_id for each in claims}
    for place, each in enumerate(in_order):
        if each.frequency_code in _AGAIN:
            taken = {before for claim_id, before in links.items() if claim_id != each.claim_id}
            rejected = [one for one in in_order[:place] if one.frequency_code in _AGAIN and _came_back(one, each)]
            named = [one for one in in_order if one.number and one.number == each.original_number and one is not each]
            chosen = [one.claim_id for one in (*reversed(rejected), *named) if one in named or one.claim_id not in taken]
            links[each.claim_id] = (*chosen, links[each.claim_id])[0]
    for place, each in enumerate(in_order):
        if each.frequency_code not in _AGAIN and links[each.claim_id] is None:
            taken = set(links.values())
            free = (one.claim_id for one in reversed(in_order[:place]) if one.claim_id not in taken and _came_back(one, each))
            links[each.claim_id] = next(free, None)
    changed = {each.claim_id: links[each.claim_id] for each in claims if links[each.claim_id] != each.replaces_claim_id}
    return {claim_id: before for claim_id, before in changed.items() if before is not None}


def _came_back(rejected: Known, claim: Known) -> bool:
    """Say whether a claim was rejected, and another one is for the same day or the same charge."""
    alike = rejected.service_from_on == claim.service_from_on or rejected.charge_cents == claim.charge_cents
    return rejected.state == ClaimState.REJECTED and alike
