"""What pages are made of: key figures with their course, money, parts of a sum. Pure."""

from typing import Literal

from msgspec import Struct

from services.analytics.kpis.definitions import Kpi

Verdict = Literal["better", "worse", "same", "plain"]


class Row(Struct, frozen=True):
    """One key figure over the days of a visit, before them, and its course; `kpi.reason` says why it has no number."""

    kpi: Kpi
    value: float | None = None
    numerator: int = 0
    denominator: int | None = None
    change: float | None = None
    verdict: Verdict = "plain"
    course: tuple[float | None, ...] = ()


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
