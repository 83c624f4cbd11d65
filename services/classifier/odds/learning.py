"""One table of odds from a tenant's outcomes, with the report of how it did. Pure.

How fast old outcomes fade is chosen where it can be measured: by what tells the newest outcomes best from those before them.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from msgspec.structs import replace

from services.classifier.odds.evaluation import Fold, Report, folds, lift, log_loss, quality
from services.classifier.odds.fitting import fit
from services.classifier.odds.outcomes import Outcome
from services.classifier.odds.table import Table, odds_of, recoverable_cents

HALF_LIVES_DAYS: Final = (365, 1095, 90, 30)  # the first where nothing can be measured


def learn(outcomes: Sequence[Outcome], as_of: date, version: int) -> tuple[Table, Report]:
    """Make a version of the table of all outcomes up to a day."""
    parts = folds(outcomes)
    tried = {days: told_before(parts, days) for days in HALF_LIVES_DAYS} if parts else {}
    held_out = [each for part in parts for each in part.held_out]
    won = [each.won for each in held_out]
    days = min(tried, key=lambda each: log_loss(won, [score for score, _ in tried[each]]), default=HALF_LIVES_DAYS[0])
    decided = [each.decided_on for each in outcomes]
    report = Report(
        outcomes=len(outcomes),
        won=sum(each.won for each in outcomes),
        first_on=min(decided, default=None),
        last_on=max(decided, default=None),
        held_out=len(held_out),
        held_out_from=held_out[0].decided_on if held_out else None,
        chosen="table",
    )
    if tried:
        scores, expected = zip(*tried[days], strict=True)
        report = replace(report, qualities=(quality("table", held_out, scores),), lift=lift(held_out, [("table", expected)]))
    return fit(outcomes, as_of, half_life_days=days, version=version), report


def told_before(parts: Sequence[Fold], half_life_days: int) -> list[tuple[float, float]]:
    """Return the odds and the expected cents of held-out outcomes, each period told from what was decided before it."""
    told = []
    for part in parts:
        table = fit(part.earlier, part.held_out[0].decided_on, half_life_days=half_life_days)
        for each in part.held_out:
            score = odds_of(table, each.subject).probability
            told.append((score, score * recoverable_cents(table, each.subject.payer_id, each.disputed_cents)))
    return told
