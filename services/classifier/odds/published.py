"""Published shares of denials that were overturned, by kind of payer: where the odds begin before a tenant has outcomes.

Each row of `base_rates.csv` has its year and source. They speak of other people's denials, and of those that somebody contested.
"""

import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

_TABLE: Final = Path(__file__).parent / "base_rates.csv"


class BaseRate(Struct, frozen=True):
    overturned: float
    year: int
    source: str


@lru_cache(maxsize=1)
def base_rates() -> Mapping[tuple[str, str, str], BaseRate]:
    """Return the published rates by kind of payer, type of claim and category; an empty word stands for all."""
    with _TABLE.open(newline="", encoding="utf-8") as file:
        return {
            (row["payer_kind"], row["claim_type"], row["category"]): BaseRate(
                float(row["overturned"]), int(row["year"]), row["source"]
            )
            for row in csv.DictReader(file)
        }


@lru_cache(maxsize=1024)
def base_rate(payer_kind: str, claim_type: str, category: str) -> BaseRate:
    """Return the rate that speaks most exactly of such a denial: kind and category, kind and type, kind, everything."""
    known = base_rates()
    wanted = ((payer_kind, "", category), (payer_kind, claim_type, ""), (payer_kind, "", ""), ("", "", ""))
    return next(known[each] for each in wanted if each in known)
