"""Causes planted by configuration: from a day on, at one payer, one provider, one coder, claims go wrong in one way."""

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random

from msgspec import Struct

from libs.synthetic.desk import Bill, faulty
from libs.synthetic.faults import FAULTS
from libs.synthetic.habits import Habits
from libs.synthetic.payers import NORTHWIND
from libs.synthetic.practices import PRACTICES

_BASIS_POINTS = 10_000


class Plant(Struct, frozen=True):
    """Where a fault (faults.py, by name) shows: what is empty does not matter. `share_bp` of the claims that fit have it.

    `modifier` and `procedure_code` are those of the line; `from_on` is the first day of service.
    """

    name: str
    fault: str
    share_bp: int = _BASIS_POINTS
    payer_id: str = ""
    modifier: str = ""
    procedure_code: str = ""
    rendering_npi: str = ""
    coder: str = ""
    from_on: date = date.min

    def place(self, bill: Bill, habits: Habits) -> int | None:
        """Return the line of a clean bill where this shows; None where it does not."""
        fits = (
            self.payer_id in ("", habits.payer.id)
            and self.rendering_npi in ("", bill.rendering.npi)
            and self.coder in ("", bill.coder)
            and (bill.clean.service_from_on or date.min) >= self.from_on
        )
        if not fits:
            return None
        fault = FAULTS[self.fault]
        for place, (line, service) in enumerate(zip(bill.clean.lines, bill.services, strict=True)):
            named = self.procedure_code in ("", line.procedure_code) and (not self.modifier or self.modifier in line.modifiers)
            if named and fault.fits(habits, bill.practice.specialty, service):
                return place
        return None


def usual(first_on: date) -> tuple[Plant, ...]:
    """Return three plants to find: a modifier refused from a day on, a provider with a bad NPI, a coder who forgets."""
    therapist = PRACTICES[1].rendering[1]
    return (
        Plant(
            "payer_refuses_modifier",
            "modifier_refused",
            payer_id=NORTHWIND.id,
            modifier="KX",
            from_on=first_on + timedelta(days=45),
        ),
        Plant("provider_with_bad_npi", "rendering_npi_rejected", rendering_npi=therapist.npi),
        Plant("coder_forgets_authorizations", "authorization_forgotten", 6_000, coder=PRACTICES[2].coders[0]),
    )


def planted(bill: Bill, plants: Iterable[Plant], habits: Habits, submitted_on: date, draw: Random) -> Bill:
    """Return a clean bill with the first plant that fits it."""
    for plant in plants:
        place = plant.place(bill, habits)
        if place is not None and draw.random() * _BASIS_POINTS < plant.share_bp:
            return faulty(bill, FAULTS[plant.fault], place, habits, submitted_on, plant.name)
    return bill
