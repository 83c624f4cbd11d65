"""A model of risk: its file, and how it scores. Pure.

The file is JSON: the codes, the rates as of the end of what it learned from, the trees as LightGBM writes them in text, and a
calibration. A model without trees scores by rates alone: so does a tenant of whom nothing else has been learned yet.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from services.classifier.risk.claims import Submission
from services.classifier.risk.columns import Book, Columns, columns_of, highest
from services.classifier.risk.features import MEANINGS, Rates, Seen, logit, matrix, meanings, rates_of
from services.classifier.risk.history import Counts, Table, Tables
from services.classifier.risk.words import Facts, reasons

Numbers = NDArray[Any]
Asked = tuple[Submission, int | None]  # a claim and its days from service to submission

FORMAT: Final = 1
_STANDS_OUT: Final = 0.35  # of such denials
_SPREAD: Final = 0.1  # log odds between lines: below that they are alike
_LINES_TOLD: Final = 10
_CERTAIN: Final = 0.999


class RiskModel(Struct, frozen=True):
    """The file. `offset` are the log odds of all claims, where rates begin.

    `trees` add to what `prior` says: trees that learned from other tenants, of what is plain alone; without one, to plain rates.
    """

    book: dict[str, list[str]]
    tables: dict[str, Table]
    seen: Seen
    categories: dict[str, dict[int, dict[str, int]]]  # denials by key of a kind and category
    offset: float
    trees: str | None = None
    prior: str | None = None
    slope: float = 1.0
    intercept: float = 0.0
    format: int = FORMAT


class LineChance(Struct, frozen=True):
    line: int
    probability: float


class Assessed(Struct, frozen=True):
    """What is to be expected of one claim. `lines` is empty where they are alike."""

    probability: float
    category: str | None
    reasons: tuple[str, ...]
    lines: tuple[LineChance, ...]


def encode(model: RiskModel) -> bytes:
    return msgspec.json.encode(model)


def read(body: bytes) -> "Scorer":
    """Make a scorer of a file. Errors: msgspec.DecodeError when it is none."""
    return Scorer(msgspec.json.decode(body, type=RiskModel))


class Scorer:
    """Scores claims; holds nothing of them."""

    def __init__(self, model: RiskModel) -> None:
        self._model, self._seen = model, model.seen
        self._book = Book(model.book)
        self._tables = Tables(model.tables)
        self._trees = self._prior = None
        if model.trees is not None:
            from services.classifier.risk.trees import Trees  # noqa: PLC0415 - LightGBM is large, and rates do without

            self._trees = Trees(model.trees, meanings(model.seen, plain=False))
            self._prior = Trees(model.prior, meanings(model.seen, plain=True)) if model.prior is not None else None
        self._likeliest = {
            kind: {key: _likeliest(counts) for key, counts in of_key.items()} for kind, of_key in model.categories.items()
        }

    def chances(self, asked: Sequence[Asked]) -> Numbers:
        """Return the chance that each claim is denied."""
        columns = columns_of(asked, self._book)
        return self.chances_of(columns, self.rates(columns))

    def given(self, asked: Sequence[Asked]) -> Numbers:
        """Return what each of MEANINGS adds to each claim, in log odds."""
        columns = columns_of(asked, self._book)
        return self.contributions(columns, self.rates(columns))[1]

    def assess(self, asked: Sequence[Asked]) -> list[Assessed]:
        """Say of each claim how likely it is denied, for what, why, and which of its lines."""
        if not asked:
            return []
        columns = columns_of(asked, self._book)
        counts = {kind: self._tables.counts(columns, kind) for kind in ("payer", "procedure", "authorization", "provider", "rule")}
        rates = self.rates(columns, counts)
        offset, given = self.contributions(columns, rates)
        chances = self._calibrated(offset + given.sum(axis=1))
        facts = Facts(asked, columns, counts)
        lines = self._lines(columns, rates, chances)
        return [
            Assessed(chance, self._category(facts, place), reasons(facts, place, given[place]), lines.get(place, ()))
            for place, chance in enumerate(np.round(chances, 4).tolist())
        ]

    def rates(self, columns: Columns, counts: Mapping[str, Counts] | None = None) -> Rates:
        known = counts or {}
        return rates_of(columns, lambda kind: known.get(kind) or self._tables.counts(columns, kind), self._seen)

    def chances_of(self, columns: Columns, rates: Rates) -> Numbers:
        offset, given = self.contributions(columns, rates)
        return self._calibrated(offset + given.sum(axis=1))

    def contributions(self, columns: Columns, rates: Rates) -> tuple[float, Numbers]:
        """Return what all claims get, and each claim for each of MEANINGS, in log odds; before calibration."""
        if self._trees is None:
            return self._model.offset, by_rates(columns, rates, self._model.offset)
        rows = matrix(columns, rates, self._seen)
        constant, given = self._trees.contributions(rows)
        if self._prior is None:
            return self._model.offset + constant, given + by_rates(columns, rates, self._model.offset)
        of_prior, given_by_prior = self._prior.contributions(rows)
        return of_prior + constant, given + given_by_prior

    def _calibrated(self, score: Numbers) -> Numbers:
        told = 1 / (1 + np.exp(-(self._model.slope * score + self._model.intercept)))
        return np.minimum(told, _CERTAIN)

    def _category(self, facts: Facts, place: int) -> str | None:
        """Return the likeliest category: by what was found, by the line that is refused most, by the payer, by all."""
        for kind, key in facts.nearest(place):
            found = self._likeliest.get(kind, {})
            if key in found:
                return found[key]
        return None

    def _lines(self, columns: Columns, rates: Rates, chances: Numbers) -> dict[int, tuple[LineChance, ...]]:
        """Return the chances of lines, the highest first, of claims whose lines differ: the riskiest has that of its claim."""
        if not len(columns.line_of):
            return {}
        score = rates.authorization - rates.line_payer
        count = len(columns)
        nothing = np.zeros(count)
        top = highest(score, columns.line_of, count, nothing)
        low = -highest(-score, columns.line_of, count, nothing)
        differ = top - low > _SPREAD
        places = np.flatnonzero(differ[columns.line_of])
        of = columns.line_of[places]
        told = 1 / (1 + np.exp(-(logit(chances[of]) + score[places] - top[of])))
        found: dict[int, list[tuple[float, int]]] = {}
        for claim, chance, number in zip(of.tolist(), told.tolist(), columns.line_number[places].tolist(), strict=True):
            found.setdefault(claim, []).append((-round(chance, 4), number))
        return {
            claim: tuple(LineChance(number, -chance) for chance, number in sorted(each)[:_LINES_TOLD])
            for claim, each in found.items()
        }


def by_rates(columns: Columns, rates: Rates, offset: float) -> Numbers:
    """Put log odds down to meanings by rates alone: the payer's, and what procedure, authorization and findings add to it."""
    count = len(columns)
    nothing = np.zeros(count)
    line = rates.line - rates.line_payer
    found = {
        "payer": rates.payer - offset,
        "procedure": highest(line, columns.line_of, count, nothing),
        "authorization": highest(rates.authorization - rates.line, columns.line_of, count, nothing),
        "findings": np.maximum(highest(rates.rule, columns.rule_of, count, nothing + offset) - offset, 0),
    }
    given = np.zeros((count, len(MEANINGS)))
    for place, meaning in enumerate(MEANINGS):
        if meaning in found:
            given[:, place] = found[meaning]
    return given


def plain_score(columns: Columns, rates: Rates, seen: Seen) -> Numbers:
    """Return what rates alone say, in log odds."""
    offset = float(logit(np.array(seen.rate)))
    return np.asarray(offset + by_rates(columns, rates, offset).sum(axis=1))


def _likeliest(counts: Mapping[str, int]) -> str | None:
    category, most = max(counts.items(), key=lambda each: (each[1], each[0]))
    return category if most >= _STANDS_OUT * sum(counts.values()) else None
