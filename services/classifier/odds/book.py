"""The odds at hand: each tenant's newest table in memory, with its live model where there is one: odds cost no query. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from libs.common.contracts.denial_classified import DenialClassifiedV1
from services.classifier.odds.outcomes import Circumstances, KeptDenial, Subject, circumstances_of, subject_of
from services.classifier.odds.table import NO_OUTCOMES, Odds, Table, logit_of, moved_odds, odds_of, recoverable_cents

if TYPE_CHECKING:
    from services.classifier.odds.boosting import Scorer


class Model(Struct, frozen=True):
    """A live model and the name by which it is told."""

    name: str
    scorer: "Scorer"


class Knowledge(Struct, frozen=True):
    """What tells a tenant's odds: a table, and where one is live a model that moves what the table says."""

    table: Table = NO_OUTCOMES
    model: Model | None = None

    @property
    def version(self) -> str:
        """Name what tells the odds; `table.0` are the published rates."""
        name = version_name(self.table)
        return name if self.model is None else f"{self.model.name}+{name}"


class Asked(Struct, frozen=True, gc=False):
    """One denial whose odds are asked for."""

    subject: Subject
    circumstances: Circumstances
    denied_cents: int


class Told(Struct, frozen=True, gc=False):
    """What is said of one denial: its odds, and what they make its pursuit worth."""

    odds: Odds
    expected_value_cents: int
    version: str


class Book:
    """What is known by tenant; of a tenant without outcomes published rates alone."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}
        self._models: dict[str, Model] = {}

    def of(self, tenant_id: str) -> Knowledge:
        return Knowledge(self._tables.get(tenant_id, NO_OUTCOMES), self._models.get(tenant_id))

    def versions(self) -> list[tuple[str, int]]:
        return [(tenant_id, table.version) for tenant_id, table in self._tables.items()]

    def put(self, tables: Mapping[str, Table]) -> None:
        self._tables |= tables

    def put_models(self, models: Mapping[str, Model]) -> None:
        """Take these models in the place of all there were."""
        self._models = dict(models)


PUBLISHED_ONLY: Final = Book()


def tell(known: Knowledge, asked: Sequence[Asked]) -> list[Told]:
    """Say what the odds of denials of one tenant are, and what their pursuit is worth. A model is asked once for all."""
    table = known.table
    if known.model is None:
        found = [odds_of(table, each.subject) for each in asked]
    else:
        begin = [logit_of(table, each.subject) for each in asked]
        moved = known.model.scorer.logits([(each.subject, each.circumstances) for each in asked], begin)
        found = [moved_odds(table, each.subject, logit) for each, logit in zip(asked, moved, strict=True)]
    told = []
    for each, odds in zip(asked, found, strict=True):
        usual_cents = recoverable_cents(table, each.subject.payer_id, each.denied_cents)
        told.append(Told(odds, math.floor(usual_cents * odds.probability + 0.5), known.version))
    return told


def told_of(denials: Sequence[KeptDenial], known: Knowledge) -> list[Told | None]:
    """Say it of denials of one tenant; None of those that nobody would contest."""
    subjects = [subject_of(each) for each in denials]
    asked = [
        Asked(subject, circumstances_of(each.denial), each.denial.denied_cents)
        for each, subject in zip(denials, subjects, strict=True)
        if subject is not None
    ]
    answers = iter(tell(known, asked))
    return [None if subject is None else next(answers) for subject in subjects]


def with_odds(denials: Sequence[tuple[str, KeptDenial]], book: Book) -> list[DenialClassifiedV1]:
    """Return denials, each with its tenant, with the odds at the moment of their judgement; in the order given."""
    by_tenant: dict[str, list[int]] = {}
    for place, (tenant_id, _) in enumerate(denials):
        by_tenant.setdefault(tenant_id, []).append(place)
    found: dict[int, DenialClassifiedV1] = {}
    for tenant_id, places in by_tenant.items():
        told = told_of([denials[place][1] for place in places], book.of(tenant_id))
        found |= {place: _with(denials[place][1].denial, each) for place, each in zip(places, told, strict=True)}
    return [found[place] for place in range(len(denials))]


def _with(denial: DenialClassifiedV1, told: Told | None) -> DenialClassifiedV1:
    return replace(
        denial,
        overturn_probability=told.odds.probability if told is not None else None,
        expected_value_cents=told.expected_value_cents if told is not None else None,
        odds_version=told.version if told is not None else None,
    )


def version_name(table: Table) -> str:
    """Name a version of the table."""
    return f"table.{table.version}"
