"""Facts of one account, made in a line each."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.analytics.facts import Answer, Claim, Closing, Decision, Denial, Fact, Filing, Followup, Match, Remit
from services.analytics.facts.points import points, read

DAY = date(2026, 1, 5)
PAYER = "P1"


def on(days: int) -> date:
    """Return the day so many days after the first."""
    return DAY + timedelta(days=days)


def claim(number: int = 1, **told: Any) -> Claim:
    usual: dict[str, Any] = {
        "claim_id": UUID(int=number),
        "version": 1,
        "known_on": DAY,
        "payer_id": PAYER,
        "charge_cents": 10_000,
        "frequency_code": "1",
        "facility": "F1",
        "provider": "D1",
        "service_group": "G",
    }
    return Claim(**usual | told)


def answer(number: int = 1, status: str = "accepted", claim_number: int | None = 1, **told: Any) -> Answer:
    claim_id = None if claim_number is None else UUID(int=claim_number)
    usual: dict[str, Any] = {"version": 1, "known_on": on(1), "status": status, "claim_id": claim_id}
    return Answer(UUID(int=number), **usual | told)


def remit(number: int = 1, days: int = 20, paid: int = 0, *, claim_number: int | None = 1, **told: Any) -> Remit:
    usual: dict[str, Any] = {
        "known_on": on(days),
        "payer_id": PAYER,
        "payment_on": on(days),
        "status": "1",
        "charge_cents": 10_000,
        "paid_cents": paid,
        "lines": 2,
        "service_group": "G",
        "claim_id": None if claim_number is None else UUID(int=claim_number),
    }
    return Remit(UUID(int=number), **usual | told)


def match(number: int, claim_number: int | None, **told: Any) -> Match:
    claim_id = None if claim_number is None else UUID(int=claim_number)
    usual: dict[str, Any] = {"version": 1, "known_on": on(21), "claim_id": claim_id}
    return Match(UUID(int=number), **usual | told)


def denial(number: int = 1, days: int = 20, cents: int = 10_000, **told: Any) -> Denial:
    """Make the judgement of the remit with this number."""
    usual: dict[str, Any] = {
        "version": 1,
        "known_on": on(days),
        "is_active": True,
        "payer_id": PAYER,
        "payment_on": on(days),
        "category": "authorization",
        "denied_cents": cents,
    }
    return Denial(UUID(int=number), UUID(int=number), **usual | told)


def filing(number: int = 1, denial_number: int = 1, days: int = 30, **told: Any) -> Filing:
    usual: dict[str, Any] = {
        "known_on": on(days),
        "action": "appeal",
        "payer_id": PAYER,
        "category": "authorization",
        "disputed_cents": 10_000,
        "filed_on": on(days),
        "level": "first",
        "due_on": on(60),
    }
    return Filing(UUID(int=number), UUID(int=denial_number), **usual | told)


def decision(number: int = 1, denial_number: int = 1, days: int = 50, recovered: int = 10_000, **told: Any) -> Decision:
    usual: dict[str, Any] = {
        "version": 1,
        "known_on": on(days),
        "action": "appeal",
        "payer_id": PAYER,
        "category": "authorization",
        "outcome": "overturned" if recovered else "upheld",
        "disputed_cents": 10_000,
        "recovered_cents": recovered,
        "decided_on": on(days),
        "by_remittance": True,
        "level": "first",
        "filed_on": on(30),
    }
    return Decision(UUID(int=number), UUID(int=denial_number), **usual | told)


def closing(number: int = 1, denial_number: int = 1, days: int = 60, closed_as: str = "written_off", **told: Any) -> Closing:
    usual: dict[str, Any] = {
        "version": 5,
        "known_on": on(days),
        "payer_id": PAYER,
        "category": "authorization",
        "closed_on": on(days),
        "left_cents": 10_000,
    }
    return Closing(UUID(int=number), UUID(int=denial_number), **usual | {"closed_as": closed_as} | told)


def followup(number: int = 1, claim_number: int = 1, days: int = 20, **told: Any) -> Followup:
    usual: dict[str, Any] = {
        "version": 1,
        "known_on": on(days),
        "kind": "underpaid",
        "payer_id": PAYER,
        "amount_cents": 2_500,
        "due_on": on(days),
    }
    return Followup(UUID(int=number), subject_id=UUID(int=claim_number), **usual | told)


def answered(payer_id: str, claims: int, denied: int, days: int) -> list[list[Fact]]:
    """Return accounts with a claim each that a payer answered on a day, and refused some of."""
    of_each: list[Fact] = [claim(payer_id=payer_id), remit(2, days, payer_id=payer_id)]
    refused = denial(2, days, payer_id=payer_id)
    return [[*of_each, refused] if place < denied else of_each for place in range(claims)]


def counted(*facts: Fact) -> dict[str, tuple[int, int]]:
    """Return (count, amount) of each measure over all days and cells; what is zero is left out."""
    sums: dict[str, tuple[int, int]] = {}
    for (measure, _, _), (count, amount) in points(read(facts)).items():
        before = sums.get(measure, (0, 0))
        sums[measure] = (before[0] + count, before[1] + amount)
    return sums
