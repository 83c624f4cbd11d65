"""How long a question may look back: ten years, so that nobody waits for the sums of all of time."""

from datetime import date
from typing import Final

DAYS_MAX: Final = 3_660


def is_too_long(first: date | None, last: date | None) -> bool:
    """Say whether there are more days between two ends; with an open end there never are."""
    return first is not None and last is not None and (last - first).days >= DAYS_MAX
