"""The clinic's billing desk: one plausible claim after another, some with one thing wrong.

Procedures are HCPCS level II, as a small clinic would bill them; what is wrong is drawn from the payer's mix of refusals, and the
payer finds it out later (adjudication.py).
"""

from bisect import bisect
from datetime import date
from itertools import accumulate
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from libs.synthetic.causes import FAMILIES
from libs.synthetic.model import BilledLine, Cause, Claim, Member
from libs.synthetic.payers import Payer

_MEMBERS = 400  # of each payer
_LINES_WEIGHTS = (42, 31, 15, 7, 3, 2)  # one to six lines, about two on average
_BASIS_POINTS = 10_000
_OFFICE = "11"


class Procedure(Struct, frozen=True):
    """One thing that the clinic does: its list price for one unit, how many units at most, how often."""

    code: str
    charge_cents: int
    units_max: int = 1
    weight: int = 1
    modifiers: tuple[str, ...] = ()


PROCEDURES: Final = (
    Procedure("T1015", 16_500, weight=26),
    Procedure("G0439", 21_000, weight=8),
    Procedure("G0438", 28_500, weight=3),
    Procedure("G0402", 26_000, weight=2),
    Procedure("G0444", 3_200, weight=6),
    Procedure("G0447", 4_850, weight=4),
    Procedure("G0108", 9_175, units_max=2, weight=4),
    Procedure("G0283", 3_925, weight=10, modifiers=("GP",)),
    Procedure("G0008", 4_310, weight=8),
    Procedure("G0101", 6_840, weight=3),
    Procedure("J1885", 1_260, units_max=4, weight=7),
    Procedure("J3301", 2_415, units_max=4, weight=6),
    Procedure("J0696", 1_905, units_max=4, weight=4),
    Procedure("J1100", 985, units_max=4, weight=4),
    Procedure("J3420", 1_530, weight=5),
    Procedure("A4253", 5_870, units_max=3, weight=5),
    Procedure("E0114", 7_995, weight=2),
    Procedure("E0143", 13_240, weight=1),
    Procedure("A4570", 4_105, weight=2),
)


class Clinic(Struct, frozen=True):
    name: str
    npi: str
    rendering_npis: tuple[str, ...]


CLINIC: Final = Clinic("RIVERBEND CLINIC", "1234567893", ("1098765435", "1087654327", "1076543218"))


class Billing:
    """Bills for one clinic. The same `series` and seed bill the same claims; `series` stands in front of every account number."""

    def __init__(self, seed: str, series: str, clinic: Clinic = CLINIC) -> None:
        self._draw = Random(seed)
        self._series = series
        self._clinic = clinic
        self._billed = 0
        self._latest: dict[str, Claim] = {}
        self._procedure_steps = list(accumulate(procedure.weight for procedure in PROCEDURES))
        self._line_steps = list(accumulate(_LINES_WEIGHTS))

    def bill(self, payer: Payer, service_on: date) -> Claim:
        """Bill one claim; as often as this payer refuses, something is wrong with it."""
        refused = self._draw.random() * _BASIS_POINTS < payer.denied_bp
        return self.bill_with(payer, service_on, self._cause(payer) if refused else None)

    def bill_with(self, payer: Payer, service_on: date, cause: Cause | None, lines: int | None = None) -> Claim:
        """Bill one claim with this cause of refusal, or with none; a claim sent twice is the payer's latest one again."""
        latest = self._latest.get(payer.id)
        if cause is not None and cause.category == "duplicate" and latest is not None:
            return msgspec.structs.replace(latest, cause=cause)
        draw = self._draw.random
        self._billed += 1
        member = int(draw() * _MEMBERS)
        billed = self._lines(lines or self._pick(self._line_steps) + 1)
        faulty_line = int(draw() * len(billed))
        if cause is not None and cause.modifier is not None:
            faulty = billed[faulty_line]
            marked = msgspec.structs.replace(faulty, modifiers=(*faulty.modifiers, cause.modifier))
            billed = (*billed[:faulty_line], marked, *billed[faulty_line + 1 :])
        claim = Claim(
            patient_control_number=f"{self._series}{self._billed:07d}",
            payer_id=payer.id,
            member=Member(f"{payer.prefix}{member * 7919 + 100_003:09d}", f"FAMILY{member:03d}", f"GIVEN{member % 37:02d}"),
            rendering_npi=self._clinic.rendering_npis[int(draw() * len(self._clinic.rendering_npis))],
            facility_code=_OFFICE,
            frequency_code="1",
            service_on=service_on,
            lines=billed,
            charge_cents=sum(line.charge_cents for line in billed),
            cause=cause,
            faulty_line=faulty_line,
        )
        if cause is None:
            self._latest[payer.id] = claim
        return claim

    def _lines(self, count: int) -> tuple[BilledLine, ...]:
        """Draw so many different procedures."""
        drawn: dict[int, BilledLine] = {}
        while len(drawn) < count:
            place = self._pick(self._procedure_steps)
            if place not in drawn:
                procedure = PROCEDURES[place]
                units = 1 if procedure.units_max == 1 else 1 + int(self._draw.random() * procedure.units_max)
                charge_cents = units * procedure.charge_cents
                drawn[place] = BilledLine(str(len(drawn) + 1), procedure.code, procedure.modifiers, units, charge_cents)
        return tuple(drawn.values())

    def _cause(self, payer: Payer) -> Cause:
        family = FAMILIES[self._draw.choices(tuple(payer.mix), tuple(payer.mix.values()))[0]]
        return family[int(self._draw.random() * len(family))]

    def _pick(self, steps: list[int]) -> int:
        return bisect(steps, int(self._draw.random() * steps[-1]))
