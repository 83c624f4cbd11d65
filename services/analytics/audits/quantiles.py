"""Quantiles of the beta distribution, by the standard library alone: a process that holds SciPy for them is 60 MB larger. Pure.

Source: the continued fraction of the incomplete beta function, DLMF 8.17.22, summed by Lentz's method as modified by Thompson and
Barnett (1986).
"""

from math import exp, lgamma, log
from typing import Final

_HALVINGS: Final = 100  # a double has no more between 0 and 1 that matter
_STEPS_MAX: Final = 10_000
_CLOSE: Final = 1e-15
_TINY: Final = 1e-300


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return below which value a beta-distributed one lies with probability `p`; a, b > 0, 0 < p < 1."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if _share_below(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _share_below(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, by the side of the mean on which the fraction converges fast."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _share_below_mean(1 - x, b, a)
    return _share_below_mean(x, a, b)


def _share_below_mean(x: float, a: float, b: float) -> float:
    if x <= 0:
        return 0.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    value = c = 1.0
    d = 0.0
    for step in range(1, _STEPS_MAX):
        half, odd = divmod(step, 2)
        if odd:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        d = 1 / ((1 + term * d) or _TINY)
        c = (1 + term / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value
