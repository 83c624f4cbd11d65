"""What goes wrong with a claim on its way: how it shows in the claim, who finds it out, and which check could have seen it before.

A fault that the payer's judgement finds has a cause (causes.py); one that its front door finds has a status for the 277CA; one that
breaks the syntax has neither: its set comes back with the 999.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from libs.synthetic.causes import CAUSES, MODIFIER_REFUSED
from libs.synthetic.habits import Habits
from libs.synthetic.model import Cause
from libs.synthetic.specialties import PAIRS, UNPAIRED, Service, Specialty
from libs.x12.acknowledgement import StatusCode
from libs.x12.claim import Claim, ClaimLine, Provider

# The families of checks before submission; `risk` is what only experience with the payer tells.
Family = Literal["structure", "identifiers", "codes", "ncci", "payer_rules", "duplicates", "risk"]
# What a claim must have for the fault to be one.
Need = Literal["anything", "authorization", "records", "watched", "pair", "order", "diagnosis", "rendering", "procedure"]

FIRST_OF_PAIR: Final = {second: first for first, second in PAIRS}
_PLACES_OF_A_NEED: Final[Mapping[Need, Callable[[Habits, Specialty, Service], bool]]] = {
    "anything": lambda _habits, _specialty, _service: True,
    "authorization": lambda habits, _, service: habits.wants_authorization(service),
    "records": lambda habits, _, service: habits.wants_records(service),
    "watched": lambda habits, _, service: habits.watches(service),
    "pair": lambda _habits, _specialty, service: service.code in FIRST_OF_PAIR,
    "order": lambda _habits, specialty, _service: specialty.ordered,
    "diagnosis": lambda _habits, specialty, _service: bool(specialty.diagnoses),
    "rendering": lambda _habits, specialty, _service: specialty.claim_type != "institutional",
    "procedure": lambda _habits, specialty, service: specialty.claim_type == "professional" and bool(service.code),
}


class Spot(Struct, frozen=True):
    """Where a fault is to show: the line (from 0) and its service, under a payer's habits."""

    line: int
    service: Service
    habits: Habits
    submitted_on: date


class Fault(Struct, frozen=True):
    """`seen_by`: which check before submission could see it; None where the claim alone does not tell."""

    name: str
    seen_by: Family | None = None
    needs: Need = "anything"
    cause: Cause | None = None
    rejection: StatusCode | None = None
    change: Callable[[Claim, Spot], Claim] | None = None
    again: bool = False  # the payer's latest claim, sent once more

    def fits(self, habits: Habits, specialty: Specialty, service: Service) -> bool:
        return _PLACES_OF_A_NEED[self.needs](habits, specialty, service)

    def on(self, claim: Claim, spot: Spot) -> Claim:
        return claim if self.change is None else self.change(claim, spot)


def wrong_npi(npi: str) -> str:
    """Return an NPI with a digit that does not check."""
    return f"{npi[:-1]}{(int(npi[-1]) + 5) % 10}"


def _line(claim: Claim, place: int, line: ClaimLine) -> Claim:
    lines = (*claim.lines[:place], line, *claim.lines[place + 1 :])
    return replace(claim, lines=lines, charge_cents=sum(each.charge_cents for each in lines))


def _without_reference(claim: Claim, qualifier: str) -> Claim:
    return replace(claim, references=tuple(each for each in claim.references if each.qualifier != qualifier))


def _without_authorization(claim: Claim, _: Spot) -> Claim:
    return _without_reference(claim, "G1")


def without_original_number(claim: Claim, _: Spot | None = None) -> Claim:
    return _without_reference(claim, "F8")


def _without_records(claim: Claim, _: Spot) -> Claim:
    return replace(claim, attachments=())


def _without_order(claim: Claim, _: Spot) -> Claim:
    return replace(claim, providers=tuple(each for each in claim.providers if each.entity_code != "DN"))


def _provider(claim: Claim, entity_code: str, change: Callable[[Provider], Provider]) -> Claim:
    providers = tuple(change(each) if each.entity_code == entity_code else each for each in claim.providers)
    return replace(claim, providers=providers)


def _wrong_rendering_npi(claim: Claim, _: Spot) -> Claim:
    return _provider(claim, "82", lambda provider: replace(provider, npi=wrong_npi(provider.npi)))


def _wrong_billing_npi(claim: Claim, _: Spot) -> Claim:
    billing = claim.billing_provider
    return replace(claim, billing_provider=replace(billing, npi=wrong_npi(billing.npi)))


def _mistyped_member_id(claim: Claim, _: Spot) -> Claim:
    """Lose one digit: the number no longer has the payer's shape."""
    member_id = claim.subscriber.member_id
    return replace(claim, subscriber=replace(claim.subscriber, member_id=member_id[:5] + member_id[6:]))


def _invalid_diagnosis(claim: Claim, _: Spot) -> Claim:
    """Cut the principal diagnosis to its chapter: no code is that short."""
    first, *others = claim.diagnoses
    return replace(claim, diagnoses=(replace(first, code=first.code[:2]), *others))


def _unmarked_pair(claim: Claim, spot: Spot) -> Claim:
    line = claim.lines[spot.line]
    return _line(claim, spot.line, replace(line, modifiers=tuple(each for each in line.modifiers if each != UNPAIRED)))


def _too_many_units(claim: Claim, spot: Spot) -> Claim:
    units = spot.service.units_max + 2
    line = claim.lines[spot.line]
    return _line(claim, spot.line, replace(line, units=str(units), charge_cents=units * spot.service.charge_cents))


def _marked(modifier: str) -> Callable[[Claim, Spot], Claim]:
    def change(claim: Claim, spot: Spot) -> Claim:
        line = claim.lines[spot.line]
        return _line(claim, spot.line, replace(line, modifiers=(*line.modifiers, modifier)))

    return change


def moved(claim: Claim, by: timedelta) -> Claim:
    """Return the claim with all its days of service moved."""

    def day(value: date | None) -> date | None:
        return None if value is None else value + by

    lines = tuple(
        replace(line, service_from_on=day(line.service_from_on), service_to_on=day(line.service_to_on)) for line in claim.lines
    )
    dates = tuple(replace(each, from_on=day(each.from_on), to_on=day(each.to_on)) for each in claim.dates)
    return replace(claim, lines=lines, dates=dates)


def _late(claim: Claim, spot: Spot) -> Claim:
    return moved(claim, -timedelta(days=spot.habits.filing_limit_days + spot.submitted_on.day))


def _in_future(claim: Claim, _: Spot) -> Claim:
    return moved(claim, timedelta(days=60))


def _charge_differs(claim: Claim, _: Spot) -> Claim:
    return replace(claim, charge_cents=claim.charge_cents + 1_000)


def _unknown_sex(claim: Claim, _: Spot) -> Claim:
    if claim.patient is not None:
        return replace(claim, patient=replace(claim.patient, sex="Z"))
    return replace(claim, subscriber=replace(claim.subscriber, sex="Z"))


_SHOWING: Final[dict[str, tuple[Family | None, Need, Callable[[Claim, Spot], Claim] | None]]] = {
    "rendering_npi_missing": ("identifiers", "rendering", _wrong_rendering_npi),
    "member_id_mistyped": ("identifiers", "anything", _mistyped_member_id),
    "referring_npi_missing": ("payer_rules", "order", _without_order),
    "diagnosis_invalid": ("codes", "diagnosis", _invalid_diagnosis),
    "authorization_forgotten": ("payer_rules", "authorization", _without_authorization),
    "authorization_for_other_service": (None, "authorization", None),
    "authorization_used_up": (None, "authorization", None),
    "plan_restriction": ("risk", "watched", None),
    "no_benefit": ("risk", "watched", None),
    "routine_service": ("risk", "watched", None),
    "record_not_sent": ("payer_rules", "records", _without_records),
    "documentation_not_sent": ("payer_rules", "records", _without_records),
    "part_of_other_service": ("ncci", "pair", _unmarked_pair),
    "conflicting_pair": ("ncci", "pair", _unmarked_pair),
    "coverage_determination": ("risk", "watched", None),
    "too_frequent": ("ncci", "procedure", _too_many_units),
    "necessity_patient_accepted": ("risk", "procedure", _marked("GA")),
    "filed_late": ("payer_rules", "anything", _late),
    "filed_late_no_appeal": ("payer_rules", "anything", _late),
    "limit_reached_no_notice": ("risk", "procedure", _marked("GZ")),
}


def _of_cause(cause: Cause) -> Fault:
    if cause.category == "duplicate":
        return Fault(cause.name, "duplicates", cause=cause, again=True)
    seen_by, needs, change = _SHOWING.get(cause.name, (None, "anything", None))
    return Fault(cause.name, seen_by, needs, cause, None, change)


REFUSED: Final = {name: _of_cause(cause) for name, cause in CAUSES.items()} | {
    MODIFIER_REFUSED.name: Fault(MODIFIER_REFUSED.name, "risk", "procedure", MODIFIER_REFUSED)
}
# Category, status and entity as a payer's front door tells them.
REJECTED: Final = {
    fault.name: fault
    for fault in (
        Fault("subscriber_not_found", None, "anything", None, StatusCode("A3", "33", "IL")),
        Fault("member_id_rejected", "identifiers", "anything", None, StatusCode("A7", "164", "IL"), _mistyped_member_id),
        Fault("rendering_npi_rejected", "identifiers", "rendering", None, StatusCode("A7", "562", "82"), _wrong_rendering_npi),
        Fault("billing_npi_rejected", "identifiers", "anything", None, StatusCode("A7", "562", "85"), _wrong_billing_npi),
        Fault("diagnosis_rejected", "codes", "diagnosis", None, StatusCode("A7", "255"), _invalid_diagnosis),
        Fault("service_in_future", "structure", "anything", None, StatusCode("A7", "187"), _in_future),
        Fault("charges_differ", "structure", "anything", None, StatusCode("A8", "400"), _charge_differs),
        Fault("sent_again", "duplicates", "anything", None, StatusCode("A3", "54"), again=True),
        Fault("incorrect_payer", None, "anything", None, StatusCode("A3", "116", "PR")),
    )
}
REJECTED_WEIGHTS: Final = (26, 18, 10, 4, 14, 6, 4, 12, 6)
ORIGINAL_NUMBER_MISSING: Final = Fault(
    "original_number_missing", "structure", "anything", None, StatusCode("A6", "464"), without_original_number
)
SET_REJECTED: Final = Fault("sex_code_unknown", "structure", change=_unknown_sex)
FAULTS: Final = REFUSED | REJECTED | {each.name: each for each in (ORIGINAL_NUMBER_MISSING, SET_REJECTED)}
