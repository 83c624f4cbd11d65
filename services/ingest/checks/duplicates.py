"""Duplicates: lines that were submitted before for the same member, day and procedure, exactly or nearly.

Replacements and voids are meant to repeat; so is a line whose modifier says that the service was repeated or distinct. A line
without a procedure, as stays have them, is known by its revenue code, and only exactly: rooms come again on another bill.
Source: what Medicare compares (Claims Processing Manual, chapter 1, section 120, on duplicates).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from uuid import UUID

from libs.x12.claim import REPLACEMENT, VOID, Claim, ClaimLine
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import EarlierLine
from services.ingest.checks.rules import RULES

_DISTINCT = frozenset({"59", "76", "77", "91", "XE", "XP", "XS", "XU"})


def provider_of(claim: Claim) -> str:
    """Return the NPI of who did it: the rendering provider's, else the billing provider's."""
    rendering = claim.provider("82")
    return (rendering.npi if rendering else "") or claim.billing_provider.npi


def check(claim: Claim, earlier: Sequence[EarlierLine], on: date) -> Iterator[Finding]:
    """Yield lines that repeat a line of an earlier claim. `on` is the day of lines that tell none."""
    if not earlier or claim.frequency_code in (REPLACEMENT, VOID):
        return
    by_service: dict[tuple[date, str], list[EarlierLine]] = defaultdict(list)
    for each in earlier:
        by_service[each.service_on, each.procedure_code or each.revenue_code].append(each)
    provider_npi = provider_of(claim)
    for place, line in enumerate(claim.lines):
        code = line.procedure_code or line.revenue_code
        before = by_service.get((line.service_from_on or on, code)) if code else None
        if before and not _DISTINCT.intersection(line.modifiers):
            exact = any(_is_same(line, provider_npi, each) for each in before)
            if exact or line.procedure_code:
                path = f"lines[{place}].{'procedure_code' if line.procedure_code else 'revenue_code'}"
                yield RULES["DUP-EXACT" if exact else "DUP-NEAR"].at(path, line.number)


def _is_same(line: ClaimLine, provider_npi: str, earlier: EarlierLine) -> bool:
    return (
        provider_npi == earlier.provider_npi
        and line.charge_cents == earlier.charge_cents
        and sorted(line.modifiers) == sorted(earlier.modifiers)
    )


def lines_of(claim: Claim, claim_id: UUID, on: date) -> list[EarlierLine]:
    """Return a claim's lines as claims after it will see them."""
    provider_npi = provider_of(claim)
    return [
        EarlierLine(
            claim_id,
            line.service_from_on or on,
            line.procedure_code,
            line.modifiers,
            provider_npi,
            line.charge_cents,
            line.revenue_code,
        )
        for line in claim.lines
        if line.procedure_code or line.revenue_code
    ]
