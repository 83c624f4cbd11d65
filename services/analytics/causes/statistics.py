"""The small statistics of root causes, over arrays: exact tests, evidence, intervals, false discoveries."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

Z_95: Final = 1.959963984540054


def exact_p(k: ArrayLike, n: ArrayLike, k_rest: ArrayLike, n_rest: ArrayLike) -> Floats:
    """Return Fisher's one-sided p: the chance of k or more refused among n, if they were as likely there as in the rest."""
    from scipy.stats import hypergeom  # noqa: PLC0415 - 60 MB, which only a process that searches is to pay

    k, n, k_rest, n_rest = (np.rint(np.asarray(each, dtype=np.float64)) for each in (k, n, k_rest, n_rest))
    return np.asarray(hypergeom.sf(k - 1, n + n_rest, k + k_rest, n), dtype=np.float64)


def evidence(k: ArrayLike, n: ArrayLike, k_rest: ArrayLike, n_rest: ArrayLike) -> Floats:
    """Return the log of the likelihood ratio: two rates, one of a group and one of the rest, against one for all; 0: not higher."""
    k, n, k_rest, n_rest = (np.asarray(each, dtype=np.float64) for each in (k, n, k_rest, n_rest))
    told = fit(k, n) + fit(k_rest, n_rest) - fit(k + k_rest, n + n_rest)
    return np.where(k * n_rest > k_rest * n, np.maximum(told, 0), 0.0)


def fit(k: Floats, n: Floats) -> Floats:
    """Return the log likelihood of k of n at their own rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        told = np.where(k > 0, k * np.log(k / n), 0.0) + np.where(n > k, (n - k) * np.log((n - k) / n), 0.0)
    return np.where(n > 0, told, 0.0)


def interval(k: ArrayLike, n: ArrayLike, z: float = Z_95) -> tuple[Floats, Floats]:
    """Return Wilson's interval of a rate; 0 and 1 where there is nothing."""
    k, n = np.asarray(k, np.float64), np.asarray(n, np.float64)
    safe = np.maximum(n, 1e-12)
    rate = np.clip(k / safe, 0, 1)
    middle = (rate + z * z / (2 * safe)) / (1 + z * z / safe)
    half = z / (1 + z * z / safe) * np.sqrt(rate * (1 - rate) / safe + z * z / (4 * safe * safe))
    return np.where(n > 0, np.maximum(middle - half, 0), 0.0), np.where(n > 0, np.minimum(middle + half, 1), 1.0)


def false_discoveries(p: Floats, tested: int) -> Floats:
    """Return Benjamini and Hochberg's q of the smallest p of so many tests; those that are not told count as 1."""
    order = np.argsort(p)
    ranked = p[order] * tested / np.arange(1, len(p) + 1)
    q = np.minimum.accumulate(ranked[::-1])[::-1]
    found = np.empty_like(p)
    found[order] = np.minimum(q, 1.0)
    return found


def effect_size(rate: float, other: float) -> float:
    """Return Cohen's h of two rates: 0.2 is small, 0.5 medium, 0.8 large."""
    return float(2 * (np.arcsin(np.sqrt(rate)) - np.arcsin(np.sqrt(other))))
