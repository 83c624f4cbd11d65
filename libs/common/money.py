"""Money is integer cents; this is the only place that shows it as dollars, or reads it from them."""

from typing import Annotated, Final

from msgspec import Meta

CENTS_MAX: Final = 10**15  # ten trillion dollars: beyond any claim, and a 64-bit column can sum thousands of them
Cents = Annotated[int, Meta(ge=-CENTS_MAX, le=CENTS_MAX)]


def dollars(cents: int) -> str:
    """Write cents the way a person reads them: -1234567 -> "-12,345.67"."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def cents_of(amount: str) -> int:
    """Read what a bank or a schedule writes: digits, and at most two decimals after a point: "1234.5" -> 123450."""
    units, _, rest = amount.partition(".")
    return int(units) * 100 + int(rest.ljust(2, "0"))
