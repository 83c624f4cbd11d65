"""Days and moments of a request as people write them, 2026-11-30 and 2026-11-30T09:00:00Z, and never as numbers.

Pydantic takes a number, in a string too, for seconds since 1970: `from=20260101` would ask for August 1970, and say nothing.
A moment of the first or last day of the calendar may have no day in UTC, in which all of them are kept: it is none.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator


def _is_no_number(told: Any) -> Any:
    if isinstance(told, int | float) or (isinstance(told, str) and _is_number(told)):
        raise ValueError("a day is written as in 2026-11-30, a moment as in 2026-11-30T09:00:00Z")
    return told


def _is_number(told: str) -> bool:
    try:
        float(told)
    except ValueError:
        return False
    return True


def _is_in_utc(told: datetime) -> datetime:
    try:
        told.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment that UTC has no day for") from None
    return told


Day = Annotated[date, BeforeValidator(_is_no_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_is_no_number), AfterValidator(_is_in_utc)]
