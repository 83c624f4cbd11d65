"""What a person tells of a letter: values of variables, checked and read by their kinds. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.appeals.letters.variables import VARIABLES, Money

_CENTS_MAX: Final = 10**13


class Unreadable(Exception):  # noqa: N818 - the fact is the name
    """Values that are none. `problems` maps names to what is wrong; a name that is not ours is not among them, but `?`."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("unreadable values")
        self.problems = problems


def read(told: Mapping[str, str | int]) -> dict[str, Any]:
    """Return values by variable. Errors: Unreadable."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in told.items():
        variable = VARIABLES.get(name)
        if variable is None or not variable.given:
            problems[name if variable else "?"] = "is not a variable that may be told"
            continue
        try:
            found[name] = _read(variable.kind, value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise Unreadable(problems)
    return found


def _read(kind: str, value: str | int) -> Any:
    if kind == "money":
        if isinstance(value, int) and abs(value) <= _CENTS_MAX:
            return Money(value)
        raise ValueError("must be an amount in cents")
    if not isinstance(value, str):
        raise ValueError("must be a text" if kind == "text" else "must be a day: 2026-03-01")  # noqa: TRY004 - told to who sent it
    if kind == "date":
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a day: 2026-03-01") from None
    if not value.strip():
        raise ValueError("is empty")
    return value.strip()
