"""The odds at hand: each tenant's newest table in memory, so that a denial's odds cost no query. Pure."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from libs.common.contracts.denial_classified import DenialClassifiedV1
from services.classifier.odds.outcomes import KeptDenial, Subject, subject_of
from services.classifier.odds.table import NO_OUTCOMES, Odds, Table, odds_of, recoverable_cents


class Told(Struct, frozen=True, gc=False):
    """What is said of one denial: its odds, and what they make its pursuit worth."""

    odds: Odds
    expected_value_cents: int
    version: str


class Book:
    """The tables by tenant; a tenant without outcomes has published rates alone."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}

    def of(self, tenant_id: str) -> Table:
        return self._tables.get(tenant_id, NO_OUTCOMES)

    def versions(self) -> list[tuple[str, int]]:
        return [(tenant_id, table.version) for tenant_id, table in self._tables.items()]

    def put(self, tables: Mapping[str, Table]) -> None:
        self._tables |= tables


PUBLISHED_ONLY: Final = Book()


def tell(table: Table, subject: Subject, denied_cents: int) -> Told:
    """Say what a denial's odds are and what its pursuit is worth."""
    odds = odds_of(table, subject)
    usual_cents = recoverable_cents(table, subject.payer_id, denied_cents)
    return Told(odds, round(usual_cents * odds.probability), version_name(table))


def told_of(kept: KeptDenial, table: Table) -> Told | None:
    """Say it of a denial; None where nobody would contest it."""
    subject = subject_of(kept)
    return None if subject is None else tell(table, subject, kept.denial.denied_cents)


def with_odds(kept: KeptDenial, table: Table) -> DenialClassifiedV1:
    """Return a denial with the odds at the moment of its judgement."""
    told = told_of(kept, table)
    return replace(
        kept.denial,
        overturn_probability=told.odds.probability if told is not None else None,
        expected_value_cents=told.expected_value_cents if told is not None else None,
        odds_version=told.version if told is not None else None,
    )


def version_name(table: Table) -> str:
    """Name a version: of which kind the odds are, and its number; `table.0` are the published rates."""
    return f"table.{table.version}"
