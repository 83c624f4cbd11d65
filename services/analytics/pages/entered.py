"""What somebody entered into a form: shown again beside what is wrong with it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

_PERCENT: Final = 100


class Entered(Struct, frozen=True):
    """`form`: which of a page's forms; `wrong`: which of its fields are; `refused`: why nothing was done although none is."""

    form: str = ""
    values: Mapping[str, str] = {}
    wrong: tuple[str, ...] = ()
    refused: str | None = None

    def is_of(self, form: str) -> bool:
        return self.form == form

    def value(self, form: str, name: str, otherwise: str = "") -> str:
        return self.values.get(name, otherwise) if self.form == form else otherwise

    @property
    def first_wrong(self) -> str | None:
        """The first of the wrong fields, as they stand in the form: what was sent tells their order."""
        return next((name for name in self.values if name in self.wrong), None)

    def is_wrong(self, form: str, name: str) -> bool:
        return self.form == form and name in self.wrong


def told(form: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the fields of these names that hold something."""
    return {name: form[name] for name in names if form.get(name)}


def share_of(percent: str) -> float | str:
    """Return a percentage as a share; what is no number stays what it was, and is told as wrong."""
    try:
        return float(percent.replace(",", ".")) / _PERCENT
    except ValueError:
        return percent
