"""What the explorer of denials draws: denied dollars over time. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.analytics.pages import charts
from services.analytics.pages.formats import Formats, bucket_of
from services.analytics.pages.shapes import Part
from services.analytics.pages.visit import Visit

_LABELS_MAX = 5


def columns(spread: Sequence[Part], visit: Visit) -> dict[str, Any]:
    """Return denied dollars over time with their axis and labels."""
    formats = Formats(visit.language)
    word = bucket_of(visit.first, visit.last)
    name = formats.month if word == "month" else formats.short_day
    top, ticks = charts.scale(max((each.cents for each in spread), default=0) / 100)
    every = -(-len(spread) // _LABELS_MAX)
    names = [name(date.fromisoformat(each.key)) for each in spread]
    return {
        "word": f"by_{word}",
        "points": [(told, each) for told, each in zip(names, spread, strict=True)],
        "labels": [told if place % every == 0 else "" for place, told in enumerate(names)],
        "ticks": [formats.dollars(tick * 100) for tick in ticks],
        "drawn": charts.columns([each.cents / 100 for each in spread], top, ticks),
    }
