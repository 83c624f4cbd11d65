"""What there is to learn from, gathered row by row and kept small: claims as columns, and what came of each. Pure."""

from array import array
from datetime import date
from typing import Any, Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from services.classifier.models.told import Refused
from services.classifier.risk.claims import VOID, Lesson, encode, placed
from services.classifier.risk.columns import Book, Builder, Columns
from services.classifier.risk.history import Outcomes

Numbers = NDArray[Any]

ROWS_MIN: Final = 500
EACH_MIN: Final = 50  # denied ones, and others
_LATE: Final = 0.95  # of answers come within so many days: younger claims would mostly be those answered fast
ROWS_MAX: Final = 1_500_000  # the newest ones


class Lessons:
    """Claims of one tenant that were answered, in any order."""

    def __init__(self, book: Book, *, keep: bool = True) -> None:
        self.book = book
        self._builder = Builder(book)
        self._keep = keep
        self._days, self._answered, self._denied, self._category = array("i"), array("i"), array("b"), array("h")
        self._lags = array("i")
        self._groups, self._cents, self._line_denied = array("q"), array("q"), array("b")
        self.told: list[bytes] = []
        self.categories: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._days)

    def add(self, lesson: Lesson) -> None:
        """Take one in. Voids teach nothing."""
        told, outcome = lesson.submission, lesson.outcome
        if told.frequency_code == VOID:
            return
        day, lag_days = placed(lesson)
        self._builder.add(told, lag_days)
        self._days.append(day.toordinal())
        self._lags.append(-1 if lag_days is None else lag_days)
        self._answered.append(outcome.answered_on.toordinal())
        self._denied.append(outcome.denied)
        category = outcome.category or ""
        self._category.append(self.categories.setdefault(category, len(self.categories)))
        self._groups.append(int.from_bytes(lesson.group.bytes[:8], "big", signed=True))
        self._cents.append(told.charge_cents)
        self._line_denied.extend(outcome.denied and (not outcome.lines or line.number in outcome.lines) for line in told.lines)
        if self._keep:
            self.told.append(encode(told))

    def read(self) -> "Rows":
        """Return all that was taken in. Errors: Refused when it is too little to learn from."""
        denied = np.array(self._denied, dtype=np.int64)
        wrong = too_few(len(denied), int(denied.sum()))
        if wrong:
            raise Refused(wrong)
        return self.all()

    def all(self) -> "Rows":
        answered = np.array(self._answered, dtype=np.int64)
        denied = np.array(self._denied, dtype=np.int64)
        outcomes = Outcomes(answered, denied, np.array(self._line_denied, dtype=np.int64))
        return Rows(
            columns=self._builder.columns(),
            outcomes=outcomes,
            day=np.array(self._days, dtype=np.int64),
            lag_days=np.array(self._lags, dtype=np.int64),
            group=np.array(self._groups, dtype=np.int64),
            cents=np.array(self._cents, dtype=np.float64),
            category=np.array(self._category, dtype=np.int64),
        )


class Rows(Struct, frozen=True):
    """Answered claims by column. Days are ordinals."""

    columns: Columns
    outcomes: Outcomes
    day: Numbers
    lag_days: Numbers  # -1 where unknown
    group: Numbers
    cents: Numbers
    category: Numbers

    def __len__(self) -> int:
        return len(self.day)


def too_few(answered: int, denied: int) -> str | None:
    """Say why so many outcomes are too few to learn from; None: they are enough to try."""
    if answered < ROWS_MIN:
        return f"Too few outcomes: {answered:,} claims were answered, {ROWS_MIN:,} are needed."
    if denied < EACH_MIN:
        return f"Too few denials to tell from the rest: {denied:,} of {answered:,} answered claims, {EACH_MIN} are needed."
    if answered - denied < EACH_MIN:
        return f"Nearly all {answered:,} answered claims were denied: {EACH_MIN} that were not are needed."
    return None


class Parts(Struct, frozen=True):
    """Which rows are learned from, calibrated on and held out, in this order of time; each by place.

    What is sent again for an account stays with its first claim, or is left out. `first_end` and `second_end` are the days on which
    the first and the second part end.
    """

    fit: Numbers
    calibrate: Numbers
    held_out: Numbers
    first_end: int
    second_end: int

    @property
    def all(self) -> Numbers:
        return np.concatenate([self.fit, self.calibrate, self.held_out])


def split(rows: Rows, *, fit_share: float = 0.7, calibrate_share: float = 0.15) -> Parts:
    """Split by day. Errors: Refused when a part has too few denials or none but them."""
    last = int(np.quantile(rows.outcomes.answered - rows.day, _LATE))
    ripe = rows.day <= int(rows.outcomes.answered.max()) - last
    days = np.sort(rows.day[ripe])
    if not len(days):
        raise Refused("All claims are too young: wait until most of those sent on one day are answered.")
    first_end = int(days[min(len(days) - 1, int(len(days) * fit_share))])
    second_end = int(days[min(len(days) - 1, int(len(days) * (fit_share + calibrate_share)))])
    began = _began(rows)
    fit = np.flatnonzero(ripe & (rows.day <= first_end))
    calibrate = np.flatnonzero(ripe & (rows.day > first_end) & (rows.day <= second_end) & (began > first_end))
    held_out = np.flatnonzero(ripe & (rows.day > second_end) & (began > second_end))
    for name, part in (("oldest", fit), ("middle", calibrate), ("newest", held_out)):
        denied = int(rows.outcomes.denied[part].sum())
        if denied < PART_MIN or len(part) - denied < PART_MIN:
            raise Refused(
                f"Too few outcomes in the {name} period: {len(part):,} claims, {denied:,} denied."
                " Claims have to come over more days."
            )
    return Parts(fit, calibrate, held_out, first_end, second_end)


PART_MIN: Final = 5


def _began(rows: Rows) -> Numbers:
    """Return for each row the day of the first claim of its account."""
    _, inverse = np.unique(rows.group, return_inverse=True)
    began = np.full(int(inverse.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(began, inverse, rows.day)
    return began[inverse]


def plain(lesson: Lesson) -> Lesson:
    """Return a lesson of another tenant without anybody's name: no payer, no provider, no place of it in time but its days."""
    return replace(lesson, submission=replace(lesson.submission, payer_id="", provider_npi=""))


def on(day: int) -> date:
    return date.fromordinal(day)
