"""What is known of a tenant of whom little is: published rates, and its own as they come in. Every model begins so. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.classifier.risk.columns import UNKNOWN
from services.classifier.risk.features import CATEGORIES, RULES_MAX, Seen, logit
from services.classifier.risk.history import KINDS, Aged, keys, places
from services.classifier.risk.lessons import Lessons, Rows
from services.classifier.risk.model import RiskModel

Numbers = NDArray[Any]

# What payers are published to deny of what they are sent; where nothing else is known.
PUBLISHED: Final[Mapping[str, float]] = {
    "medicare": 0.10, "medicare_advantage": 0.157, "medicaid": 0.167, "marketplace": 0.19, "commercial": 0.15,
}  # fmt: skip
PUBLISHED_OF_ALL: Final = 0.12
_PUBLISHED_WEIGHT: Final = 50.0
_SEEN_MIN: Final = 50  # claims: a code that is rarer does not stand for itself
_KEY_MIN: Final = 3  # denials: fewer say nothing of a category


def rates_model(lessons: Lessons, now: int) -> RiskModel:
    """Make the model of a tenant of whom little is known: published rates, and its own as they come in."""
    rows = lessons.all()
    seen = seen_in(lessons, rows, np.arange(len(rows)))
    tables = {kind: Aged(rows.columns, rows.outcomes, kind).table(now) for kind in KINDS}
    return RiskModel(lessons.book.texts(), tables, seen, categories_of(lessons, rows), float(logit(np.array(seen.rate))))


def seen_in(lessons: Lessons, rows: Rows, part: Numbers) -> Seen:
    """Say which codes a model tells apart, by the claims that it learns from."""
    columns, denied = rows.columns, rows.outcomes.denied
    inside = np.zeros(len(rows), dtype=bool)
    inside[part] = True
    frequent = {}
    for name in CATEGORIES:
        values = getattr(columns, name)
        known = inside[places(columns, "procedure" if name == "procedure" else "payer")] & (values != UNKNOWN)
        counts = np.bincount(values[known], minlength=1)
        frequent[name] = np.flatnonzero(counts >= _SEEN_MIN).tolist()
    ruled = np.bincount(columns.rule[inside[columns.rule_of]], minlength=1)
    rules = [int(each) for each in np.argsort(-ruled, kind="stable")[:RULES_MAX] if ruled[each] >= _SEEN_MIN]
    lines = inside[columns.line_of]
    rate = _toward(denied[part].sum(), len(part), PUBLISHED_OF_ALL)
    kinds = columns.payer_kind[part]
    size = lessons.book.size("payer_kind")
    count, hit = np.bincount(kinds, minlength=size), np.bincount(kinds, weights=denied[part], minlength=size)
    kind_rates = [
        _toward(hit[code], count[code], PUBLISHED.get(name, PUBLISHED_OF_ALL))
        for name, code in lessons.book.codes["payer_kind"].items()
    ]
    line_rate = _toward(rows.outcomes.line_denied[lines].sum(), int(lines.sum()), PUBLISHED_OF_ALL)
    return Seen(frequent, rules, rate, line_rate, kind_rates)


def _toward(denied: float, count: float, published: float) -> float:
    return float((denied + _PUBLISHED_WEIGHT * published) / (count + _PUBLISHED_WEIGHT))


def categories_of(lessons: Lessons, rows: Rows) -> dict[str, dict[int, dict[str, int]]]:
    """Count the denials of each key by category."""
    texts = list(lessons.categories)
    found: dict[str, dict[int, dict[str, int]]] = {}
    for kind in ("rule", "authorization", "payer"):
        of = places(rows.columns, kind)
        hit = rows.outcomes.line_denied if kind == "authorization" else rows.outcomes.denied[of]
        found[kind] = _counted(keys(rows.columns, kind)[hit == 1], rows.category[of][hit == 1], texts)
    everything = np.zeros(int(rows.outcomes.denied.sum()), dtype=np.int64)
    found["all"] = _counted(everything, rows.category[rows.outcomes.denied == 1], texts)
    return found


def _counted(key: Numbers, category: Numbers, texts: list[str]) -> dict[int, dict[str, int]]:
    pairs, counts = np.unique(np.column_stack([key, category]), axis=0, return_counts=True)
    found: dict[int, dict[str, int]] = {}
    for (of_key, of_category), count in zip(pairs.tolist(), counts.tolist(), strict=True):
        if texts[of_category]:
            found.setdefault(of_key, {})[texts[of_category]] = count
    return {each: told for each, told in found.items() if sum(told.values()) >= _KEY_MIN}
