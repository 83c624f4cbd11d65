"""A small clinic's month: some hundred claims, seven payers, twenty files, and everything that makes remittances hard.

Planted, whatever the seed: a denial of every category; a denial that is reversed and paid later; a payment taken back, which leaves
a debt for the next one (PLB FB); an overpayment recovered (WO) and interest (L6); a payment of nothing; one out of balance; a claim
answered in two parts; a predetermination; a service paid inside another; secondary payments of what the first payer left.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final

import msgspec

from libs.synthetic.adjudication import reverse
from libs.synthetic.billing import Billing
from libs.synthetic.causes import CAUSES
from libs.synthetic.model import Answer, Interchange, Payout
from libs.synthetic.offices import Office
from libs.synthetic.payers import CEDAR, HARBOR, JUNIPER, LAKESHORE, MEDICAID, MEDICARE, NORTHWIND, PRIMARY, Payer
from libs.synthetic.stream import series_of

CLAIMS_MIN: Final = 100  # with fewer there is no room for what is planted
OUT_OF_BALANCE_CENTS: Final = 1_875
_PAYMENT_DAYS: Final = (
    (NORTHWIND, (5, 12, 19, 26)),
    (MEDICARE, (6, 13, 20, 27)),
    (MEDICAID, (7, 14, 21, 28)),
    (HARBOR, (8, 15, 22)),
    (LAKESHORE, (14, 28)),
    (JUNIPER, (9, 16, 23)),
    (CEDAR, (17, 28)),
)
_SECONDARY_SHARE = 0.3  # of what Medicare pays
_PLANTED_CAUSES: Final = {
    (NORTHWIND.id, 0): ("authorization_forgotten", "no_benefit", "filed_late"),
    (NORTHWIND.id, 1): ("rendering_npi_missing", "necessity_patient_accepted", "record_not_sent"),
    (NORTHWIND.id, 3): ("diagnosis_invalid", "authorization_used_up"),
    (MEDICARE.id, 0): ("wrong_contractor", "provider_not_enrolled"),
    (MEDICARE.id, 1): ("part_of_other_service", "coverage_determination"),
    (MEDICARE.id, 2): ("sent_twice", "too_frequent"),
    (MEDICAID.id, 0): ("refused_as_price", "limit_reached"),
    (MEDICAID.id, 2): ("other_payer_first", "member_unknown"),
    (LAKESHORE.id, 0): ("coverage_ended",),
    (JUNIPER.id, 0): ("plan_restriction",),
}
_RECOVERIES: Final = {
    (MEDICARE.id, 2): (("L6", "", -642),),
    (MEDICAID.id, 2): (("WO", "AUDIT2025", 8_450),),
}
_OUT_OF_BALANCE: Final = {(MEDICAID.id, 1): OUT_OF_BALANCE_CENTS}
_ALL_REFUSED: Final = (HARBOR.id, 1)
_ONLY_TAKEN_BACK: Final = (JUNIPER.id, 1)
_FILED_TOGETHER: Final = LAKESHORE.id  # one file a month for both its payments


def month(seed: int = 7, claims: int = 320, first_on: date = date(2026, 10, 1)) -> Iterator[Interchange]:
    """Yield the month's files in the order of their payment days; the same arguments give the same bytes.

    `claims` are billed in all (secondary payments, reversals and corrections come on top). Errors: ValueError below CLAIMS_MIN.
    """
    if claims < CLAIMS_MIN:
        raise ValueError(f"a month has at least {CLAIMS_MIN} claims")
    return _Month(seed, claims, first_on.replace(day=1)).files()


class _Month:
    def __init__(self, seed: int, claims: int, first_on: date) -> None:
        self._first_on = first_on
        series = series_of("month", seed, claims, first_on)
        self._draw = Random(f"{seed} month")
        self._billing = Billing(f"{seed} month", series)
        self._offices = {payer.id: Office(payer, str(seed), series) for payer, _ in _PAYMENT_DAYS}
        self._sizes = _sizes(claims)
        self._held: list[Payout] = []
        self._to_pay: Answer | None = None  # a denial that its payer will come back on
        self._to_take_back: Answer | None = None

    def files(self) -> Iterator[Interchange]:
        days = sorted((day, order, nth) for order, (_, days) in enumerate(_PAYMENT_DAYS) for nth, day in enumerate(days))
        for day, order, nth in days:
            payer, payment_days = _PAYMENT_DAYS[order]
            payment_on = self._first_on + timedelta(days=day - 1)
            office = self._offices[payer.id]
            self._answer(payer, nth, payment_on)
            self._plant(payer, nth, payment_on)
            place = (payer.id, nth)
            payout = office.pay(payment_on, _RECOVERIES.get(place, ()), _OUT_OF_BALANCE.get(place, 0))
            if payer.id != _FILED_TOGETHER:
                yield office.file(payout)
            else:
                self._held.append(payout)
                if nth + 1 == len(payment_days):
                    yield office.file(*self._held)

    def _answer(self, payer: Payer, nth: int, payment_on: date) -> None:
        """Bill and answer what this payment settles: the planted causes first, then as it comes."""
        office = self._offices[payer.id]
        size = self._sizes.get((payer.id, nth), 0)
        planted = _PLANTED_CAUSES.get((payer.id, nth), ())
        for place in range(size):
            service_on = self._served(payer, payment_on)
            if place < len(planted):
                claim = self._billing.bill_with(payer, service_on, CAUSES[planted[place]], lines=2)
            elif (payer.id, nth) == _ALL_REFUSED:
                claim = self._billing.bill_with(payer, service_on, CAUSES["authorization_forgotten"])
            else:
                claim = self._billing.bill(payer, service_on)
            answer = office.take(claim)
            if payer is NORTHWIND and claim.cause is CAUSES["authorization_forgotten"] and self._to_pay is None:
                self._to_pay = answer
            if payer is JUNIPER and answer.remit.paid_cents and (self._to_take_back is None or _more(answer, self._to_take_back)):
                self._to_take_back = answer
            if payer is MEDICARE and _leaves_something(answer) and self._draw.random() < _SECONDARY_SHARE:
                secondary = self._offices[CEDAR.id]
                secondary.add(secondary.adjudicator.answer_as_secondary(answer))

    def _plant(self, payer: Payer, nth: int, payment_on: date) -> None:
        """Add the answers that no draw would bring."""
        office = self._offices[payer.id]
        if payer is NORTHWIND and nth == 1:
            claim = self._billing.bill_with(payer, self._served(payer, payment_on), None, lines=4)
            office.add(*office.adjudicator.answer_in_parts(claim))
        elif payer is NORTHWIND and nth == 2 and self._to_pay is not None:  # noqa: PLR2004 - the third payment
            claim = msgspec.structs.replace(self._to_pay.claim, cause=None)
            office.add(reverse(self._to_pay), office.adjudicator.answer(claim))
        elif payer is LAKESHORE and nth == 0:
            claim = self._billing.bill_with(payer, payment_on + timedelta(days=14), None, lines=2)
            office.add(office.adjudicator.predetermine(claim))
        elif (payer.id, nth) == _ONLY_TAKEN_BACK and self._to_take_back is not None:
            claim = msgspec.structs.replace(self._to_take_back.claim, cause=CAUSES["coverage_ended"])
            office.add(reverse(self._to_take_back), office.adjudicator.answer(claim))

    def _served(self, payer: Payer, payment_on: date) -> date:
        return payment_on - timedelta(days=self._draw.randint(*payer.delay_days))


def _sizes(claims: int) -> dict[tuple[str, int], int]:
    """Say how many claims each payment settles: by the payers' weights, evenly over their payments; every claim has its place."""
    places = []
    for payer, days in _PAYMENT_DAYS:
        full = [nth for nth in range(len(days)) if (payer.id, nth) not in (_ALL_REFUSED, _ONLY_TAKEN_BACK)]
        places += [((payer.id, nth), payer.claims_weight / len(full)) for nth in full if payer in PRIMARY]
    refused = max(2, claims // 100)
    sizes = {_ALL_REFUSED: refused}
    whole = sum(weight for _, weight in places)
    steps, taken = 0.0, 0
    for place, weight in places:
        steps += weight
        upto = round((claims - refused) * steps / whole)
        sizes[place], taken = upto - taken, upto
    return sizes


def _more(answer: Answer, other: Answer) -> bool:
    return answer.remit.paid_cents > other.remit.paid_cents


def _leaves_something(answer: Answer) -> bool:
    return answer.truth.outcome == "paid" and bool(answer.remit.patient_responsibility_cents)
