"""Root causes, held against planted ones: synthetic years, each with ten causes of all shapes.

A part of `python -m tests.bench insight`. A plant with at least 30 affected claims is found when a finding of its category covers
at least half of these claims, and at least half of the claims that the finding covers in its own stretch of days are that plant's.
A finding is planted when at least half of the refused claims that it covers are those of plants. Each refused claim has one cause;
where that is about whole claims, lines beside the plant's own are refused with them. `recall_by_lines` counts refused lines and not
claims, those that a finding covers as its dollars do: what its conditions fit, and what is refused beside it for the same category.
`recall_by_fitting_lines` counts what the conditions fit alone: no condition can say the lines beside.
"""

import argparse
import time
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np

from libs.synthetic.years import Answered, Year, affected
from services.analytics.causes.findings import Finding, findings
from services.analytics.causes.outcomes import NOT_REFUSED, Words, number_of, reason_number
from services.analytics.causes.search import Limits
from services.analytics.causes.table import Flags, Gathered, Ints, Table, number_of_day

FIRST_ON: Final = date(2025, 1, 1)
YEARS: Final = 20
CLAIMS: Final = 40_000
_AFFECTED_MIN: Final = 30


def table_of(claims: Sequence[Answered]) -> tuple[Table, Ints]:
    """Return claims as the search reads them, and which plant refused each line; -1: none."""
    subjects: dict[int, tuple[str, ...]] = {}
    services: dict[int, str] = {}
    reasons = {0: NOT_REFUSED}
    rows, planted = [], []
    for claim in claims:
        subject = (
            claim.payer,
            claim.facility,
            claim.provider,
            claim.place,
            "professional",
            claim.authorization,
            claim.diagnosis,
            claim.coder,
        )
        number = number_of(subject)
        subjects[number] = subject
        for line in claim.lines:
            service = ":".join((line.procedure, *line.modifiers))
            reason = (line.category, line.carc)
            services[number_of((service,))] = service
            reasons[reason_number(reason)] = reason
            cents = line.cents if line.category else 0
            rows.append((claim.number, number, number_of((service,)), reason_number(reason), number_of_day(claim.day), cents))
            planted.append(-1 if line.planted_by is None else line.planted_by)
    gathered = Gathered(Words(subjects, services, reasons), {})
    gathered.add_rows(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))
    return gathered.table(), np.array(planted)


def covered(claims: Sequence[Answered], finding: Finding) -> Flags:
    """Say of each line whether a finding is about it: its conditions, its days, refused for its category."""
    told = finding.named.told
    modifier, procedure = told.pop("modifier", None), told.pop("procedure", None)
    found = []
    for claim in claims:
        about = all(getattr(claim, name) == value for name, value in told.items())
        about = about and not (finding.began_on and claim.day < finding.began_on)
        about = about and not (finding.ended_on and claim.day >= finding.ended_on)
        for line in claim.lines:
            fits = about and procedure in (None, line.procedure)
            fits = fits and (modifier is None or modifier in line.modifiers or (modifier == "none" and not line.modifiers))
            found.append(fits and line.category == finding.named.category)
    return np.array(found)


def year(seed: int, claims_count: int) -> dict[str, Any]:
    """Search one year, and say what was found of what was planted."""
    drawn = Year(seed, claims_count, FIRST_ON)
    claims = list(drawn.answered())
    table, planted = table_of(claims)
    begun = time.process_time()
    found = findings(table, Limits())
    seconds = time.process_time() - begun
    counts = affected(claims)
    fitting = [covered(claims, each) for each in found]
    claim = np.repeat(np.arange(len(claims)), [len(each.lines) for each in claims])
    flags = [_claims_of(claim, each) for each in fitting]
    category = np.array([line.category for each in claims for line in each.lines])
    by_line = [about[claim] & (category == each.named.category) for about, each in zip(flags, found, strict=True)]
    is_planted = _claims_of(claim, planted >= 0)
    of_plants = [bool(is_planted[each].mean() >= 1 / 2) if each.any() else False for each in flags]
    wanted = [each for each in drawn.planted if counts.get(each.number, 0) >= _AFFECTED_MIN]
    hits, hits_by_line, hits_fitting, late, same = 0, 0, 0, [], 0
    for plant in wanted:
        own_lines = planted == plant.number
        own = _claims_of(claim, own_lines)
        told = [place for place, each in enumerate(found) if each.named.category == plant.category]
        hits_by_line += any(_is_about(by_line[place], own_lines) for place in told)
        hits_fitting += any(_is_about(fitting[place], own_lines) for place in told)
        for finding, each in ((found[place], flags[place]) for place in told):
            if _is_about(each, own):
                hits += 1
                same += finding.named.conditions == plant.conditions
                if plant.from_on > FIRST_ON:
                    late.append(abs(((finding.began_on or FIRST_ON) - plant.from_on).days))
                break
    return {
        "planted": len(wanted), "found": hits, "found_by_line": hits_by_line, "found_by_fitting_line": hits_fitting, "same": same,
        "findings": len(found), "unplanted": of_plants.count(False), "days_off": late, "seconds": seconds, "lines": len(table),
    }  # fmt: skip


def _claims_of(claim: Ints, lines: Flags) -> Flags:
    """Say of each claim whether one of its lines is among some."""
    found: Flags = np.bincount(claim, lines) > 0
    return found


def _is_about(covered: Flags, own: Flags) -> bool:
    """Say whether what a finding covers is half of a plant's own or more, and the plant's half of it."""
    both = (covered & own).sum()
    return bool(both >= own.sum() / 2 and both >= covered.sum() / 2)


def causes(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of root causes."""
    years = [year(chosen.seed + place, CLAIMS) for place in range(YEARS)]
    planted, found = sum(each["planted"] for each in years), sum(each["found"] for each in years)
    told, unplanted = sum(each["findings"] for each in years), sum(each["unplanted"] for each in years)
    off = sorted(days for each in years for days in each["days_off"])
    return {
        "years": YEARS,
        "claims_a_year": CLAIMS,
        "planted_with_30_claims": planted,
        "recall": round(found / planted, 4),
        "recall_by_lines": round(sum(each["found_by_line"] for each in years) / planted, 4),
        "recall_by_fitting_lines": round(sum(each["found_by_fitting_line"] for each in years) / planted, 4),
        "in_the_planted_words": round(sum(each["same"] for each in years) / planted, 4),
        "findings": told,
        "unplanted_share": round(unplanted / told, 4),
        "began_days_off_median": off[len(off) // 2],
        "began_days_off_p90": off[len(off) * 9 // 10],
        "search_cpu_seconds_a_year": round(sum(each["seconds"] for each in years) / YEARS, 2),
    }
