"""A cause as it is told: how many claims and dollars, since when, the rates before and after, and how sure that is."""

from collections import Counter
from datetime import date
from typing import Final

import numpy as np
from msgspec import Struct

from services.analytics.causes.naming import Named
from services.analytics.causes.onset import onset
from services.analytics.causes.search import Cause, Limits, search
from services.analytics.causes.statistics import effect_size, interval
from services.analytics.causes.table import Flags, Table, day_of

_CODES_MAX: Final = 5


class Rate(Struct, frozen=True):
    """How many of how many lines are refused for the category; `low` and `high` bound the rate (Wilson, 95 %)."""

    lines: int
    refused: int
    rate: float | None
    low: float
    high: float


class Finding(Struct, frozen=True):
    """One root cause. `now`: since it began (the whole period, where no beginning is seen); `before`: outside of that.

    `claims`, `denied_cents`: refused claims of the stretch, and what was refused of them for the category: on the lines that the
    conditions say, and on those beside, as a refusal of whole claims takes both. `excess_cents`: the part of it beyond what would
    have been expected.
    """

    named: Named
    claims: int
    denied_cents: int
    excess_cents: int
    began_on: date | None
    ended_on: date | None
    now: Rate
    before: Rate
    rest: Rate
    expected_rate: float
    ratio: float | None
    effect: float
    p: float
    q: float
    carcs: tuple[tuple[str, int], ...]


def findings(table: Table, limits: Limits) -> list[Finding]:
    """Return the findings in a table, those that cost most first."""
    if not len(table):
        return []
    first, last = int(table.day.min()), int(table.day.max())
    found = [_finding(table, cause, first, last) for cause in search(table, limits)]
    return sorted(found, key=lambda each: (-each.excess_cents, -each.claims, each.named.category, each.named.conditions))


def _finding(table: Table, cause: Cause, first: int, last: int) -> Finding:
    rows = cause.rows
    category = table.categories.index(cause.category)
    refused = table.category[rows] == category
    day = table.day[rows]
    began = onset(day.astype(np.int64), refused.astype(np.float64), first, last, cause.claims_a_line)
    inside = (day >= (first if began.began is None else began.began)) & (day < (last + 1 if began.ended is None else began.ended))
    hit = rows[refused & inside]
    now, before = _rate(inside, refused), _rate(~inside, refused)
    denied_cents = int(table.cents[table.beside(category, hit)].sum())
    expected = cause.expected if not before.lines else max(min(cause.expected, before.rate or 0.0), 0.0)
    excess_bp = 0 if not now.rate else round(10_000 * max(1 - expected / now.rate, 0))
    codes = Counter(table.reasons[reason][1] for reason in table.reason[hit].tolist())
    return Finding(
        named=Named(cause.category, cause.conditions),
        claims=len(np.unique(table.claim[hit])),
        denied_cents=denied_cents,
        excess_cents=denied_cents * excess_bp // 10_000,
        began_on=None if began.began is None else day_of(began.began),
        ended_on=None if began.ended is None else day_of(began.ended),
        now=now,
        before=before,
        rest=rate_of(cause.n_rest, cause.k_rest),
        expected_rate=round(cause.expected, 6),
        ratio=round((now.rate or 0.0) / cause.expected, 2) if cause.expected > 0 else None,
        effect=round(effect_size(now.rate or 0.0, min(max(cause.expected, 0.0), 1.0)), 3),
        p=cause.p,
        q=cause.q,
        carcs=tuple(sorted(codes.items(), key=lambda each: (-each[1], each[0]))[:_CODES_MAX]),
    )


def _rate(among: Flags, refused: Flags) -> Rate:
    return rate_of(int(among.sum()), int((among & refused).sum()))


def rate_of(lines: int, refused: int) -> Rate:
    low, high = interval(refused, lines)
    return Rate(lines, refused, round(refused / lines, 6) if lines else None, round(float(low), 6), round(float(high), 6))
