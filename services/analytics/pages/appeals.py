"""What the page of appeals says of deadlines. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from msgspec import Struct

_SOON_DAYS: Final = 14


class Due(Struct, frozen=True):
    """One open case with its last day; `left`: days from today, negative when it has passed."""

    case: Mapping[str, Any]
    due_on: date
    left: int
    urgency: str


def due(cases: Iterable[Mapping[str, Any]], today: date) -> list[Due]:
    """Return open cases by their last day."""
    found = []
    for each in cases:
        day = date.fromisoformat(each["due_on"])
        left = (day - today).days
        found.append(Due(each, day, left, "past" if left < 0 else "soon" if left <= _SOON_DAYS else "later"))
    return sorted(found, key=lambda each: each.due_on)
