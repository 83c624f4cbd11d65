"""What is counted: the measures by name, and the cells that sums are kept by.

Ids are stored: a measure keeps its id for ever, a new meaning is a new measure.
"""

import hashlib
from datetime import date
from functools import lru_cache
from typing import Final, cast

DIMENSIONS: Final = ("payer", "facility", "provider", "service_group", "category", "level", "coder", "code")
Cell = tuple[str, str, str, str, str, str, str, str]

_ABOUT_CLAIM: Final = frozenset({"payer", "facility", "provider", "service_group", "coder"})
_ABOUT_DENIAL: Final = _ABOUT_CLAIM | {"category"}
_ABOUT_APPEAL: Final = _ABOUT_DENIAL | {"level"}
_ABOUT_REASON: Final = _ABOUT_DENIAL | {"code"}
# What is added to a grain for the sums by one dimension; 0: by none. 7 is Grain.ALL.
PLACES: Final = dict(zip(DIMENSIONS, (1, 2, 3, 4, 5, 6, 8, 9), strict=True))

# name -> (id, what its cells tell apart)
MEASURES: Final[dict[str, tuple[int, frozenset[str]]]] = {
    "submitted": (1, _ABOUT_CLAIM),
    "clean": (2, _ABOUT_CLAIM),
    "answered": (3, _ABOUT_CLAIM),
    "rejected": (4, _ABOUT_CLAIM),
    "outstanding": (5, _ABOUT_CLAIM),
    "first_adjudicated": (6, _ABOUT_CLAIM),
    "initially_denied": (7, _ABOUT_DENIAL),
    "initially_refused": (8, _ABOUT_DENIAL),
    "first_lines": (9, _ABOUT_CLAIM),
    "initially_denied_lines": (10, _ABOUT_DENIAL),
    "resolved_first": (11, _ABOUT_CLAIM),
    "responded": (12, _ABOUT_CLAIM),
    "standing": (13, _ABOUT_CLAIM),
    "standing_denied": (14, _ABOUT_DENIAL),
    "denied": (15, _ABOUT_DENIAL),
    "preventable": (16, _ABOUT_DENIAL),
    "preventable_known": (17, _ABOUT_DENIAL),
    "unrecovered": (18, _ABOUT_DENIAL),
    "recovered": (19, _ABOUT_APPEAL),
    "closed": (20, _ABOUT_APPEAL),
    "overturned": (21, _ABOUT_APPEAL),
    "appealed": (22, _ABOUT_APPEAL),
    "decided": (23, _ABOUT_APPEAL),
    "cashed": (24, _ABOUT_APPEAL),
    "filed_with_deadline": (25, _ABOUT_APPEAL),
    "filed_in_time": (26, _ABOUT_APPEAL),
    "timely_filing_lost": (27, _ABOUT_DENIAL),
    "worked": (28, _ABOUT_APPEAL),
    "caught": (29, _ABOUT_DENIAL),
    "catchable": (30, _ABOUT_DENIAL),
    "written_off": (31, _ABOUT_DENIAL),
    "underpaid": (32, _ABOUT_CLAIM),
    "saved": (33, _ABOUT_CLAIM),
    "coded": (34, _ABOUT_REASON),
    "remarked": (35, _ABOUT_REASON),
}
NOT_TOLD: Final = "-"  # in a code: no group code, or no CARC


class Points(dict[tuple[str, date, Cell], list[int]]):
    """Sums by (measure, day, cell): [count, amount]."""

    def add(self, measure: str, day: date, cell: Cell, amount: int, count: int = 1) -> None:
        key = (measure, day, cell)
        sums = self.get(key)
        if sums is None:
            self[key] = [count, amount]
        else:
            sums[0] += count
            sums[1] += amount


@lru_cache(maxsize=65_536)
def cell_id(cell: Cell) -> int:
    """Return the number by which a cell is stored: 64 bits of a hash, so that it needs no asking."""
    # Without a code, and without a coder, the number that it had before there were any.
    told = cell if cell[7] else cell[:7] if cell[6] else cell[:6]
    return int.from_bytes(hashlib.blake2b("\x1f".join(told).encode(), digest_size=8).digest(), "big", signed=True)


class Grain:
    """How fine sums are.

    DAY: by all dimensions; COARSE: by payer, category, level and code alone; NARROW: by nothing; and + one of PLACES: by
    that dimension alone. MONTH, COARSE_MONTH, NARROW_MONTH likewise: by the first of the month, of all that is
    known, whenever it became so. BALANCE as NARROW, and + ALL by all dimensions, of states (STOCKS): `day` is the day on which a
    change became known, so that the sum up to an evening is the state of it; BALANCE_MONTH: those of whole months.
    """

    DAY: Final = 0
    COARSE: Final = 1
    MONTH: Final = 2
    COARSE_MONTH: Final = 3
    NARROW: Final = 10
    BALANCE: Final = 20
    BALANCE_MONTH: Final = 30
    NARROW_MONTH: Final = 40
    ALL: Final = 7


ALWAYS: Final = date(1970, 1, 1)
STOCKS: Final = frozenset({"outstanding"})
CHARTED: Final = ("first_adjudicated", "initially_denied", "initially_refused")  # what the charts of alerts are made of


NOBODY: Final[Cell] = ("", "", "", "", "", "", "", "")


def coarse(cell: Cell) -> Cell:
    """Return the cell of the coarser sums: by payer, category, level and code alone."""
    return (cell[0], "", "", "", cell[4], cell[5], "", cell[7])


def narrow(name: str, value: str) -> Cell:
    """Return the cell of sums by one dimension."""
    told = dict.fromkeys(DIMENSIONS, "") | {name: value}
    return cast("Cell", tuple(told.values()))


def narrowed(cell: Cell, measure: str) -> list[tuple[int, Cell]]:
    """Return the cells of the sums by one dimension each that a cell counts in, with their places."""
    told_apart = MEASURES[measure][1]
    by_one = zip(DIMENSIONS, cell, strict=True)
    return [(0, NOBODY), *((PLACES[name], narrow(name, value)) for name, value in by_one if name in told_apart)]
