"""Identifiers: NPI with its check digit, taxonomy, tax id, ZIP code, payer and member ids against what is known of the payer."""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final

from libs.x12.claim import Claim, Provider
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import TAXONOMY, Reference
from services.ingest.checks.rules import RULES

_TAXONOMY = re.compile(r"[0-9A-Z]{9}X")
_NPI_FIRST = ("1", "2")
_NPI_DIGITS, _TAX_ID_DIGITS = 10, 9
_SERVICE_FACILITY = "77"
# The sum of the digits of a number doubled: every second digit counts so.
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_PREFIX_SUM = 24  # what the prefix 80840 adds to the sum of an NPI's digits


def is_npi(npi: str) -> bool:
    """Say whether ten digits carry the right check digit (Luhn, with 80840 before them)."""
    digits = [int(digit) for digit in npi]
    return (_PREFIX_SUM + sum(digits[1::2]) + sum(_DOUBLED[digit] for digit in digits[::2])) % 10 == 0


def has_npi_shape(npi: str) -> bool:
    return len(npi) == _NPI_DIGITS and npi.isascii() and npi.isdecimal() and npi.startswith(_NPI_FIRST)


@lru_cache(maxsize=10_000)  # those of a practice come with each of its claims
def _broken(npi: str) -> str:
    """Return the rule that an NPI breaks; empty for none."""
    if not has_npi_shape(npi):
        return "ID-NPI-SHAPE"
    return "" if is_npi(npi) else "ID-NPI-CHECKDIGIT"


def check(claim: Claim, reference: Reference, on: date) -> Iterator[Finding]:
    """Yield what is wrong with a claim's identifiers. `on` is the day of service."""
    billing = claim.billing_provider
    if not billing.npi and not billing.id:
        yield RULES["ID-NPI-MISSING"].at("billing_provider.npi")
    yield from _provider(billing, "billing_provider", None, reference, on)
    yield from _tax_id(billing)
    yield from _zip(billing, "billing_provider", asked=True)
    for place, each in enumerate(claim.providers):
        yield from _provider(each, f"providers[{place}]", None, reference, on)
        if each.address is not None:
            yield from _zip(each, f"providers[{place}]", asked=each.entity_code == _SERVICE_FACILITY)
    for at, line in enumerate(claim.lines):
        for place, each in enumerate(line.providers):
            yield from _provider(each, f"lines[{at}].providers[{place}]", line.number, reference, on)
    yield from _payer(claim, reference, on)


def _provider(provider: Provider, path: str, line: int | None, reference: Reference, on: date) -> Iterator[Finding]:
    npi, taxonomy = provider.npi, provider.taxonomy_code
    if npi and (rule := _broken(npi)):
        yield RULES[rule].at(f"{path}.npi", line)
    if taxonomy:
        if not _TAXONOMY.fullmatch(taxonomy):
            yield RULES["ID-TAXONOMY-SHAPE"].at(f"{path}.taxonomy_code", line)
        else:
            release = reference.release_on(TAXONOMY, on)
            if release is not None and (release, taxonomy) not in reference.codes:
                yield RULES["ID-TAXONOMY-UNKNOWN"].at(f"{path}.taxonomy_code", line)


def _tax_id(billing: Provider) -> Iterator[Finding]:
    told = billing.tax_id.replace("-", "")
    if not told:
        yield RULES["ID-TAX-ID-MISSING"].at("billing_provider.tax_id")
    elif len(told) != _TAX_ID_DIGITS or not (told.isascii() and told.isdecimal()):
        yield RULES["ID-TAX-ID-SHAPE"].at("billing_provider.tax_id")


def _zip(provider: Provider, path: str, *, asked: bool) -> Iterator[Finding]:
    address = provider.address
    if address is None or address.country not in ("", "US") or (not address.postal_code and not asked):
        return
    told = address.postal_code
    if len(told) not in (5, 9) or not (told.isascii() and told.isdecimal()):
        yield RULES["ID-ZIP-SHAPE"].at(f"{path}.address.postal_code")
    elif asked and len(told) == 5:  # noqa: PLR2004 - the digits before the plus
        yield RULES["ID-ZIP-PLUS4"].at(f"{path}.address.postal_code")


def _payer(claim: Claim, reference: Reference, on: date) -> Iterator[Finding]:
    payer_id, member_id = claim.payer.payer_id, claim.subscriber.member_id
    if not payer_id or not reference.known_payers:
        return
    if payer_id not in reference.known_payers:
        yield RULES["ID-PAYER-UNKNOWN"].at("payer.payer_id")
        return
    told = [each for each in reference.payers.get(payer_id, ()) if each.kind == "member_id" and each.holds_on(on)]
    if told and member_id and not any(pattern_of(each).fullmatch(member_id) for rule in told for each in rule.patterns):
        yield RULES["ID-MEMBER-PATTERN"].at("subscriber.member_id")


@lru_cache(maxsize=1000)
def pattern_of(told: str) -> re.Pattern[str]:
    """Read a pattern of member ids: a is a letter, 9 a digit, * either; everything else stands for itself.

    No regular expression is taken from outside: one can be written that never ends.
    """
    return re.compile("".join({"a": "[A-Za-z]", "9": "[0-9]", "*": "[A-Za-z0-9]"}.get(each, re.escape(each)) for each in told))
