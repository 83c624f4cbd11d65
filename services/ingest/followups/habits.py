"""How long a payer usually takes: the 95th percentile of days from submission to the first payment day, within reason. Pure."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

DEFAULT_DAYS: Final = 30
FLOOR_DAYS: Final = 14  # nobody is late before: Medicare may not pay an electronic claim earlier
ANSWERS_NEEDED: Final = 30


class Habit(Struct, frozen=True):
    """What is known of one payer: over how many answers, and within how many days 95 of 100 came."""

    answers: int
    days: int


def usual_days(habits: Mapping[str, Habit], payer_id: str) -> int:
    """Return after how many days an answer of this payer is late."""
    habit = habits.get(payer_id)
    if habit is None or habit.answers < ANSWERS_NEEDED:
        return DEFAULT_DAYS
    return max(habit.days, FLOOR_DAYS)
