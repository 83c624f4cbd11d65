"""Which days a question may be about: the years 1800 to 2999. Pure.

Further than that from both ends of the calendar, the day after a period, the period before it and ten years around it are days too;
at the ends they are none, and whoever computes them breaks.
"""

from datetime import date
from typing import Final

FIRST: Final = date(1800, 1, 1)
LAST: Final = date(2999, 12, 31)


def is_within(*days: date | None) -> bool:
    """Say whether all days can be asked about; one that is left open can."""
    return all(day is None or FIRST <= day <= LAST for day in days)
