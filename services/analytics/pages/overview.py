"""What the overview draws: the flow of money, and the course of the denial rate. Pure."""

from datetime import date
from typing import Any

from markupsafe import Markup

from services.analytics.pages import charts
from services.analytics.pages.charts import Node
from services.analytics.pages.formats import Formats, Language, bucket_of, buckets
from services.analytics.pages.shapes import Money, Row
from services.analytics.pages.visit import Visit
from services.analytics.pages.words import WORDS

_LABELS_MAX = 5


def flow(money: Money, language: Language) -> Markup:
    """Draw where the money went."""
    words, dollars = WORDS[language], Formats(language).dollars

    def node(kind: str, name: str, cents: int) -> Node:
        return Node(words[name], kind, cents, dollars(cents))

    return charts.flow(
        node("charged", "charged", money.charged),
        [
            node("paid", "paid", money.paid),
            node("adjusted", "adjusted", money.adjusted),
            node("denied", "denied", money.denied),
            node("unexplained", "unexplained", money.unexplained),
        ],
        "paid",
        [node("recovered", "after_denial", money.recovered), node("paid", "at_once", money.paid - money.recovered)],
    )


def course(row: Row, visit: Visit) -> dict[str, Any]:
    """Return a rate's course with its axis, its labels, and the sentence that says it."""
    formats = Formats(visit.language)
    word = bucket_of(visit.first, visit.last)
    name = formats.month if word == "month" else formats.short_day
    days = buckets(visit.first, visit.last, word)
    points = list(zip(days, row.course, strict=True))
    known = [(day, value) for day, value in points if value is not None]
    top, ticks = charts.scale(max((value for _, value in known), default=0.0))
    every = -(-len(days) // _LABELS_MAX)
    return {
        "word": f"by_{word}",
        "points": [(name(day), value) for day, value in points],
        "labels": [name(day) if place % every == 0 else "" for place, day in enumerate(days)],
        "ticks": [formats.share(tick) for tick in ticks],
        "drawn": charts.area(row.course, top, ticks),
        "said": _said(known, name, visit.language) if known else "",
    }


def _said(known: list[tuple[date, float]], name: Any, language: Language) -> str:
    share = Formats(language).share
    highest = max(known, key=lambda each: each[1])
    told = [text for day, value in (known[0], known[-1], highest) for text in (share(value), name(day))]
    return WORDS[language]["course_said"].format(*told)
