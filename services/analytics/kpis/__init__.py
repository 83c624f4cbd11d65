"""KPIs as arithmetic over counted facts: pure, and defined where they are computed."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

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


Sums = tuple[int, int]  # count, amount
Groups = Mapping[tuple[str, ...], Sums]
NOTHING: Final[Sums] = (0, 0)


def whole(groups: Groups) -> Sums:
    """Return the sums of what was not grouped."""
    return groups.get((), NOTHING)


def together(groups: Groups) -> Sums:
    """Return the sums of all groups."""
    return sum(count for count, _ in groups.values()), sum(amount for _, amount in groups.values())


def less(groups: Groups, part: Groups) -> Groups:
    """Return the sums of groups without those of a part of each."""
    return {
        key: (told[0] - taken[0], told[1] - taken[1])
        for key in groups.keys() | part.keys()
        for told, taken in [(groups.get(key, NOTHING), part.get(key, NOTHING))]
    }


def rate(key: str, label: str, adjudicated: Sums, denied: Sums) -> Rate:
    claims, charge_cents = adjudicated
    denied_claims, denied_cents = denied
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


def rates(adjudicated: Groups, denied: Groups, labels: Mapping[str, str], against: Sums | None = None) -> list[Rate]:
    """Join both counts by group. Where adjudicated claims have no such groups, every group is measured `against` all of them."""
    return [
        rate(
            key[0],
            labels.get(key[0], key[0]),
            adjudicated.get(key, NOTHING) if against is None else against,
            denied.get(key, NOTHING),
        )
        for key in sorted(adjudicated.keys() | denied.keys())
    ]
