"""What a payer promised by a day, and what becomes of it. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, Literal

from services.appeals.deadlines import counting

PromiseIs = Literal["open", "missed", "fulfilled", "given_up"]
Ending = Literal["fulfilled", "given_up"]

# How a person may end a promise; one that has ended stays as it is. That it is missed is the clock's word alone.
ENDINGS: Final[Mapping[PromiseIs, frozenset[Ending]]] = {
    "open": frozenset({"fulfilled", "given_up"}),
    "missed": frozenset({"fulfilled", "given_up"}),
    "fulfilled": frozenset(),
    "given_up": frozenset(),
}


def missed_from(promised_on: date, zone: str) -> datetime:
    """Return from when on a promise is missed: when the day after it begins where the payer is."""
    return counting.begins(promised_on + timedelta(days=1), zone)
