"""NCCI: pairs of procedures that are not paid together (PTP), and units that are not likely (MUE), of the quarter of the service.

Source: the National Correct Coding Initiative's policy manual, chapter I, on modifier and adjudication indicators. Professional
claims are held against the practitioner tables, outpatient claims of institutions against the hospital ones.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from libs.x12.claim import Claim, ClaimLine
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import (
    MUE_HOSPITAL,
    MUE_PRACTITIONER,
    PTP_HOSPITAL,
    PTP_PRACTITIONER,
    PtpEdit,
    Reference,
)
from services.ingest.checks.rules import RULES
from services.ingest.checks.structure import is_above_zero

# Modifiers that tell services apart: of anatomy, of the global period, and the others of the policy manual.
_DISTINCT = frozenset(
    {
        "E1", "E2", "E3", "E4", "FA", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "TA", "T1", "T2", "T3", "T4", "T5",
        "T6", "T7", "T8", "T9", "LT", "RT", "LC", "LD", "RC", "LM", "RI", "24", "25", "27", "57", "58", "59", "78", "79", "91",
        "XE", "XP", "XS", "XU",
    }
)  # fmt: skip
_STAYS = ("11", "18", "21")  # inpatient bills are not held against NCCI


class _Service(NamedTuple):
    place: int
    line: ClaimLine
    on: date


def sets_of(claim: Claim) -> tuple[str, str] | None:
    """Return the PTP and MUE sets that a claim is held against; None where NCCI has nothing to say."""
    if claim.claim_type == "professional":
        return PTP_PRACTITIONER, MUE_PRACTITIONER
    if claim.claim_type == "institutional" and claim.facility_code not in _STAYS:
        return PTP_HOSPITAL, MUE_HOSPITAL
    return None


def check(claim: Claim, reference: Reference) -> Iterator[Finding]:
    """Yield pairs and units that a payer that follows NCCI refuses."""
    sets = sets_of(claim)
    if sets is None or not any(map(reference.releases.get, sets)):
        return
    by_day: dict[date, list[_Service]] = defaultdict(list)
    for place, line in enumerate(claim.lines):
        if line.procedure_code and line.qualifier == "HC" and line.service_from_on is not None:
            by_day[line.service_from_on].append(_Service(place, line, line.service_from_on))
    pairs, units = sets
    for day, services in by_day.items():
        release = reference.release_on(pairs, day) if len(services) > 1 else None
        if release is not None:
            yield from _pairs(services, reference, release)
        release = reference.release_on(units, day)
        if release is not None:
            yield from _units(services, reference, release)


def _pairs(services: Sequence[_Service], reference: Reference, release: int) -> Iterator[Finding]:
    """Look at each pair of different codes of a day once; a repeated code is told by its first line."""
    by_code: dict[str, list[_Service]] = defaultdict(list)
    for each in services:
        by_code[each.line.procedure_code].append(each)
    for column_1, first in by_code.items():
        for column_2, second in by_code.items():
            edits = reference.ptp.get((release, column_1, column_2)) if column_1 != column_2 else None
            indicator = _indicator(edits, first[0].on) if edits else None
            if indicator == "0":
                for each in second:
                    yield _pair("NCCI-PTP-NEVER", first[0], each)
            elif indicator == "1" and not any(_DISTINCT.intersection(each.line.modifiers) for each in first):
                for each in second:
                    if not _DISTINCT.intersection(each.line.modifiers):
                        yield _pair("NCCI-PTP-MODIFIER", first[0], each)


def _pair(rule_id: str, first: _Service, second: _Service) -> Finding:
    path = f"lines[{second.place}].procedure_code"
    return RULES[rule_id].at(path, second.line.number, other=first.line.number)


def _indicator(edits: Sequence[PtpEdit], on: date) -> str | None:
    """Return the modifier indicator of the edit that holds on a day; an edit's last day still counts."""
    return next((each.indicator for each in edits if each.begins_on <= on and (each.ends_on is None or on <= each.ends_on)), None)


def _units(services: Sequence[_Service], reference: Reference, release: int) -> Iterator[Finding]:
    totals: dict[str, int] = defaultdict(int)
    last: dict[str, _Service] = {}
    for each in services:
        limit = reference.mue.get((release, each.line.procedure_code))
        if limit is None or not is_above_zero(each.line.units):
            continue
        units = _units_a_day(each.line)
        totals[each.line.procedure_code] += units
        last[each.line.procedure_code] = each
        if limit.indicator == "1" and units > limit.units:
            yield RULES["NCCI-MUE-LINE"].at(f"lines[{each.place}].units", each.line.number, units=units, most=limit.units)
    for code, each in last.items():
        limit = reference.mue[release, code]
        if limit.indicator != "1" and totals[code] > limit.units:
            rule = RULES["NCCI-MUE-DAY" if limit.indicator == "2" else "NCCI-MUE-DAY-CLINICAL"]
            yield rule.at(f"lines[{each.place}].units", each.line.number, units=totals[code], most=limit.units)


def _units_a_day(line: ClaimLine) -> int:
    """Return a line's units, spread over its days and rounded to the nearest whole, as NCCI counts them; halves go up."""
    first, last = line.service_from_on, line.service_to_on
    days = 1 if first is None or last is None else max((last - first) // timedelta(days=1) + 1, 1)
    whole, _, part = line.units.partition(".")
    scale: int = 10 ** len(part)
    return (2 * int(whole + part) + days * scale) // (2 * days * scale)
