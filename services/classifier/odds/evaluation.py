"""How good odds are on the newest outcomes, which they have not seen: calibration, and what they bring at a fixed capacity. Pure.

Not accuracy: where most contests are won, always saying "won" is right most of the time and helps nobody. What counts is how much
comes back for each case that is worked when not all can be (`lift`), against working every case and against the largest amounts
first.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from operator import itemgetter
from typing import Final

from msgspec import Struct

from services.classifier.odds.outcomes import Outcome

HELD_OUT_SHARE: Final = 0.2
HELD_OUT_LEAST: Final = 50
CAPACITIES: Final = (0.1, 0.25, 0.5)
_BINS: Final = 10
_FOLDS: Final = 4

Scores = Sequence[float]


class Bin(Struct, frozen=True):
    """A tenth of the outcomes, by what was said of them: how likely they were said to be won, and how many were."""

    outcomes: int
    said: float
    won: float


class Quality(Struct, frozen=True):
    """One way to tell odds, over the held-out outcomes. `auc`: how often a won one is put above a lost one."""

    name: str
    log_loss: float
    brier: float
    calibration_error: float
    auc: float
    bins: tuple[Bin, ...]


class Lift(Struct, frozen=True):
    """What came of each worked case where a share of all could be worked, chosen by `policy`.

    `always` works them as they come, `amount` the largest first, `table` and `model` by expected value.
    """

    policy: str
    capacity: float
    worked: int
    recovered_cents: int
    cents_per_case: int


class Report(Struct, frozen=True):
    """What a table was made of and how it did. Without enough outcomes nothing is held out and nothing is claimed."""

    outcomes: int
    won: int
    first_on: date | None
    last_on: date | None
    held_out: int
    held_out_from: date | None
    chosen: str
    qualities: tuple[Quality, ...] = ()
    lift: tuple[Lift, ...] = ()


class Fold(Struct, frozen=True):
    """A part of the newest outcomes, and all that was decided before its first day."""

    earlier: list[Outcome]
    held_out: list[Outcome]


def folds(outcomes: Sequence[Outcome]) -> list[Fold]:
    """Part the newest fifth, by whole days, into periods that follow each other: each is told from what came before it, as one
    would have at the time. Nothing is held out of too few.
    """
    in_order = sorted(outcomes, key=lambda each: each.decided_on)
    count = len(in_order)
    if count < HELD_OUT_LEAST / HELD_OUT_SHARE:
        return []
    places = [round(count * (1 - HELD_OUT_SHARE * part / _FOLDS)) for part in range(_FOLDS, 0, -1)]
    days = sorted({in_order[place].decided_on for place in places})
    starts = [bisect_left(in_order, day, key=lambda each: each.decided_on) for day in days]
    return [Fold(in_order[:start], in_order[start:end]) for start, end in pairwise([*starts, count]) if start]


def quality(name: str, held_out: Sequence[Outcome], scores: Scores) -> Quality:
    """Measure probabilities of outcomes against what happened."""
    won = [each.won for each in held_out]
    count = len(won)
    pairs = sorted(zip(scores, won, strict=True), key=itemgetter(0))  # by score alone: equal ones stay mixed
    bins = []
    for place in range(_BINS):
        part = pairs[count * place // _BINS : count * (place + 1) // _BINS]
        if part:
            bins.append(Bin(len(part), sum(p for p, _ in part) / len(part), sum(y for _, y in part) / len(part)))
    return Quality(
        name=name,
        log_loss=log_loss(won, scores),
        brier=sum((p - y) ** 2 for p, y in pairs) / count,
        calibration_error=sum(each.outcomes * abs(each.said - each.won) for each in bins) / count,
        auc=auc(won, scores),
        bins=tuple(bins),
    )


def log_loss(won: Sequence[bool], scores: Scores) -> float:
    return -sum(math.log(p if y else 1 - p) for y, p in zip(won, scores, strict=True)) / len(won)


def auc(won: Sequence[bool], scores: Scores) -> float:
    """Return the share of pairs of a won and a lost outcome that are in the right order, ties by half; 0.5 where there is none."""
    in_order = sorted(zip(scores, won, strict=True))
    below, ranks, place = 0, 0.0, 0
    while place < len(in_order):
        end = place
        while end < len(in_order) and in_order[end][0] == in_order[place][0]:
            end += 1
        wins = sum(y for _, y in in_order[place:end])
        losses = end - place - wins
        ranks += wins * (below + losses / 2)
        below += losses
        place = end
    wins = len(in_order) - below
    return ranks / (wins * below) if wins and below else 0.5


def lift(held_out: Sequence[Outcome], expected_cents: Sequence[tuple[str, Sequence[float]]]) -> tuple[Lift, ...]:
    """Say what each policy brings at each capacity; `expected_cents` by policy, beside those that need no odds."""
    recovered = [max(each.recovered_cents, 0) for each in held_out]
    everything = sum(recovered) / len(recovered)
    found = []
    amounts = ("amount", [float(each.disputed_cents) for each in held_out])
    for capacity in CAPACITIES:
        worked = max(round(len(held_out) * capacity), 1)
        found.append(_lift("always", capacity, worked, everything * worked))
        for policy, told in (amounts, *expected_cents):
            first = sorted(range(len(held_out)), key=_by(told))[:worked]
            found.append(_lift(policy, capacity, worked, sum(recovered[each] for each in first)))
    return tuple(found)


def _by(told: Sequence[float]) -> Callable[[int], tuple[float, int]]:
    return lambda place: (-told[place], place)


def _lift(policy: str, capacity: float, worked: int, recovered: float) -> Lift:
    return Lift(policy, capacity, worked, round(recovered), round(recovered / worked))
