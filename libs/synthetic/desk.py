"""The billing desk of all practices: full claims of the three kinds, clean or with one fault, and what follows on an answer.

`Desk.bill` draws a claim; `replaced`, `voided`, `as_secondary` make the claims that follow on an answer; `billed` is what a payer
judges of a claim.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from libs.synthetic import model, payers
from libs.synthetic.faults import FIRST_OF_PAIR, Fault, Spot
from libs.synthetic.habits import Habits
from libs.synthetic.members import CHILD, MEMBERS, child, group_number, member
from libs.synthetic.practices import PRACTICES, Practice
from libs.synthetic.specialties import UNPAIRED, Service
from libs.x12 import Adjustment
from libs.x12.claim import (
    REPLACEMENT,
    VOID,
    Attachment,
    Claim,
    ClaimLine,
    Dated,
    Diagnosis,
    LineAdjudication,
    OtherPayer,
    Payer,
    Provider,
    Reference,
    Subscription,
)

_LINES_WEIGHTS = (42, 31, 15, 7, 3, 2)
_REFERRED_SHARE = 0.2  # of ordered claims: with the number of a referral
_LAG_DAYS = 12  # from service to claim, at most
_DIAGNOSES_MAX = 3
_INPATIENT = "inpatient"
_SECONDARY = "S"  # SBR01


class Bill(Struct, frozen=True):
    """One claim as sent. `clean` is the claim as it should have been, `line` (from 0) where its fault shows.

    `after` is the judgement that the claim goes back to: of what it replaces or voids, or of the first payer;
    `follows` says as what.
    """

    claim: Claim
    clean: Claim
    practice: Practice
    services: tuple[Service, ...]
    rendering: Provider
    fault: Fault | None = None
    line: int = 0
    planted_by: str = ""
    after: model.Answer | None = None
    follows: model.Following | None = None

    @property
    def coder(self) -> str:
        return self.practice.coder_of(self.rendering)


class Desk:
    """Bills for all practices. The same seed and series bill the same claims."""

    def __init__(self, seed: str, series: str) -> None:
        self._draw = Random(f"{seed} desk")
        self._series = series
        self._billed = 0
        self._latest: dict[str, Bill] = {}
        self._practices: dict[tuple[str, str], tuple[list[Practice], list[int]]] = {}

    def bill(self, habits: Habits, submitted_on: date, fault: Fault | None) -> Bill:
        """Bill one claim to a payer, with this fault or with none."""
        latest = self._latest.get(habits.payer.id)
        if fault is not None and fault.again and latest is not None:
            claim = replace(latest.claim, patient_control_number=self._next_number())
            return replace(latest, claim=claim, clean=claim, fault=fault)
        practice = self._practice(habits, fault)
        services, place = self._services(practice, habits, fault)
        rendering = practice.rendering[int(self._draw.random() * len(practice.rendering))]
        clean = self._claim(habits, submitted_on, practice, services, rendering)
        bill = Bill(clean, clean, practice, services, rendering)
        if fault is None or fault.again:
            return bill
        return faulty(bill, fault, place, habits, submitted_on)

    def remember(self, bill: Bill) -> None:
        """Keep a clean claim that was sent, as one that may be sent twice."""
        self._latest[bill.claim.payer.payer_id] = bill

    def _next_number(self) -> str:
        self._billed += 1
        return f"{self._series}{self._billed:07d}"

    def _practice(self, habits: Habits, fault: Fault | None) -> Practice:
        """Draw a practice, one where the fault can occur."""
        key = (habits.payer.id, fault.needs if fault else "anything")
        if key not in self._practices:
            fitting = [
                practice
                for practice in PRACTICES
                if fault is None or any(fault.fits(habits, practice.specialty, each) for each in practice.specialty.services)
            ]
            self._practices[key] = fitting, [practice.specialty.weight for practice in fitting]
        practices, weights = self._practices[key]
        return self._draw.choices(practices, weights)[0]

    def _services(self, practice: Practice, habits: Habits, fault: Fault | None) -> tuple[tuple[Service, ...], int]:
        """Draw what was done, each thing once, and the place of the line that the fault is about."""
        specialty, draw = practice.specialty, self._draw
        offered = specialty.services
        count = min(draw.choices(range(1, 7), _LINES_WEIGHTS)[0], len(offered) - 1)
        drawn: list[Service] = []
        if fault is not None:
            fitting = [each for each in offered if fault.fits(habits, specialty, each)]
            drawn.append(draw.choices(fitting, [each.weight for each in fitting])[0])
            if fault.needs == "pair":
                drawn.append(next(each for each in offered if each.code == FIRST_OF_PAIR[drawn[0].code]))
        while len(drawn) < count:
            service = draw.choices(offered, [each.weight for each in offered])[0]
            if service not in drawn:
                drawn.append(service)
        about = drawn[0]
        draw.shuffle(drawn)
        return tuple(drawn), drawn.index(about)

    def _claim(
        self, habits: Habits, submitted_on: date, practice: Practice, services: Sequence[Service], rendering: Provider
    ) -> Claim:
        payer, draw, specialty = habits.payer, self._draw, practice.specialty
        number = int(draw.random() * MEMBERS)
        subscriber, patient = member(payer, number), child(payer, number)
        if patient is not None:
            subscriber = replace(subscriber, birth_on=None, sex="", address=None)
        last_on = submitted_on - timedelta(days=1 + int(draw.random() * _LAG_DAYS))
        first_on = last_on - timedelta(days=int(draw.random() * 5) + 1) if specialty.name == _INPATIENT else last_on
        diagnoses = self._diagnoses(practice)
        lines = tuple(
            self._line(practice, place, service, services, last_on, len(diagnoses)) for place, service in enumerate(services, 1)
        )
        pcn = self._next_number()
        claim = Claim(
            claim_type=specialty.claim_type,
            patient_control_number=pcn,
            charge_cents=sum(line.charge_cents for line in lines),
            billing_provider=practice.billing,
            subscription=Subscription(
                "P", "" if patient else "18", group_number(payer, number), "", "", payer.claim_filing_code
            ),
            subscriber=subscriber,
            payer=Payer(payer.name, payer.id, "PI"),
            lines=lines,
            facility_code=specialty.facility_code,
            facility_qualifier="B",
            signature="Y",
            assignment="A",
            benefits_assigned="Y",
            release="Y",
            patient=patient,
            patient_relationship=CHILD if patient else "",
            diagnoses=diagnoses,
            references=self._references(habits, practice, services, pcn),
            attachments=(Attachment("OZ", "EL", f"ATT{pcn}"),) if any(map(habits.wants_records, services)) else (),
            providers=((practice.orderer,) if specialty.ordered else ()) + (rendering,),
        )  # fmt: skip
        return _as_of_hospital(claim, first_on, last_on) if specialty.claim_type == "institutional" else claim

    def _diagnoses(self, practice: Practice) -> tuple[Diagnosis, ...]:
        known = practice.specialty.diagnoses
        if not known:
            return ()
        codes = self._draw.sample(known, 1 + int(self._draw.random() * min(_DIAGNOSES_MAX, len(known))))
        return tuple(Diagnosis("ABF" if place else "ABK", code) for place, code in enumerate(codes))

    def _line(
        self, practice: Practice, place: int, service: Service, services: Sequence[Service], served_on: date, diagnoses: int
    ) -> ClaimLine:
        kind = practice.specialty.claim_type
        units = 1 + int(self._draw.random() * service.units_max)
        first = FIRST_OF_PAIR.get(service.code)
        paired = first is not None and any(each.code == first for each in services)
        in_milliliters = (f"CTP****{units}*ML",) if service.drug_code else ()
        return ClaimLine(
            number=place,
            charge_cents=units * service.charge_cents,
            procedure_code=service.code,
            qualifier="" if not service.code else "AD" if kind == "dental" else "HC",
            modifiers=(*service.modifiers, UNPAIRED) if paired else service.modifiers,
            unit="" if kind == "dental" else "UN",
            units=str(units),
            diagnosis_pointers=tuple(range(1, diagnoses + 1)) if kind == "professional" else (),
            revenue_code=service.revenue_code,
            service_from_on=served_on,
            line_control_number=str(place),
            drug_code=service.drug_code,
            segments=in_milliliters,
        )

    def _references(self, habits: Habits, practice: Practice, services: Sequence[Service], pcn: str) -> tuple[Reference, ...]:
        references = []
        if practice.specialty.ordered and self._draw.random() < _REFERRED_SHARE:
            references.append(Reference("9F", f"REF{pcn}"))
        if any(map(habits.wants_authorization, services)):
            references.append(Reference("G1", f"AUT{pcn}"))
        return tuple(references)


def _as_of_hospital(claim: Claim, first_on: date, last_on: date) -> Claim:
    """Give a claim what only hospitals tell: the stay, how it began and ended, what was there on admission."""
    inpatient = first_on != last_on
    dates = [Dated("434", first_on, last_on)]
    diagnoses = claim.diagnoses
    if inpatient:
        dates.append(Dated("435", first_on, None, "0930"))
        diagnoses = (
            *(replace(each, present_on_admission="Y") for each in diagnoses[:1]),
            Diagnosis("ABJ", diagnoses[0].code),
            *(replace(each, present_on_admission="Y") for each in diagnoses[1:]),
        )
    else:
        diagnoses = (diagnoses[0], Diagnosis("APR", diagnoses[0].code), *diagnoses[1:])
    return replace(
        claim,
        facility_qualifier="A",
        signature="",
        dates=tuple(dates),
        diagnoses=diagnoses,
        segments=(f"CL1*{1 if inpatient else 3}*1*01",),
    )


def faulty(bill: Bill, fault: Fault, place: int, habits: Habits, submitted_on: date, planted_by: str = "") -> Bill:
    """Return a clean bill with a fault at one of its lines."""
    spot = Spot(place, bill.services[place], habits, submitted_on)
    return replace(bill, claim=fault.on(bill.clean, spot), fault=fault, line=place, planted_by=planted_by)


def replaced(bill: Bill, answer: model.Answer) -> Bill:
    """Return the corrected claim that takes the place of one that the payer has judged."""
    return _again(bill, REPLACEMENT, answer, "replaced")


def voided(bill: Bill, answer: model.Answer) -> Bill:
    """Return the claim that takes back one that the payer has judged."""
    return _again(bill, VOID, answer, "voided")


def resent(bill: Bill) -> Bill:
    """Return the corrected claim after a rejection: nobody has judged it, it is an original."""
    return replace(bill, claim=bill.clean, fault=None, planted_by="", follows="corrected")


def _again(bill: Bill, frequency_code: str, answer: model.Answer, follows: model.Following) -> Bill:
    references = (*bill.clean.references, Reference("F8", answer.remit.payer_claim_control_number))
    claim = replace(bill.clean, frequency_code=frequency_code, references=references)
    return replace(bill, claim=claim, clean=claim, fault=None, planted_by="", after=answer, follows=follows)


def as_secondary(bill: Bill, primary: model.Answer, paid_on: date, payer: payers.Payer) -> Bill:
    """Return the claim to a second payer, with what the first one decided about each line."""
    claim = bill.claim
    lines = tuple(
        replace(line, adjudications=(_adjudicated(claim, line, answered.paid_cents, answered.adjustments, paid_on),))
        for line, answered in zip(claim.lines, primary.remit.lines, strict=True)
    )
    digits = claim.subscriber.member_id[-9:]  # the two payers number their members alike
    first = OtherPayer(
        subscription=Subscription("P", "18", "", "", "", claim.subscription.claim_filing_code),
        payer=claim.payer,
        subscriber=replace(claim.subscriber, birth_on=None, sex=""),
        paid_cents=primary.remit.paid_cents,
        segments=("OI***Y***Y",),
    )
    secondary_claim = replace(
        claim,
        subscription=Subscription(_SECONDARY, "18", f"{payer.prefix}001", "", "", payer.claim_filing_code),
        subscriber=replace(claim.subscriber, member_id=payer.prefix + digits),
        payer=Payer(payer.name, payer.id, "PI"),
        lines=lines,
        references=(),
        attachments=(),
        other_payers=(first,),
    )
    return replace(
        bill, claim=secondary_claim, clean=secondary_claim, fault=None, planted_by="", after=primary, follows="billed_secondary"
    )


def _adjudicated(
    claim: Claim, line: ClaimLine, paid_cents: int, adjustments: tuple[Adjustment, ...], paid_on: date
) -> LineAdjudication:
    return LineAdjudication(
        claim.payer.payer_id, paid_cents, line.qualifier, line.procedure_code, line.modifiers, line.revenue_code, line.units,
        adjustments, paid_on,
    )  # fmt: skip


def billed(claim: Claim, cause: model.Cause | None = None, faulty_line: int = 0) -> model.Claim:
    """Return what a payer judges of a claim, with what it will find wrong."""
    subscriber = claim.subscriber
    rendering = claim.provider("82") or claim.provider("71") or claim.billing_provider
    return model.Claim(
        patient_control_number=claim.patient_control_number,
        payer_id=claim.payer.payer_id,
        member=model.Member(subscriber.member_id, subscriber.last_name, subscriber.first_name),
        rendering_npi=rendering.npi,
        facility_code=claim.facility_code,
        frequency_code=claim.frequency_code,
        service_on=claim.service_from_on or date.min,
        lines=tuple(map(_billed_line, claim.lines)),
        charge_cents=claim.charge_cents,
        cause=cause,
        faulty_line=faulty_line,
    )


def _billed_line(line: ClaimLine) -> model.BilledLine:
    return model.BilledLine(
        control_number=line.line_control_number,
        procedure_code=line.procedure_code or line.revenue_code,
        modifiers=line.modifiers,
        units=int(line.units) if line.units.isdecimal() else 1,
        charge_cents=line.charge_cents,
        qualifier=line.qualifier or "NU",
        revenue_code=(line.revenue_code or None) if line.procedure_code else None,
    )
