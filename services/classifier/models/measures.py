"""How well probabilities did against what happened, in the figures that a person can act on. Pure.

Shape: `chances` between 0 and 1 and `happened` 0 or 1, of one length; `cents` is what was at stake. All are NumPy arrays.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]

REVIEWED_SHARE: Final = 0.1  # what a team can look at before sending: one claim in ten
_BINS: Final = 15
_SMALLEST: Final = 1e-6


def auc(chances: Numbers, happened: Numbers) -> float:
    """Return the chance that something that happened was given more than something that did not; ties count half."""
    positives = int(happened.sum())
    negatives = len(happened) - positives
    if not positives or not negatives:
        return float("nan")
    order = np.argsort(chances, kind="stable")
    ranked = chances[order]
    firsts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    lengths = np.diff(np.r_[firsts, len(ranked)])
    ranks = np.empty(len(ranked))
    ranks[order] = np.repeat(firsts + (lengths + 1) / 2, lengths)
    return float((ranks[happened == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def pr_auc(chances: Numbers, happened: Numbers) -> float:
    """Return the average precision: the area under precision over recall, equal chances taken together."""
    positives = int(happened.sum())
    if not positives:
        return float("nan")
    order = np.argsort(-chances, kind="stable")
    ranked = chances[order]
    caught = np.cumsum(happened[order])
    lasts = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    recall = caught[lasts] / positives
    precision = caught[lasts] / (lasts + 1)
    return float(np.sum(np.diff(np.r_[0.0, recall]) * precision))


def log_loss(chances: Numbers, happened: Numbers) -> float:
    safe = np.clip(chances, _SMALLEST, 1 - _SMALLEST)
    return float(-np.mean(np.where(happened == 1, np.log(safe), np.log1p(-safe))))


def calibration_error(chances: Numbers, happened: Numbers, bins: int = _BINS) -> float:
    """Return how far chances are from shares on average: bins of equal numbers of claims, each weighed by its claims (ECE)."""
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(abs(chances[part].mean() - happened[part].mean()) * len(part) for part in parts) / len(chances))


def reviewed(chances: Numbers) -> Numbers:
    """Return the places of the claims that a team would look at: the tenth with the highest chances."""
    return np.argsort(-chances, kind="stable")[: max(1, round(len(chances) * REVIEWED_SHARE))]


def measure(chances: Numbers, happened: Numbers, cents: Numbers) -> dict[str, float]:
    """Return all figures. `caught_cents_per_reviewed`: charged on denied claims among the reviewed, for each one reviewed."""
    looked_at = reviewed(chances)
    caught = happened[looked_at] == 1
    return {
        "rate": float(happened.mean()),
        "mean_chance": float(chances.mean()),
        "auc": auc(chances, happened),
        "pr_auc": pr_auc(chances, happened),
        "log_loss": log_loss(chances, happened),
        "calibration_error": calibration_error(chances, happened),
        "recall_reviewed": float(caught.sum() / max(1, happened.sum())),
        "caught_cents_per_reviewed": float(cents[looked_at][caught].sum() / len(looked_at)),
    }


def shift(before: Numbers, after: Numbers) -> float:
    """Return the population stability index of two distributions over the same bins, given as counts.

    Below 0.1 little has moved, above 0.25 much: the rule of thumb of credit scoring.
    """
    expected, actual = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (before, after))
    return float(np.sum((actual - expected) * np.log(actual / expected)))
