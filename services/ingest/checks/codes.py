"""Codes (SNIP 5): their shape always; whether they exist and hold on the day of service where the set is loaded."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache

from libs.x12.claim import Claim, ClaimLine
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import HCPCS, ICD10CM, MODIFIER, Reference
from services.ingest.checks.rules import RULES

_DIAGNOSIS = re.compile(r"[A-Z][0-9][0-9A-Z]{1,5}")
_HCPCS = re.compile(r"[A-Z0-9][0-9]{3}[0-9A-Z]")
_LEVEL_TWO = re.compile(r"[A-CE-Z][0-9]{4}")  # D is dental, and not in the public file
_CDT = re.compile(r"D[0-9]{4}")
_MODIFIER = re.compile(r"[0-9A-Z]{2}")
_LEVEL_TWO_MODIFIER = re.compile(r"[A-OQ-Z][0-9A-Z]|P[A-Z]")  # those of level I are not in the public file
_REVENUE = re.compile(r"[0-9]{4}")
_TWO_DIGITS = re.compile(r"[0-9]{2}")
_MODIFIERS_MAX = 4
_ICD9 = frozenset({"BK", "BF", "BJ", "PR", "BN"})
_ICD10_BEGINS = date(2015, 10, 1)


def check(claim: Claim, reference: Reference, on: date) -> Iterator[Finding]:
    """Yield what is wrong with a claim's codes. `on` is the day of service, of the claim where a line has none."""
    shape = "CODE-BILL-TYPE-SHAPE" if claim.claim_type == "institutional" else "CODE-PLACE-SHAPE"
    if claim.facility_code and not _TWO_DIGITS.fullmatch(claim.facility_code):
        yield RULES[shape].at("facility_code")
    yield from _diagnoses(claim, reference, on)
    for place, line in enumerate(claim.lines):
        yield from _procedure(place, line, reference, line.service_from_on or on)
        if line.modifiers:
            yield from _modifiers(place, line)
            if line.qualifier == "HC" and not _are_known(line.modifiers, reference, line.service_from_on or on):
                yield RULES["CODE-MODIFIER-UNKNOWN"].at(f"lines[{place}].modifiers", line.number)
        if line.revenue_code and not _REVENUE.fullmatch(line.revenue_code):
            yield RULES["CODE-REVENUE-SHAPE"].at(f"lines[{place}].revenue_code", line.number)
        if line.place_of_service and not _TWO_DIGITS.fullmatch(line.place_of_service):
            yield RULES["CODE-PLACE-SHAPE"].at(f"lines[{place}].place_of_service", line.number)


def _diagnoses(claim: Claim, reference: Reference, on: date) -> Iterator[Finding]:
    # A stay is coded by the day of discharge, everything else by the day of service.
    on = (claim.service_to_on or on) if claim.claim_type == "institutional" else on
    release = reference.release_on(ICD10CM, on)
    for place, each in enumerate(claim.diagnoses):
        if each.qualifier in _ICD9:
            if on >= _ICD10_BEGINS:
                yield RULES["CODE-DIAGNOSIS-ICD9"].at(f"diagnoses[{place}].qualifier")
        elif "." in each.code:
            yield RULES["CODE-DIAGNOSIS-DOT"].at(f"diagnoses[{place}].code")
        elif not _is(_DIAGNOSIS, each.code):
            yield RULES["CODE-DIAGNOSIS-SHAPE"].at(f"diagnoses[{place}].code")
        elif release is not None:
            entry = reference.codes.get((release, each.code))
            if entry is None:
                yield RULES["CODE-DIAGNOSIS-UNKNOWN"].at(f"diagnoses[{place}].code")
            elif not entry.billable:
                yield RULES["CODE-DIAGNOSIS-HEADER"].at(f"diagnoses[{place}].code")


def _procedure(place: int, line: ClaimLine, reference: Reference, on: date) -> Iterator[Finding]:
    code, path = line.procedure_code, f"lines[{place}].procedure_code"
    if not code:
        return
    if line.qualifier == "AD":
        if not _is(_CDT, code):
            yield RULES["CODE-CDT-SHAPE"].at(path, line.number)
    elif line.qualifier == "HC":
        if not _is(_HCPCS, code):
            yield RULES["CODE-PROCEDURE-SHAPE"].at(path, line.number)
        elif _is(_LEVEL_TWO, code) and (release := reference.release_on(HCPCS, on)) is not None:
            entry = reference.codes.get((release, code))
            if entry is None:
                yield RULES["CODE-PROCEDURE-UNKNOWN"].at(path, line.number)
            elif on < (entry.valid_from or on) or on > (entry.valid_to or on):
                yield RULES["CODE-PROCEDURE-NOT-VALID"].at(path, line.number)


@lru_cache(maxsize=50_000)
def _is(shape: re.Pattern[str], code: str) -> bool:
    return shape.fullmatch(code) is not None


def _modifiers(place: int, line: ClaimLine) -> Iterator[Finding]:
    path = f"lines[{place}].modifiers"
    if len(line.modifiers) > _MODIFIERS_MAX:
        yield RULES["CODE-MODIFIERS-MAX"].at(path, line.number)
    if not all(_MODIFIER.fullmatch(each) for each in line.modifiers):
        yield RULES["CODE-MODIFIER-SHAPE"].at(path, line.number)
    if len(set(line.modifiers)) < len(line.modifiers):
        yield RULES["CODE-MODIFIER-REPEATED"].at(path, line.number)


def _are_known(modifiers: Iterable[str], reference: Reference, on: date) -> bool:
    """Say whether all modifiers of level II are in the release and hold on a day; a release without any says nothing of them."""
    release = reference.release_on(HCPCS, on)
    if release is None or (release, MODIFIER) not in reference.codes:
        return True
    for each in modifiers:
        if _is(_LEVEL_TWO_MODIFIER, each):
            entry = reference.codes.get((release, MODIFIER + each))
            if entry is None or on < (entry.valid_from or on) or on > (entry.valid_to or on):
                return False
    return True
