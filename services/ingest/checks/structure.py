"""Structure (SNIP 1 to 4): required and situational data, balances, order of payers, dates that cannot be true."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from libs.x12.claim import DIAGNOSIS_QUALIFIERS, REPLACEMENT, VOID, Claim, ClaimLine, ClaimType
from services.ingest.checks.finding import Finding
from services.ingest.checks.rules import RULES

_PCN_SAFE = 17
_LINES_MAX, _LINES_USUAL_MAX = 999, 50
_POINTERS_MAX = 4
_OLDEST_SERVICE = date(1990, 1, 1)
_OLDEST_BIRTH = date(1900, 1, 1)
_DIAGNOSES_MAX: Final[dict[ClaimType, int]] = {"professional": 12, "institutional": 25, "dental": 4}
_PRINCIPAL = frozenset({"ABK", "BK"})
_COUNTED = frozenset({"ABK", "BK", "ABF", "BF"})
_QUALIFIERS: Final[dict[ClaimType, frozenset[str]]] = {
    "professional": frozenset({"HC", "ER", "IV", "WK"}),
    "institutional": frozenset({"HC", "ER", "HP", "IV", "WK"}),
    "dental": frozenset({"AD"}),
}
_FREQUENCIES = frozenset({"1", REPLACEMENT, VOID})
_INPATIENT = frozenset({"11", "18", "21", "41", "86"})  # facility codes whose bills are stays
_SECONDARY = frozenset({"S", "T"})


def check(claim: Claim, now_on: date) -> Iterator[Finding]:
    """Yield what is wrong with a claim by itself. `now_on` is the day of the check."""
    yield from _required(claim)
    yield from _replacement(claim)
    yield from _amounts(claim)
    yield from _diagnoses(claim)
    yield from _dates(claim, now_on)
    yield from _other_payers(claim)
    for place, line in enumerate(claim.lines):
        yield from _line(claim, place, line)
        yield from _line_dates(claim, place, line, now_on)


def _required(claim: Claim) -> Iterator[Finding]:
    pcn, billing = claim.patient_control_number, claim.billing_provider
    if not pcn:
        yield RULES["STRUCT-PCN-MISSING"].at("patient_control_number")
    elif len(pcn) > _PCN_SAFE:
        yield RULES["STRUCT-PCN-LENGTH"].at("patient_control_number")
    yield from _insured(claim)
    if not claim.payer.payer_id or not claim.payer.name:
        yield RULES["STRUCT-PAYER-MISSING"].at("payer.name" if claim.payer.payer_id else "payer.payer_id")
    if not claim.subscription.claim_filing_code:
        yield RULES["STRUCT-FILING-MISSING"].at("subscription.claim_filing_code")
    if not billing.name:
        yield RULES["STRUCT-BILLING-NAME"].at("billing_provider.name")
    address = billing.address
    if address is None or not (address.line_1 and address.city and (address.country not in ("", "US") or address.state)):
        yield RULES["STRUCT-BILLING-ADDRESS"].at("billing_provider.address")
    if not claim.facility_code:
        yield RULES["STRUCT-FACILITY-MISSING"].at("facility_code")


def _insured(claim: Claim) -> Iterator[Finding]:
    """Check who is insured and who was treated."""
    patient = claim.patient_or_subscriber
    if not claim.subscriber.last_name:
        yield RULES["STRUCT-SUBSCRIBER-NAME"].at("subscriber.last_name")
    if not claim.subscriber.member_id:
        yield RULES["STRUCT-MEMBER-ID-MISSING"].at("subscriber.member_id")
    person = "subscriber" if claim.patient is None else "patient"
    if patient.is_person and patient.birth_on is None:
        yield RULES["STRUCT-BIRTH-MISSING"].at(f"{person}.birth_on")
    elif patient.is_person and patient.sex not in ("F", "M", "U"):
        yield RULES["STRUCT-SEX-MISSING"].at(f"{person}.sex")


def _replacement(claim: Claim) -> Iterator[Finding]:
    frequency = claim.frequency_code
    known = frequency in _FREQUENCIES or (claim.claim_type == "institutional" and len(frequency) == 1 and frequency.isalnum())
    if not known:
        yield RULES["STRUCT-FREQUENCY"].at("frequency_code")
    elif frequency in (REPLACEMENT, VOID):
        if not claim.reference("F8"):
            yield RULES["STRUCT-ORIGINAL-MISSING"].at("references")
    elif claim.reference("F8"):
        yield RULES["STRUCT-ORIGINAL-UNEXPECTED"].at("frequency_code")


def _amounts(claim: Claim) -> Iterator[Finding]:
    count = len(claim.lines)
    if not count:
        yield RULES["STRUCT-LINES-MISSING"].at("lines")
        return
    if count > _LINES_MAX:
        yield RULES["STRUCT-LINES-MAX"].at("lines", count=count)
    elif count > _LINES_USUAL_MAX and claim.claim_type != "institutional":
        yield RULES["STRUCT-LINES-50"].at("lines", count=count)
    difference, in_order = claim.charge_cents, True
    seen: set[str] = set()
    repeated: list[tuple[int, ClaimLine]] = []
    for place, line in enumerate(claim.lines):
        difference -= line.charge_cents
        in_order = in_order and line.number == place + 1
        number = line.line_control_number
        if number and number in seen:
            repeated.append((place, line))
        seen.add(number)
    if not in_order:
        yield RULES["STRUCT-LINE-NUMBERS"].at("lines")
    if difference:
        yield RULES["STRUCT-CHARGE-SUM"].at("charge_cents", cents=difference)
    if claim.charge_cents < 0:
        yield RULES["STRUCT-CHARGE-NEGATIVE"].at("charge_cents")
    for place, line in repeated:
        yield RULES["STRUCT-LINE-CONTROL-REPEATED"].at(f"lines[{place}].line_control_number", line.number)


def _diagnoses(claim: Claim) -> Iterator[Finding]:
    if not claim.diagnoses:
        if claim.claim_type != "dental":
            yield RULES["STRUCT-DIAGNOSES-MISSING"].at("diagnoses")
        return
    counted = 0
    seen: set[str] = set()
    for place, each in enumerate(claim.diagnoses):
        if each.qualifier not in DIAGNOSIS_QUALIFIERS:
            yield RULES["STRUCT-DIAGNOSIS-QUALIFIER"].at(f"diagnoses[{place}].qualifier")
        elif each.qualifier in _COUNTED:
            counted += 1
            if (each.qualifier in _PRINCIPAL) != (counted == 1) and claim.claim_type != "dental":
                yield RULES["STRUCT-DIAGNOSIS-PRINCIPAL"].at(f"diagnoses[{place}].qualifier")
            if each.code in seen:
                yield RULES["STRUCT-DIAGNOSIS-REPEATED"].at(f"diagnoses[{place}].code")
            seen.add(each.code)
    allowed = _DIAGNOSES_MAX[claim.claim_type]
    if counted > allowed:
        yield RULES["STRUCT-DIAGNOSES-MAX"].at("diagnoses", count=counted, allowed=allowed)


def _broken(day: date | None, now_on: date, oldest: date = _OLDEST_SERVICE) -> str:
    """Return the rule that a day breaks; empty for none."""
    if day is None or oldest <= day <= now_on:
        return ""
    return "STRUCT-DATE-FUTURE" if day > now_on else "STRUCT-DATE-ANCIENT"


def _dates(claim: Claim, now_on: date) -> Iterator[Finding]:
    """Check the claim's own dates: of birth, of the statement, of admission and whatever else it tells."""
    if rule := _broken(claim.subscriber.birth_on, now_on, _OLDEST_BIRTH):
        yield RULES[rule].at("subscriber.birth_on")
    if claim.patient is not None and (rule := _broken(claim.patient.birth_on, now_on, _OLDEST_BIRTH)):
        yield RULES[rule].at("patient.birth_on")
    for place, each in enumerate(claim.dates):
        if rule := _broken(each.from_on, now_on):
            yield RULES[rule].at(f"dates[{place}].from_on")
        if rule := _broken(each.to_on, now_on):
            yield RULES[rule].at(f"dates[{place}].to_on")
        if each.to_on is not None and each.from_on is not None and each.to_on < each.from_on:
            yield RULES["STRUCT-DATE-ORDER"].at(f"dates[{place}].to_on")
    if claim.claim_type == "institutional":
        if claim.dated("434") is None:
            yield RULES["STRUCT-STATEMENT-MISSING"].at("dates")
        if claim.facility_code in _INPATIENT and claim.dated("435") is None:
            yield RULES["STRUCT-ADMISSION-MISSING"].at("dates")


def _line(claim: Claim, place: int, line: ClaimLine) -> Iterator[Finding]:
    number, kind = line.number, claim.claim_type
    if line.charge_cents < 0:
        yield RULES["STRUCT-CHARGE-NEGATIVE"].at(f"lines[{place}].charge_cents", number)
    if not is_above_zero(line.units) and (line.units or kind != "dental"):
        yield RULES["STRUCT-UNITS"].at(f"lines[{place}].units", number)
    if kind == "institutional":
        if not line.revenue_code:
            yield RULES["STRUCT-REVENUE-MISSING"].at(f"lines[{place}].revenue_code", number)
    elif not line.procedure_code:
        yield RULES["STRUCT-PROCEDURE-MISSING"].at(f"lines[{place}].procedure_code", number)
    if line.procedure_code and line.qualifier not in _QUALIFIERS[kind]:
        yield RULES["STRUCT-QUALIFIER"].at(f"lines[{place}].qualifier", number)
    pointers = line.diagnosis_pointers
    if kind == "professional" and not pointers:
        yield RULES["STRUCT-POINTER-MISSING"].at(f"lines[{place}].diagnosis_pointers", number)
    elif len(pointers) > _POINTERS_MAX or (pointers and not 1 <= min(pointers) <= max(pointers) <= len(claim.diagnoses)):
        yield RULES["STRUCT-POINTER-RANGE"].at(f"lines[{place}].diagnosis_pointers", number)


def is_above_zero(units: str) -> bool:
    """Say whether units are a decimal number above zero."""
    whole, _, part = units.partition(".")
    return units.isascii() and (whole + part).isdecimal() and int(whole + part) > 0


def _line_dates(claim: Claim, place: int, line: ClaimLine, now_on: date) -> Iterator[Finding]:
    first, last, number = line.service_from_on, line.service_to_on, line.number
    if first is None:
        # A dental claim may tell the day for all its lines, a stay bills without days.
        dated = claim.claim_type == "institutional" or (claim.claim_type == "dental" and claim.dated("472") is not None)
        if not dated:
            yield RULES["STRUCT-DATE-MISSING"].at(f"lines[{place}].service_from_on", number)
        return
    if rule := _broken(first, now_on):
        yield RULES[rule].at(f"lines[{place}].service_from_on", number)
    if rule := _broken(last, now_on):
        yield RULES[rule].at(f"lines[{place}].service_to_on", number)
    if last is not None and last < first:
        yield RULES["STRUCT-DATE-ORDER"].at(f"lines[{place}].service_to_on", number)
    birth_on = claim.patient_or_subscriber.birth_on
    if birth_on is not None and first < birth_on <= now_on:
        yield RULES["STRUCT-DATE-BEFORE-BIRTH"].at(f"lines[{place}].service_from_on", number)
    if claim.claim_type == "institutional":
        statement = next((each for each in claim.dates if each.qualifier == "434"), None)
        if statement is not None and statement.from_on is not None:
            end = statement.to_on or statement.from_on
            if not statement.from_on <= first <= end:
                yield RULES["STRUCT-DATE-OUTSIDE-STATEMENT"].at(f"lines[{place}].service_from_on", number)


def _other_payers(claim: Claim) -> Iterator[Finding]:
    """Check the order of the payers, and that what each earlier one decided adds up."""
    taken = {claim.subscription.sequence}
    decided = False
    for place, other in enumerate(claim.other_payers):
        sequence = other.subscription.sequence
        if sequence and sequence in taken:
            yield RULES["STRUCT-COB-SEQUENCE"].at(f"other_payers[{place}].subscription.sequence")
        taken.add(sequence)
        if other.paid_cents is not None:
            decided = True
            yield from _other_payer_balance(claim, place)
    if claim.subscription.sequence in _SECONDARY and not decided:
        yield RULES["STRUCT-COB-MISSING"].at("other_payers")


def _other_payer_balance(claim: Claim, place: int) -> Iterator[Finding]:
    other = claim.other_payers[place]
    explained = (other.paid_cents or 0) + sum(each.amount_cents for each in other.adjustments)
    dated = other.adjudicated_on is not None
    for at, line in enumerate(claim.lines):
        told = [each for each in line.adjudications if each.payer_id == other.payer.payer_id]
        if not told:
            continue
        dated = dated or any(each.adjudicated_on is not None for each in told)
        adjusted = sum(adjustment.amount_cents for each in told for adjustment in each.adjustments)
        explained += adjusted
        difference = line.charge_cents - sum(each.paid_cents for each in told) - adjusted
        if difference:
            yield RULES["STRUCT-COB-LINE-BALANCE"].at(f"lines[{at}].adjudications", line.number, cents=difference)
    if claim.charge_cents != explained:
        yield RULES["STRUCT-COB-CLAIM-BALANCE"].at(f"other_payers[{place}].paid_cents", cents=claim.charge_cents - explained)
    if not dated:
        yield RULES["STRUCT-COB-DATE"].at(f"other_payers[{place}].adjudicated_on")
