"""Where a canonical path stands: its segment and element in an 837, and its JSON pointer.

One table. A path names fields of libs.x12.claim with places counted from 0; the table knows them without their places.
"""

import re
from typing import Final, NamedTuple

from libs.x12.claim import ClaimType

_PLACE = re.compile(r"\[(\d+)\]")


class Element(NamedTuple):
    """A loop of the guides and an element in it: 2400 and SV101-2."""

    loop: str
    element: str


_PERSON: Final = {
    "last_name": "NM103", "member_id": "NM109", "birth_on": "DMG02", "sex": "DMG03",
    "address": "N301", "address.postal_code": "N403",
}  # fmt: skip
_PROVIDER: Final = {
    "name": "NM103", "npi": "NM109", "taxonomy_code": "PRV03", "tax_id": "REF02", "address": "N301", "address.postal_code": "N403",
}  # fmt: skip
_ELEMENTS: Final[dict[str, Element]] = {
    **{f"billing_provider.{field}": Element("2010AA", element) for field, element in _PROVIDER.items()},
    "billing_provider.taxonomy_code": Element("2000A", "PRV03"),
    **{f"subscriber.{field}": Element("2010BA", element) for field, element in _PERSON.items()},
    **{f"patient.{field}": Element("2010CA", element) for field, element in _PERSON.items()},
    **{f"providers[].{field}": Element("2310", element) for field, element in _PROVIDER.items()},
    **{f"lines[].providers[].{field}": Element("2420", element) for field, element in _PROVIDER.items()},
    "subscription.sequence": Element("2000B", "SBR01"),
    "subscription.claim_filing_code": Element("2000B", "SBR09"),
    "payer.name": Element("2010BB", "NM103"),
    "payer.payer_id": Element("2010BB", "NM109"),
    "patient_control_number": Element("2300", "CLM01"),
    "charge_cents": Element("2300", "CLM02"),
    "facility_code": Element("2300", "CLM05-1"),
    "frequency_code": Element("2300", "CLM05-3"),
    "lines": Element("2400", "LX01"),
    "diagnoses": Element("2300", "HI01"),
    "diagnoses[].code": Element("2300", "HI{1:02}-2"),
    "diagnoses[].qualifier": Element("2300", "HI{1:02}-1"),
    "dates": Element("2300", "DTP03"),
    "dates[].from_on": Element("2300", "DTP03"),
    "dates[].to_on": Element("2300", "DTP03"),
    "references": Element("2300", "REF02"),
    "attachments": Element("2300", "PWK01"),
    "providers": Element("2310", "NM101"),
    "other_payers": Element("2320", "SBR01"),
    "other_payers[].subscription.sequence": Element("2320", "SBR01"),
    "other_payers[].paid_cents": Element("2320", "AMT02"),
    "other_payers[].adjudicated_on": Element("2330B", "DTP03"),
    "lines[].number": Element("2400", "LX01"),
    "lines[].service_from_on": Element("2400", "DTP03"),
    "lines[].service_to_on": Element("2400", "DTP03"),
    "lines[].line_control_number": Element("2400", "REF02"),
    "lines[].references": Element("2400", "REF02"),
    "lines[].adjudications": Element("2430", "SVD02"),
}
# What stands elsewhere in each kind of claim: SV1, SV2 or SV3.
_BY_TYPE: Final[dict[ClaimType, dict[str, str]]] = {
    "professional": {
        "qualifier": "SV101-1", "procedure_code": "SV101-2", "modifiers": "SV101-3", "charge_cents": "SV102", "unit": "SV103",
        "units": "SV104", "place_of_service": "SV105", "diagnosis_pointers": "SV107",
    },
    "institutional": {
        "revenue_code": "SV201", "qualifier": "SV202-1", "procedure_code": "SV202-2", "modifiers": "SV202-3",
        "charge_cents": "SV203", "unit": "SV204", "units": "SV205",
    },
    "dental": {
        "qualifier": "SV301-1", "procedure_code": "SV301-2", "modifiers": "SV301-3", "charge_cents": "SV302",
        "place_of_service": "SV303", "units": "SV306", "diagnosis_pointers": "SV311",
    },
}  # fmt: skip

# For what a kind of claim has no element for: JSON may say it all the same.
_SEGMENTS: Final[dict[ClaimType, str]] = {"professional": "SV1", "institutional": "SV2", "dental": "SV3"}


def element_of(path: str, claim_type: ClaimType) -> Element:
    """Return loop and element of a path in one kind of claim. Errors: KeyError when the table does not know it."""
    bare = _PLACE.sub("[]", path)
    known = _ELEMENTS.get(bare)
    if known is None:
        name = bare.removeprefix("lines[].")
        if not any(name in each for each in _BY_TYPE.values()):
            raise KeyError(path)
        known = Element("2400", _BY_TYPE[claim_type].get(name, _SEGMENTS[claim_type]))
    if "{" in known.element:
        # Twelve composites a segment: the thirteenth stands first in the next one.
        place = int(_PLACE.findall(path)[-1])
        return Element(known.loop, known.element.format(place, place % 12 + 1))
    return known


def pointer_of(path: str) -> str:
    """Return the JSON pointer (RFC 6901) of a path in the body of a claim."""
    return "/" + _PLACE.sub(r"/\1", path).replace(".", "/")
