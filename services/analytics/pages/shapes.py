"""What pages are made of: key figures with their course, money, parts of a sum. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from services.analytics.kpis.definitions import Kpi
from services.analytics.kpis.figures import Figure

Verdict = Literal["better", "worse", "same", "plain"]


class Row(Struct, frozen=True):
    """One key figure over the days of a visit, before them, and its course; `kpi.reason` says why it has no number.

    `unknown_by`: filters that are on and that it does not know, so that it has none either. `whole_by`: those that narrow its
    numerator alone, since what it is divided by does not know them.
    """

    kpi: Kpi
    value: float | None = None
    numerator: int = 0
    denominator: int | None = None
    change: float | None = None
    verdict: Verdict = "plain"
    course: tuple[float | None, ...] = ()
    unknown_by: tuple[str, ...] = ()
    whole_by: tuple[str, ...] = ()


class Part(Struct, frozen=True):
    """A share of a sum: by payer, category, ..."""

    key: str
    label: str
    count: int
    cents: int


class Money(Struct, frozen=True):
    """Where what was charged went, by payment day, in cents with payers' signs.

    charged = paid + adjusted + denied + unexplained. `denied`: what stands; `recovered`: paid
    after a denial, by decision day.
    """

    remits: int
    charged: int
    paid: int
    adjusted: int
    denied: int
    unexplained: int
    recovered: int


PAYER_FIGURES: Final = (
    "initial-denial-rate",
    "denied-dollars",
    "denied-dollars-open",
    "denied-dollars-recovered",
    "overturn-rate",
    "payer-response-days",
)


class PayerRow(Struct, frozen=True):
    """How one payer did, by the key figures' ids."""

    key: str
    label: str
    figures: Mapping[str, Figure]

    def cents(self, name: str) -> int:
        found = self.figures.get(name)
        return found.numerator if found else 0

    @property
    def rate(self) -> float:
        """The initial denial rate; 0 where there is none."""
        found = self.figures.get("initial-denial-rate")
        return (found.value or 0.0) if found else 0.0
