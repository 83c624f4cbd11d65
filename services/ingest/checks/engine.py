"""The check: every family of rules over one claim. Pure: what it must know of the world is brought to it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from libs.x12.claim import Claim
from services.ingest.checks import codes, duplicates, identifiers, ncci, payer_rules, structure
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import EarlierLine, Reference

_FINDINGS_MAX = 500  # a claim of 999 lines that are all wrong says enough with these


def check(claim: Claim, reference: Reference, now_on: date, earlier: Sequence[EarlierLine] = ()) -> tuple[Finding, ...]:
    """Return what is wrong with a claim, errors first, at most 500 findings.

    `reference` must have been asked for this claim's codes (loading.py); `earlier` are lines of the same member's earlier claims.
    A claim that tells no day of service is taken to be of the day of the check.
    """
    on = claim.service_from_on or now_on
    found = _families(claim, reference, earlier, on, now_on)
    return tuple(sorted(found, key=_rank)[:_FINDINGS_MAX])


def _families(claim: Claim, reference: Reference, earlier: Sequence[EarlierLine], on: date, now_on: date) -> Iterator[Finding]:
    yield from structure.check(claim, now_on)
    yield from identifiers.check(claim, reference, on)
    yield from codes.check(claim, reference, on)
    yield from ncci.check(claim, reference)
    yield from payer_rules.check(claim, reference, earlier, on, now_on)
    yield from duplicates.check(claim, earlier, on)


_RANKS: Final = {"error": 0, "warning": 1, "info": 2}


def _rank(finding: Finding) -> int:
    return _RANKS[finding.severity]
