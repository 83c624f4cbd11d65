"""Which later money belongs to which appeal, and the outcome that follows. Pure: a function of all that is known of an account.

What later remits of a claim pay is booked day by day, net of what they take back. Money goes to the appeal that was filed last
before that day, else to the case whose denial came last before it. What is taken back is taken from the newest money first, and
what is left of it is made up for before anything is recovered again. So over the appeals of a claim what is recovered is exactly
what later remits paid above the first denied one, or nothing; every cent is in one appeal; no order of arrival changes anything.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from libs.common.reversals import REVERSAL_STATUS

Outcome = Literal["overturned", "partly_overturned", "upheld"]

_NO_ANSWER: Final = frozenset({"23", "25"})  # forwarded without being adjudicated; a predetermination
_PATIENT: Final = "PR"
_DUPLICATE: Final = "18"
# What a payer leaves out of a payment that it grants: contracted price, deductible, coinsurance, copayment, prompt-pay discount,
# penalties set by law, sequestration.
_GRANTED_CARCS: Final = frozenset({"1", "2", "3", "44", "45", "237", "253"})


class Paid(Struct, frozen=True, gc=False):
    """One remit, as far as appeals depend on it. Cents with the payer's sign; refused: neither paid nor settled otherwise."""

    remit_id: UUID
    payer_id: str
    number: str
    payment_on: date
    is_answer: bool
    charge_cents: int
    paid_cents: int
    refused_cents: int
    service_from_on: date | None = None
    claim_id: UUID | None = None


class Denied(Struct, frozen=True):
    """A case and the remit that it contests."""

    case_id: UUID
    remit: Paid


class Contest(Struct, frozen=True):
    """An appeal: one filing of a case; or, with `filed_on` None, the case itself as long as nothing else claims the money."""

    appeal_id: UUID
    case_id: UUID
    disputed_cents: int
    filed_on: date | None = None
    corrected_claim_id: UUID | None = None
    number: int = 0  # of the filing, in its case


class Said(Struct, frozen=True):
    """What a person recorded of an appeal."""

    outcome: Outcome
    on: date
    at: datetime


class Brought(Struct, frozen=True):
    """What later remits brought to one appeal. `last` is the one that counts; None: only things were taken back."""

    recovered_cents: int
    last: Paid | None


class Settled(Struct, frozen=True):
    """How an appeal stands."""

    outcome: Outcome
    recovered_cents: int
    decided_by: Literal["remittance", "person"]
    decided_on: date
    remit_id: UUID | None


def is_told(claim_status_code: str) -> bool:
    """Say whether a remit says anything of money at all."""
    return claim_status_code not in _NO_ANSWER


def is_answer(claim_status_code: str, paid_cents: int, carcs: Collection[str]) -> bool:
    """Say whether a remit answers what was asked. A reversal does not, nor does "we have this already"."""
    return claim_status_code != REVERSAL_STATUS and (paid_cents != 0 or _DUPLICATE not in carcs)


def refused_cents(charge_cents: int, paid_cents: int, adjustments: Iterable[tuple[str, str, int]]) -> int:
    """Return what is neither paid nor settled by contract, law or the patient's share; adjustments are (group, CARC, cents)."""
    settled = sum(cents for group, carc, cents in adjustments if group == _PATIENT or carc in _GRANTED_CARCS)
    return charge_cents - paid_cents - settled


def attribute(denied: Sequence[Denied], contests: Sequence[Contest], remits: Iterable[Paid]) -> dict[UUID, Brought]:
    """Return what later remits brought to each appeal that they brought anything to, were it an answer without money."""
    by_case: dict[UUID, list[Contest]] = defaultdict(list)
    for contest in contests:
        by_case[contest.case_id].append(contest)
    known = list({remit.remit_id: remit for remit in remits}.values())
    found = {remit.remit_id: _cases_of(remit, denied, by_case) for remit in known}
    # A denied remit that is itself a later word on another case ties the two together.
    tied = [found[each.remit.remit_id] | {each.case_id} for each in denied if found.get(each.remit.remit_id)]
    brought: dict[UUID, Brought] = {}
    for cases in _components([*found.values(), *tied]):
        own = [each for each in denied if each.case_id in cases]
        later = [remit for remit in known if found[remit.remit_id] & cases]
        brought |= _share(own, by_case, later)
    return brought


def _cases_of(remit: Paid, denied: Iterable[Denied], contests: Mapping[UUID, Sequence[Contest]]) -> frozenset[UUID]:
    """Return the cases whose denied claim a remit may be a later word on; those with its very number, if there are any."""
    later = [each for each in denied if each.remit.payer_id == remit.payer_id and each.remit.payment_on < remit.payment_on]
    same = [each for each in later if remit.number and each.remit.number == remit.number]
    return frozenset(each.case_id for each in same or (each for each in later if _fits(remit, each, contests[each.case_id])))


def _fits(remit: Paid, denied: Denied, contests: Iterable[Contest]) -> bool:
    """Say whether a remit of another number may speak of the same claim: payers give a correction a new number."""
    if remit.claim_id is not None and any(each.corrected_claim_id == remit.claim_id for each in contests):
        return True
    same_charge = abs(remit.charge_cents) == denied.remit.charge_cents
    ids, days = (remit.claim_id, denied.remit.claim_id), (remit.service_from_on, denied.remit.service_from_on)
    if None not in ids and ids[0] != ids[1] and not same_charge:
        return False
    return days[0] == days[1] if None not in days else same_charge


def _components(sets: Iterable[frozenset[UUID]]) -> list[frozenset[UUID]]:
    """Join sets that share a case."""
    joined: list[frozenset[UUID]] = []
    for each in filter(None, sets):
        apart = [known for known in joined if not known & each]
        joined = [*apart, each.union(*(known for known in joined if known & each))]
    return joined


def _share(denied: Sequence[Denied], contests: Mapping[UUID, Sequence[Contest]], later: Sequence[Paid]) -> dict[UUID, Brought]:
    """Walk through the days of one claim."""
    days: dict[date, list[Paid]] = defaultdict(list)
    for remit in later:
        days[remit.payment_on].append(remit)
    newest: list[tuple[UUID, int]] = []  # what was recovered, the newest last
    owed = 0
    last: dict[UUID, Paid | None] = {}
    for day in sorted(days):
        answers = sorted((each for each in days[day] if each.is_answer), key=lambda each: (each.paid_cents, each.remit_id))
        appeal_id = _choose(day, {each.number for each in days[day]}, denied, contests)
        cents = sum(each.paid_cents for each in days[day])
        if answers and (cents or last.get(appeal_id) is None):  # one more answer without money decides nothing anew
            last[appeal_id] = answers[-1]
        made_up = min(max(cents, 0), owed)
        owed -= made_up
        if cents > made_up:
            newest.append((appeal_id, cents - made_up))
        taken = max(-cents, 0)
        while taken and newest:
            holder, held = newest.pop()
            last.setdefault(holder, None)
            if held > taken:
                newest.append((holder, held - taken))
            taken -= min(held, taken)
        owed += taken
    recovered: dict[UUID, int] = defaultdict(int)
    for holder, held in newest:
        recovered[holder] += held
    return {each: Brought(recovered[each], last.get(each)) for each in {*last, *recovered}}


def _choose(day: date, numbers: set[str], denied: Sequence[Denied], contests: Mapping[UUID, Sequence[Contest]]) -> UUID:
    """Return the appeal that a day's money goes to."""
    waiting = [
        (
            contest.filed_on is not None,
            contest.filed_on or each.remit.payment_on,
            contest.number,
            each.remit.number in numbers,
            contest.appeal_id,
        )
        for each in denied
        if each.remit.payment_on < day
        for contest in contests[each.case_id]
        if contest.filed_on is None or contest.filed_on <= day
    ]
    return max(waiting)[-1]


def settle(contest: Contest, brought: Brought | None, said: Said | None, *, was_told: bool) -> Settled | None:
    """Return how an appeal stands; None: undecided. Money says more than a person, a person more than an answer without money.

    `was_told`: an outcome was told of before. What was paid unasked and is gone again has one then, too: nothing was recovered.
    """
    counted = _counted(contest, brought, was_told=was_told)
    if counted is not None and (counted.recovered_cents or said is None):
        return counted
    return None if said is None else Settled(said.outcome, 0, "person", said.on, None)


def _counted(contest: Contest, brought: Brought | None, *, was_told: bool) -> Settled | None:
    if brought is None or brought.last is None:
        return None
    last, cents = brought.last, brought.recovered_cents
    if not cents and contest.filed_on is None and not was_told:
        return None
    all_of_it = cents >= contest.disputed_cents or last.refused_cents <= 0
    outcome: Outcome = "upheld" if not cents else "overturned" if all_of_it else "partly_overturned"
    return Settled(outcome, cents, "remittance", last.payment_on, last.remit_id)
