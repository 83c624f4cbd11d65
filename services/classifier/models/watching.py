"""Whether a model still fits what comes, and how the one in the shadow does beside it. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import numpy as np
from msgspec import Struct

from services.classifier.models.measures import measure, shift
from services.classifier.models.told import Judged

_FEW: Final = 50  # outcomes: fewer say nothing of a week's calibration
MOVED, MOVED_FAR = 0.1, 0.25  # of the population stability index
_MISSES: Final = 0.05  # mean chance against share denied
Verdict = Literal["steady", "watch", "train_again", "too_few"]


class Week(Struct, frozen=True):
    """What a model said in one week, from Monday on, and what came of it so far."""

    from_on: date
    scored: int
    looked_at: int
    stability_index: float
    mean_score: float
    answered: int
    mean_score_of_answered: float | None
    rate: float | None
    calibration_error: float | None


class Drift(Struct, frozen=True):
    verdict: Verdict
    because: str
    weeks: list[Week]


def drift(found: Sequence[Judged], reference: Mapping[str, Any], scored: Mapping[date, int]) -> Drift:
    """Compare each week with what the model said of its held-out period; `reference` are edges and counts of its card.

    `found` may be a part of what was said, `scored` counts all of it by day.
    """
    edges, expected = np.array(reference["edges"]), np.array(reference["counts"])
    by_week: dict[date, list[Judged]] = {}
    for each in found:
        by_week.setdefault(_monday(each.judged_on), []).append(each)
    counts: Counter[date] = Counter()
    for on, count in scored.items():
        counts[_monday(on)] += count
    weeks = [_week(on, by_week[on], counts[on], edges, expected) for on in sorted(by_week)]
    verdict, because = _verdict(weeks)
    return Drift(verdict, because, weeks)


def _monday(on: date) -> date:
    return on - timedelta(days=on.weekday())


def _week(on: date, found: Sequence[Judged], scored: int, edges: Any, expected: Any) -> Week:
    scores = np.array([each.score for each in found])
    answered = [each for each in found if each.happened is not None]
    chances = np.array([each.score for each in answered])
    happened = np.array([bool(each.happened) for each in answered])
    return Week(
        from_on=on,
        scored=scored,
        looked_at=len(found),
        stability_index=round(shift(expected, np.bincount(np.searchsorted(edges, scores), minlength=len(expected))), 4),
        mean_score=round(float(scores.mean()), 4),
        answered=len(answered),
        mean_score_of_answered=round(float(chances.mean()), 4) if answered else None,
        rate=round(float(happened.mean()), 4) if answered else None,
        calibration_error=round(abs(float(chances.mean() - happened.mean())), 4) if len(answered) >= _FEW else None,
    )


def _verdict(weeks: Sequence[Week]) -> tuple[Verdict, str]:
    """Judge by the newest weeks that say something."""
    told = [week for week in weeks if week.looked_at >= _FEW]
    if not told:
        return "too_few", f"No week has {_FEW} scores yet."
    newest = told[-1]
    judged = [week for week in told if week.calibration_error is not None][-2:]
    missed = [week for week in judged if week.calibration_error is not None and week.calibration_error > _MISSES]
    if len(missed) > 1:
        return "train_again", "What came of claims was far from what was said of them, two weeks one after the other."
    if newest.stability_index > MOVED_FAR:
        return "train_again", "The newest week's scores are spread otherwise than when the model was measured."
    if missed or newest.stability_index > MOVED:
        return "watch", "Something has moved: in the spread of scores, or in what came of them."
    return "steady", "Scores are spread as when the model was measured, and come true."


class Compared(Struct, frozen=True):
    """A live model and the one in its shadow on the same claims or denials."""

    scored: int
    answered: int
    correlation: float | None
    live: Mapping[str, float] | None
    shadow: Mapping[str, float] | None


def compare(found: Sequence[Judged], live_id: UUID, shadow_id: UUID) -> Compared:
    """Hold two models' scores against each other, and against what came of it where that is known."""
    live = {each.about: each for each in found if each.model_id == live_id}
    shadow = {each.about: each for each in found if each.model_id == shadow_id}
    both = sorted(live.keys() & shadow.keys())
    scores = np.array([[live[about].score, shadow[about].score] for about in both]).reshape(-1, 2)
    varies = len(both) > 1 and bool((scores.std(axis=0) > 0).all())
    answered = [place for place, about in enumerate(both) if live[about].happened is not None]
    happened = np.array([bool(live[both[place]].happened) for place in answered]).astype(int)
    enough = len(answered) >= _FEW and 0 < happened.sum() < len(answered)
    cents = np.array([live[both[place]].cents for place in answered], dtype=np.float64)
    return Compared(
        scored=len(both),
        answered=len(answered),
        correlation=round(float(np.corrcoef(scores.T)[0, 1]), 4) if varies else None,
        live=measure(scores[answered, 0], happened, cents) if enough else None,
        shadow=measure(scores[answered, 1], happened, cents) if enough else None,
    )
