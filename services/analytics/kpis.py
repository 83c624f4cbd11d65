"""KPIs as arithmetic over counted facts: pure, and defined where they are computed."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from msgspec import Struct

DENIAL_RATE_DEFINITION: Final = (
    "By claims: adjudicated claims with an active denial / adjudicated claims. By dollars: refused cents / charged cents of the"
    " same claims. The day is the payment date. Reversals (CLP02 22), what they undo, and predeterminations (25) count on neither"
    " side; contractual adjustments and patient shares are no denials; each CLP counts as a claim."
)


class Rate(Struct, frozen=True):
    """One group's counts and rates; rates are rounded to six places and 0 where nothing was adjudicated."""

    key: str
    label: str
    claims: int
    denied_claims: int
    denial_rate_claims: float
    charge_cents: int
    denied_cents: int
    denial_rate_dollars: float


def ratio(part: int, whole: int) -> float:
    """Return part / whole to six places, exactly rounded."""
    if whole == 0:
        return 0.0
    return float((Decimal(part) / Decimal(whole)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN))


def rate(key: str, label: str, adjudicated: Mapping[Any, Any], denied: Mapping[Any, Any]) -> Rate:
    claims, charge_cents = adjudicated.get("claims", 0), adjudicated.get("charge_cents", 0)
    denied_claims, denied_cents = denied.get("claims", 0), denied.get("denied_cents", 0)
    return Rate(
        key,
        label,
        claims,
        denied_claims,
        ratio(denied_claims, claims),
        charge_cents,
        denied_cents,
        ratio(denied_cents, charge_cents),
    )


def rates(
    adjudicated: Iterable[Mapping[Any, Any]], denied: Iterable[Mapping[Any, Any]], whole: Mapping[Any, Any] | None = None
) -> list[Rate]:
    """Join both counts by group. With `whole` (groups that adjudicated claims do not have) every group is measured against it."""
    counted = {row["key"]: row for row in adjudicated}
    refused = {row["key"]: row for row in denied}
    keys = sorted(refused if whole is not None else {*counted, *refused})
    found = []
    for key in keys:
        base = whole if whole is not None else counted.get(key, {})
        label = (counted.get(key) or refused.get(key) or {}).get("label", key)
        found.append(rate(key, label, base, refused.get(key, {})))
    return found
