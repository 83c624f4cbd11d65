"""How a denial ended by what the payer adjudicated next: a function of all that is known of the account. Pure.

The next adjudication of the same claim answers a denial: it pays (overturned, or partly where it refuses again) or refuses again
(upheld). What was taken back since does not count: a payment whose reversal came is as if it had not been. So every order of
arrival ends alike.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from libs.common.reversals import Reversible, pair

Ending = Literal["overturned", "partly_overturned", "upheld"]
_NO_ANSWER: Final = frozenset({"duplicate"})  # refused for having come twice: it says nothing of the first


class Adjudication(Struct, frozen=True, gc=False):
    """One adjudication of an account. `category` is None where nothing is refused; `standing` is false of a retracted denial."""

    reversible: Reversible
    service_from_on: date | None
    category: str | None = None
    denied_cents: int = 0
    standing: bool = True


class Answered(Struct, frozen=True):
    """How a denial ended, and by which remit."""

    remit_id: UUID
    answered_by: UUID
    ending: Ending
    disputed_cents: int
    recovered_cents: int
    decided_on: date


def answers(account: Sequence[Adjudication], reversals: Iterable[Reversible]) -> list[Answered]:
    """Return the denials of one account and payer that were answered, each with its answer."""
    payments = [each.reversible for each in account if each.category is None]
    undone = pair(payments, reversals)
    counted = [each for each in account if each.category is not None or each.reversible.remit_id not in undone]
    in_order = sorted(counted, key=lambda each: (each.reversible.payment_on, each.standing, each.reversible.remit_id))
    found = []
    for place, denial in enumerate(in_order):
        if denial.category is not None:
            answer = next((each for each in in_order[place + 1 :] if _answers(each, denial)), None)
            told = _ended(denial, answer) if answer is not None else None
            if told is not None:
                found.append(told)
    return found


def _answers(later: Adjudication, denial: Adjudication) -> bool:
    one, other = later.reversible, denial.reversible
    same_claim = one.payer_id == other.payer_id and one.charge_cents == other.charge_cents
    days = {later.service_from_on, denial.service_from_on} - {None}
    after = one.payment_on > other.payment_on or not denial.standing
    return same_claim and len(days) < 2 and after and later.category not in _NO_ANSWER  # noqa: PLR2004 - one day, or unknown


def _ended(denial: Adjudication, answer: Adjudication) -> Answered | None:
    """Say how it ended; None where nothing is refused any more and nothing was paid: somebody else owes it."""
    before_cents = denial.reversible.paid_cents if not denial.standing else 0  # what stands beside the new payment
    recovered_cents = min(max(answer.reversible.paid_cents - before_cents, 0), denial.denied_cents)
    ending: Ending
    if answer.category is None:
        if not recovered_cents:
            return None
        ending = "overturned"
    else:
        ending = "partly_overturned" if recovered_cents else "upheld"
    return Answered(
        remit_id=denial.reversible.remit_id,
        answered_by=answer.reversible.remit_id,
        ending=ending,
        disputed_cents=denial.denied_cents,
        recovered_cents=recovered_cents,
        decided_on=answer.reversible.payment_on,
    )
