"""Who bills: practices with their identifiers and addresses, and the people who work in them. All invented, all valid in shape."""

from typing import Final

from msgspec import Struct

from libs.synthetic.specialties import SPECIALTIES, Specialty
from libs.x12.claim import Address, Provider, Reference

_NPI_PREFIX = "80840"  # of the card issuers that NPIs are numbered as
_RENDERING_OF_EACH = 4
_CODERS_OF_EACH = 2


def npi(number: int) -> str:
    """Return the NPI whose first nine digits are this number: the last is its check digit (Luhn, after 80840)."""
    digits = f"{number:09d}"
    doubled = 0
    for place, digit in enumerate(reversed(_NPI_PREFIX + digits)):
        value = int(digit) * (1 if place % 2 else 2)
        doubled += value - 9 if value > 9 else value  # noqa: PLR2004 - two digits
    return f"{digits}{-doubled % 10}"


class Practice(Struct, frozen=True):
    """One billing provider; `coders` make its claims ready, each for some of its rendering providers."""

    specialty: Specialty
    billing: Provider
    rendering: tuple[Provider, ...]
    orderer: Provider
    coders: tuple[str, ...]

    def coder_of(self, rendering: Provider) -> str:
        return self.coders[self.rendering.index(rendering) % len(self.coders)]


def _person(entity_code: str, number: int, taxonomy_code: str = "") -> Provider:
    return Provider(
        entity_code,
        name=f"PROVIDER{number % 1000:03d}",
        first_name=f"GIVEN{number % 37:02d}",
        is_person=True,
        npi=npi(number),
        taxonomy_code=taxonomy_code,
    )


def _practice(place: int, specialty: Specialty) -> Practice:
    institutional = specialty.claim_type == "institutional"
    first = 120_000_000 + place * 1_000
    billing = Provider(
        "85",
        name=f"RIVERBEND {specialty.name.upper()}",
        npi=npi(first),
        taxonomy_code=specialty.taxonomy_code,
        address=Address(f"{100 + place} WHARF STREET", "", "RIVERBEND", "OH", f"{45000 + place}9998"),
        references=(Reference("EI", f"99{1_000_003 + place * 7_919:07d}"),),
    )
    entity_code = "71" if institutional else "82"
    return Practice(
        specialty,
        billing,
        tuple(_person(entity_code, first + number, specialty.taxonomy_code) for number in range(1, _RENDERING_OF_EACH + 1)),
        _person("DN", 130_000_000 + place),
        tuple(f"CODER{place * _CODERS_OF_EACH + number + 1:02d}" for number in range(_CODERS_OF_EACH)),
    )


PRACTICES: Final = tuple(_practice(place, specialty) for place, specialty in enumerate(SPECIALTIES))
