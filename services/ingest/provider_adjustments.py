"""What the provider adjustments of a payment (PLB) mean, in our own words, and which claims they may name. Pure.

The payer's sign: positive lowers the payment, negative raises it. The same reference under opposite signs ties what was put off
to what is taken later.
"""

from typing import Final, Literal
from uuid import UUID

from libs.common.ids import claim_key

Kind = Literal[
    "recovery", "forward", "refund_acknowledged", "interest", "adjustment", "levy", "withhold", "interim_payment", "other"
]

_KINDS: Final[dict[str, Kind]] = {
    "WO": "recovery",
    "FB": "forward",
    "72": "refund_acknowledged",
    "L6": "interest",
    "CS": "adjustment",
    "LE": "levy",
    "IR": "levy",
    "E3": "withhold",
    "PI": "interim_payment",
}
_SHORTEST_NUMBER: Final = 4  # what is shorter names nothing


def kind_of(reason_code: str) -> Kind:
    """Return what a PLB reason is about; payers use many more codes than have a word here."""
    return _KINDS.get(reason_code, "other")


def numbers_in(reference: str) -> tuple[str, ...]:
    """Return what in a reference may be a claim's number: the whole of it, and its words, for some payers add a member or a day."""
    told = reference.strip()
    return tuple(dict.fromkeys(each for each in (told, *told.split()) if len(each) >= _SHORTEST_NUMBER))


def keys_in(tenant_id: str, reference: str) -> tuple[UUID, ...]:
    """Return the accounts that a reference may name."""
    return tuple(claim_key(tenant_id, number) for number in numbers_in(reference))
