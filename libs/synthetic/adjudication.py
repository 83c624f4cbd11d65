"""A payer adjudicates claims: prices them, takes the patient's share, finds out what is wrong, takes back and corrects.

Every answer balances to the cent, line by line: charge = paid + adjustments.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from random import Random

import msgspec

from libs.synthetic.model import Answer, BilledLine, Cause, Claim, Outcome, Truth
from libs.synthetic.payers import Payer
from libs.x12 import Adjustment, Remit, ServiceLine
from libs.x12.compose import segment

_BASIS_POINTS = 10_000
_DEDUCTIBLE_CENTS = (1_500, 30_000)
_DEFAULT_STATUS, _SECONDARY, _REVERSAL, _PREDETERMINATION = "1", "2", "22", "25"
_SOME_UNITS = frozenset({"119", "151"})  # refused beyond the first unit, where there are several
_PRICE_SPREAD_BP = 600
_SEPARATOR = "*"


def share(cents: int, basis_points: int) -> int:
    """Return that share of an amount, rounded half up."""
    return (cents * basis_points + _BASIS_POINTS // 2) // _BASIS_POINTS


@lru_cache(maxsize=4096)
def price_bp(payer_id: str, payer_price_bp: int, procedure_code: str) -> int:
    """Return what the payer's contract allows of a procedure's charge, in basis points; it varies by procedure."""
    lean = Random(f"{payer_id} {procedure_code}").uniform(-_PRICE_SPREAD_BP, _PRICE_SPREAD_BP)
    return min(_BASIS_POINTS, payer_price_bp + round(lean))


class _PatientShare:
    """What the patient still owes of one claim: first the deductible, then the copayment or coinsurance."""

    def __init__(self, deductible_cents: int, copay_cents: int, coinsurance_bp: int) -> None:
        self._deductible_cents = deductible_cents
        self._copay_cents = copay_cents
        self._coinsurance_bp = coinsurance_bp

    def take(self, allowed_cents: int) -> list[Adjustment]:
        """Return the patient's part of one line's allowed amount."""
        taken = []
        for carc, wanted_cents in (("1", self._deductible_cents), ("3", self._copay_cents)):
            part_cents = min(wanted_cents, allowed_cents)
            if part_cents:
                taken.append(Adjustment("PR", carc, part_cents))
                allowed_cents -= part_cents
                if carc == "1":
                    self._deductible_cents -= part_cents
                else:
                    self._copay_cents -= part_cents
        part_cents = share(allowed_cents, self._coinsurance_bp)
        if part_cents:
            taken.append(Adjustment("PR", "2", part_cents))
        return taken


class Adjudicator:
    """One payer's judgement. The same seed and claims give the same answers."""

    def __init__(self, payer: Payer, seed: str, series: str) -> None:
        self.payer = payer
        self._draw = Random(f"{seed} {payer.id}")
        self._series = series
        self._answered = 0

    def answer(self, claim: Claim) -> Answer:
        """Adjudicate a claim as first payer."""
        cause, payer = claim.cause, self.payer
        if cause is not None and cause.whole_claim and payer.claim_level:
            return self._refused_as_a_whole(claim, cause)
        share_left = self._patient_share()
        lines = []
        denied_cents = 0
        for place, billed in enumerate(claim.lines):
            refused_cents = 0
            if cause is not None and (cause.whole_claim or place == claim.faulty_line):
                refused_cents = _refused(billed, cause)
                denied_cents += refused_cents
            other = claim.lines[place - 1].procedure_code if refused_cents and len(claim.lines) > 1 else None
            lines.append(self._line(claim, billed, share_left, refused_cents, other))
        status = payer.refused_status if denied_cents == claim.charge_cents else _DEFAULT_STATUS
        return Answer(claim, self._remit(claim, lines, status), _truth(claim, denied_cents))

    def answer_in_parts(self, claim: Claim) -> tuple[Answer, Answer]:
        """Split a claim of at least two lines into two answers, under one account number and two numbers of the payer's."""
        middle = len(claim.lines) // 2
        first, second = (
            msgspec.structs.replace(claim, lines=lines, charge_cents=sum(line.charge_cents for line in lines))
            for lines in (claim.lines[:middle], claim.lines[middle:])
        )
        return self.answer(first), self.answer(second)

    def answer_as_secondary(self, primary: Answer) -> Answer:
        """Pay what the first payer left to the patient, without its deductible; the rest is OA-23, the first payer's doing."""
        lines = []
        for line in primary.remit.lines:
            left = [item for item in line.adjustments if item.group_code == "PR"]
            deductible = [item for item in left if item.carc == "1"]
            left_cents = sum(item.amount_cents for item in left)
            prior = Adjustment("OA", "23", line.charge_cents - left_cents)
            paid_cents = left_cents - sum(item.amount_cents for item in deductible)
            lines.append(msgspec.structs.replace(line, paid_cents=paid_cents, adjustments=(prior, *deductible), rarcs=()))
        return Answer(primary.claim, self._remit(primary.claim, lines, _SECONDARY), Truth("paid"))

    def predetermine(self, claim: Claim) -> Answer:
        """Say what would be paid; nothing is."""
        lines = []
        for billed in claim.lines:
            allowed_cents = share(billed.charge_cents, self._price_bp(billed))
            price = Adjustment("CO", "45", billed.charge_cents - allowed_cents)
            lines.append(_service_line(claim, billed, 0, [price, Adjustment("OA", "101", allowed_cents)]))
        return Answer(claim, self._remit(claim, lines, _PREDETERMINATION), Truth("predetermination"))

    def _price_bp(self, billed: BilledLine) -> int:
        return price_bp(self.payer.id, self.payer.price_bp, billed.procedure_code)

    def _patient_share(self) -> _PatientShare:
        payer, draw = self.payer, self._draw.random
        deductible_cents = 0
        if payer.deductible_bp and draw() * _BASIS_POINTS < payer.deductible_bp:
            low, high = _DEDUCTIBLE_CENTS
            deductible_cents = low + int(draw() * (high - low))
        return _PatientShare(deductible_cents, payer.copay_cents, payer.coinsurance_bp)

    def _line(
        self, claim: Claim, billed: BilledLine, share_left: _PatientShare, refused_cents: int, other_code: str | None
    ) -> ServiceLine:
        cause = claim.cause
        adjustments: list[Adjustment] = []
        rarcs: tuple[str, ...] = ()
        code, original_code = billed.procedure_code, None
        if refused_cents and cause is not None:
            adjustments.append(Adjustment(cause.group_code, cause.carc, refused_cents))
            rarcs = cause.rarcs
            if cause.name == "part_of_other_service" and other_code is not None:
                code, original_code = other_code, code
        open_cents = billed.charge_cents - refused_cents
        paid_cents = 0
        if open_cents:
            allowed_cents = share(open_cents, self._price_bp(billed))
            if open_cents > allowed_cents:
                adjustments.append(Adjustment("CO", "45", open_cents - allowed_cents))
            taken = share_left.take(allowed_cents)
            paid_cents = allowed_cents - sum(item.amount_cents for item in taken)
            cut_cents = share(paid_cents, self.payer.sequestration_bp)
            if cut_cents:
                adjustments.append(Adjustment("CO", "253", cut_cents))
                paid_cents -= cut_cents
            adjustments += taken
        return _service_line(claim, billed, paid_cents, adjustments, rarcs, code, original_code)

    def _refused_as_a_whole(self, claim: Claim, cause: Cause) -> Answer:
        """Refuse at claim level: no lines, remarks in MOA."""
        adjustment = Adjustment(cause.group_code, cause.carc, claim.charge_cents)
        remit = self._remit(claim, (), self.payer.refused_status, (adjustment,), cause.rarcs)
        return Answer(claim, remit, _truth(claim, claim.charge_cents))

    def _remit(
        self,
        claim: Claim,
        lines: Sequence[ServiceLine],
        status: str,
        adjustments: tuple[Adjustment, ...] = (),
        rarcs: Sequence[str] = (),
    ) -> Remit:
        self._answered += 1
        payer, member = self.payer, claim.member
        every = [*adjustments, *(item for line in lines for item in line.adjustments)]
        paid_cents = sum(line.paid_cents for line in lines)
        adjustment_cents = sum(item.amount_cents for item in every)
        segments = [
            segment("NM1", "QC", "1", member.family_name, member.given_name, "", "", "", "MI", member.member_id),
            segment("NM1", "82", "2", "", "", "", "", "", "XX", claim.rendering_npi),
        ]
        if rarcs:
            segments.append(segment("MOA", "", "", *rarcs))
        if not lines:
            segments.append(segment("DTM", "232", f"{claim.service_on:%Y%m%d}"))
        return Remit(
            segments=tuple(segments),
            separator=_SEPARATOR,
            ordinal=0,
            segment_index=0,
            byte_offset=0,
            patient_control_number=claim.patient_control_number,
            claim_status_code=status,
            charge_cents=claim.charge_cents,
            paid_cents=paid_cents,
            difference_cents=claim.charge_cents - paid_cents - adjustment_cents,
            adjustment_cents=adjustment_cents,
            patient_responsibility_cents=sum(item.amount_cents for item in every if item.group_code == "PR"),
            claim_filing_code=payer.claim_filing_code,
            payer_claim_control_number=f"{payer.prefix}{self._series}{self._answered:07d}",
            facility_code=claim.facility_code,
            frequency_code=claim.frequency_code,
            adjustments=adjustments,
            lines=tuple(lines),
        )


def reverse(answer: Answer) -> Answer:
    """Undo an answer: CLP02 22, its codes again and every amount negated."""
    remit = answer.remit
    patient_cents = remit.patient_responsibility_cents
    turned = msgspec.structs.replace(
        remit,
        claim_status_code=_REVERSAL,
        charge_cents=-remit.charge_cents,
        paid_cents=-remit.paid_cents,
        adjustment_cents=-remit.adjustment_cents,
        patient_responsibility_cents=None if patient_cents is None else -patient_cents,
        adjustments=_negated(remit.adjustments),
        lines=tuple(
            msgspec.structs.replace(
                line, charge_cents=-line.charge_cents, paid_cents=-line.paid_cents, adjustments=_negated(line.adjustments)
            )
            for line in remit.lines
        ),
    )
    return Answer(answer.claim, turned, Truth("reversal", undoes=remit.payer_claim_control_number))


def standing(answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers that hold in the end: neither reversals nor what they undid."""
    known = list(answers)
    undone = {answer.truth.undoes for answer in known}
    return [
        answer
        for answer in known
        if answer.truth.outcome != "reversal" and answer.remit.payer_claim_control_number not in undone
    ]  # fmt: skip


def _negated(adjustments: Sequence[Adjustment]) -> tuple[Adjustment, ...]:
    return tuple(Adjustment(item.group_code, item.carc, -item.amount_cents, item.quantity) for item in adjustments)


def _refused(billed: BilledLine, cause: Cause) -> int:
    if cause.carc in _SOME_UNITS and billed.units > 1:
        return billed.charge_cents - billed.charge_cents // billed.units
    return billed.charge_cents


def _truth(claim: Claim, denied_cents: int) -> Truth:
    cause = claim.cause
    if cause is None or not denied_cents:
        return Truth("paid")
    outcome: Outcome = "denied" if denied_cents == claim.charge_cents else "partly_denied"
    return Truth(outcome, denied_cents, cause.name, cause.category, cause.action)


def _service_line(
    claim: Claim,
    billed: BilledLine,
    paid_cents: int,
    adjustments: Sequence[Adjustment],
    rarcs: tuple[str, ...] = (),
    code: str | None = None,
    original_code: str | None = None,
) -> ServiceLine:
    adjusted_cents = sum(item.amount_cents for item in adjustments)
    return ServiceLine(
        segments=(f"DTM*472*{claim.service_on:%Y%m%d}", *([f"REF*6R*{billed.control_number}"] if billed.control_number else ())),
        separator=_SEPARATOR,
        charge_cents=billed.charge_cents,
        paid_cents=paid_cents,
        difference_cents=billed.charge_cents - paid_cents - adjusted_cents,
        procedure_code=code or billed.procedure_code,
        qualifier=billed.qualifier,
        modifiers=billed.modifiers,
        revenue_code=billed.revenue_code,
        units=str(billed.units),
        original_procedure_code=original_code,
        adjustments=tuple(adjustments),
        rarcs=rarcs,
    )
