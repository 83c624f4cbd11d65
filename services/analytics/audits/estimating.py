"""What a reviewed sample says of the whole population: a share in error, by denials and by dollars, with its interval. Pure.

A share is estimated by weights that undo unequal chances, stratum by stratum. Its interval is Jeffreys' for a binomial share, whose
number of trials is the number that a simple sample would need for the same variance: finite-population corrected, with strata and
unequal chances and amounts counted in. The part of that which has to be estimated from the errors themselves is believed the more,
the more errors there are: with one or two of them it is hardly known, and an interval made of it would be too narrow.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from services.analytics.audits.quantiles import beta_quantile
from services.analytics.audits.sampling import Stratum

_BELIEF: Final = 10.0  # so many errors give the variance that is seen the same say as the one that is expected
_CERTAIN: Final = 1e-12


class Item(Struct, frozen=True):
    """A reviewed item: whether it is in error."""

    stratum: str
    probability: float
    denied_cents: int
    is_error: bool


class Share(Struct, frozen=True):
    """From 0 to 1."""

    value: float
    low: float
    high: float


class _Part(Struct, frozen=True):
    """What a stratum's items say: its share, the variance that is seen, and what the same items would have in units of p(1 - p), if
    errors were spread evenly.
    """

    share: float
    seen: float
    expected: float
    errors: int
    items: int


def by_denials(strata: Sequence[Stratum], items: Sequence[Item], confidence: float) -> Share:
    """Estimate the share of denials in error."""
    return _estimate([(each.name, each.denials, each.spread) for each in strata], [(item, 1.0) for item in items], confidence)


def by_dollars(strata: Sequence[Stratum], items: Sequence[Item], confidence: float) -> Share:
    """Estimate the share of denied dollars in error: the dollars are the share of all, whose sum is known."""
    weighted = [(item, float(item.denied_cents)) for item in items if item.denied_cents > 0]
    return _estimate([(each.name, each.denied_cents, each.spread_dollars) for each in strata], weighted, confidence)


def _estimate(strata: Sequence[tuple[str, int, float]], items: Sequence[tuple[Item, float]], confidence: float) -> Share:
    whole = sum(total for _, total, _ in strata)
    parts = [
        (total / whole, spread, _part([(item, amount) for item, amount in items if item.stratum == name]))
        for name, total, spread in strata
        if total > 0
    ]
    share = sum(weight * part.share for weight, _, part in parts)
    variance = sum(weight**2 * spread for weight, spread, _ in parts)
    if variance < _CERTAIN:
        return Share(share, share, share)
    trials = 1 / (variance * _effect(share, parts))
    low, high = _jeffreys(share * trials, trials, confidence)
    # What was seen is sure: an interval does not go below the errors found, nor beyond all that was not found to be right.
    least = sum(amount for item, amount in items if item.is_error) / whole
    most = 1 - sum(amount for item, amount in items if not item.is_error) / whole
    return Share(min(max(share, least), most), max(low, least), min(high, most))


def _effect(share: float, parts: Sequence[tuple[float, float, _Part]]) -> float:
    """Return by how much errors that are not spread evenly widen it, as far as the errors found can tell."""
    errors = sum(part.errors for _, _, part in parts)
    rarer = min(errors, sum(part.items for _, _, part in parts) - errors)
    expected = sum(weight**2 * part.expected for weight, _, part in parts) * share * (1 - share)
    if not rarer or expected <= 0:
        return 1.0
    seen = sum(weight**2 * part.seen for weight, _, part in parts)
    return (rarer * seen / expected + _BELIEF) / (rarer + _BELIEF)


def _part(items: Sequence[tuple[Item, float]]) -> _Part:
    """Return what one stratum's items say. Without any, nothing is known of it: half, with the widest interval."""
    weights = [amount / item.probability for item, amount in items]
    total = sum(weights)
    if total <= 0:
        return _Part(0.5, 0.25, 1.0, 0, 0)
    share = sum(weight for (item, _), weight in zip(items, weights, strict=True) if item.is_error) / total
    scale = len(items) / max(len(items) - 1, 1) / total**2
    spread = [(weight**2 * (1 - item.probability), item.is_error) for (item, _), weight in zip(items, weights, strict=True)]
    seen = sum(each * (is_error - share) ** 2 for each, is_error in spread) * scale
    expected = sum(each for each, _ in spread) / total**2
    return _Part(share, seen, expected, sum(item.is_error for item, _ in items), len(items))


def _jeffreys(errors: float, trials: float, confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low = 0.0 if errors <= 0 else beta_quantile(tail, errors + 0.5, trials - errors + 0.5)
    high = 1.0 if errors >= trials else beta_quantile(1 - tail, errors + 0.5, trials - errors + 0.5)
    return low, high
