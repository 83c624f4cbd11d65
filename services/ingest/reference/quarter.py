"""Quarters, by which public tables are released."""

import re
from datetime import date, timedelta
from typing import Final, NamedTuple

PATTERN: Final = r"^(19|20)[0-9]{2}Q[1-4]$"
_MONTHS = 3


class Quarter(NamedTuple):
    year: int
    number: int

    @classmethod
    def parse(cls, told: str) -> "Quarter":
        """Read 2026Q1. Errors: ValueError."""
        if not re.match(PATTERN, told):
            raise ValueError("not a quarter")
        return cls(int(told[:4]), int(told[-1]))

    @classmethod
    def of(cls, day: date) -> "Quarter":
        return cls(day.year, (day.month - 1) // _MONTHS + 1)

    @property
    def begins_on(self) -> date:
        return date(self.year, self.number * _MONTHS - 2, 1)

    @property
    def ends_on(self) -> date:
        following = Quarter(self.year + 1, 1) if self.number == 4 else Quarter(self.year, self.number + 1)  # noqa: PLR2004
        return following.begins_on - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"
