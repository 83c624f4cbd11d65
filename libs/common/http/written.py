"""Days and moments of a request as people write them, 2026-11-30 and 2026-11-30T09:00:00Z, and never as numbers.

Pydantic takes a number, in a string too, for seconds since 1970: `from=20260101` would ask for August 1970, and say nothing.
"""

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


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


Day = Annotated[date, BeforeValidator(_is_no_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_is_no_number)]
