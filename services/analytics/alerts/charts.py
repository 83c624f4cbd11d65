"""Control charts of a payer's refusals, of one category or of all: what was usual, and since when it is not. Pure.

Two charts over the same days. Laney's p' chart says what a day's share may be: its limits widen with the variation between days
that chance alone does not explain, and a level of each weekday's own is taken out. It is shown, and it gives the dispersion. The
decision is CUSUM's: the log-likelihood ratio of doubled odds against the usual ones, divided by the dispersion, summed up and
never below zero. It needs no least number of claims a day: few say little, days without volume nothing. One day never decides.

What is usual is learned from the half year before, without the days of shifts, anew each week, and not while evidence mounts. It is
taken as high as it may well be, so that a payer who is hardly known, or a category that is hardly seen, needs the more evidence.

Source: Laney, "Improved control charts for attributes" (2002); Page, "Continuous inspection schemes" (1954); for when a payer tells
of a payment, CAQH CORE rule 370.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

State = Literal["learning", "watching", "shifted"]
Ended = Literal["back", "new_normal"]

_WEEK: Final = 7
_YEAR: Final = 365
_MOVING_RANGE: Final = 1.128  # of two: what a mean moving range is of a standard deviation
_SIGMAS: Final = 3.0
_DAILY: Final = 250.0  # days with volume in a year, of a payer that pays on workdays
_SIGNAL_MIN: Final = 1.5
_STRAGGLERS: Final = 0.1
_TOLD_WITHIN: Final = timedelta(days=7)


class Tuning(Struct, frozen=True):
    """What decides how soon and how often a chart speaks; set by `make bench insight` (docs/alerts.md has the figures)."""

    signal_at: float = (
        6.0  # evidence (natural logarithm of the likelihood ratio) at which a shift is told, of a payer that pays daily
    )
    back_at: float = 4.0  # the same, for being back
    day_share: float = 0.6  # of `signal_at`, at most, from one day
    odds: float = 2.0  # the shift that is looked for
    doubt: float = 1.0  # standard errors by which the usual level is taken to be higher than it was
    learn_days: int = 182
    least_days: int = 15  # with volume, before anything is said
    least_claims: int = 100
    weekday_weight: float = 20.0  # refusals that a weekday's own level must outweigh
    settles_after_days: int = 90  # then a shift is what is usual


# Of all refusals there is one chart a payer, of categories there are ten: these need more, so that together they are quiet enough.
OF_ALL: Final = Tuning(signal_at=4.5)
OF_CATEGORY: Final = Tuning(signal_at=7.5)


class Day(Struct, frozen=True, gc=False):
    """A payment day: claims answered for the first time, and those of them that were refused."""

    on: date
    claims: int
    denied: int
    refused_cents: int = 0


def is_finished(on: date, claims: int, fresh: int, through: date) -> bool:
    """Say whether a payment day is there to be judged: it has ended, and nearly nothing of it came since the last day's end.

    Half of a day's answers are another day: a payer's files come one after another, and what one refuses the next may not. Payers
    tell of a payment within three workdays of it; what comes after a week is late, and waits for nothing.
    `fresh`: of its claims, those that became known after `through`, the last day that has ended.
    """
    return on <= through and (fresh <= claims * _STRAGGLERS or on <= through - _TOLD_WITHIN)


class Episode(Struct, frozen=True):
    """A shift that was told. `ended_on` None: it stands.

    `counts`: its days are not left out of what is usual. `is_level`: from its begin on nothing older counts.
    """

    began_on: date
    signalled_on: date
    ended_on: date | None = None
    counts: bool = False
    is_level: bool = False


class Usual(Struct, frozen=True):
    """What is usual: the share refused, weekdays' factors of it, and the dispersion (1: chance alone)."""

    rate: float
    doubted: float  # the rate, as high as it may well be
    weekdays: tuple[float, ...]
    dispersion: float
    days_a_year: float = _DAILY  # with volume

    def signal_at(self, tuning: Tuning) -> float:
        """Return the evidence at which a shift is told.

        Every day is a chance to be wrong, so that who pays on fewer days needs less for as few false alarms a year: false alarms
        fall with e to the power of the threshold.
        """
        return max(tuning.signal_at + math.log(self.days_a_year / _DAILY), _SIGNAL_MIN)

    def of(self, on: date, *, doubted: bool = False) -> float:
        """Return the share to expect on a day."""
        rate = self.doubted if doubted else self.rate
        return min(max(rate * self.weekdays[on.weekday()], 1e-6), 0.99)


class Point(Struct, frozen=True):
    """A day of a chart. `expected` and `upper_limit` are shares, `signal_at` the evidence that a shift would take; None: nothing is
    usual yet.
    """

    on: date
    claims: int
    denied: int
    expected: float | None
    upper_limit: float | None
    evidence: float
    state: State
    signal_at: float | None = None


class Shift(Struct, frozen=True):
    """A shift that stands, or ended on the chart's way. `expected`: refusals that would have been usual since it began."""

    began_on: date
    signalled_on: date
    usual_rate: float
    claims: int
    denied: int
    expected: float
    refused_cents: int
    ended_on: date | None = None
    ended: Ended | None = None


class Chart(Struct, frozen=True):
    """`shifts`: all of them, the last one last; it stands where the state is `shifted`."""

    points: tuple[Point, ...]
    state: State
    shifts: tuple[Shift, ...]

    @property
    def standing(self) -> Shift | None:
        """Return the shift that stands on the last day."""
        return self.shifts[-1] if self.state == "shifted" else None


def chart(days: Iterable[Day], episodes: Sequence[Episode] = (), tuning: Tuning = OF_ALL) -> Chart:
    """Return the chart of days, in any order; what was told of earlier (`episodes`) stands as it was told."""
    return _Walk(sorted((day for day in days if day.claims > 0), key=_on), episodes, tuning).walk()


def _on(day: Day) -> date:
    return day.on


class _Walk:
    """One way through the days, from the first to the last."""

    def __init__(self, days: Sequence[Day], episodes: Sequence[Episode], tuning: Tuning) -> None:
        self._days = days
        self._dates = [day.on for day in days]
        self._told = sorted(episodes, key=lambda each: each.began_on)
        self._tuning = tuning
        self._left_out = [False] * len(days)
        self._level_from = date.min
        self._usual: Usual | None = None
        self._learned_on = date.min
        self._evidence = 0.0
        self._began_on: date | None = None  # of the evidence, or of the shift
        self._signalled_on: date | None = None
        self._is_told = False
        self._shifts: list[Shift] = []

    def walk(self) -> Chart:
        points = []
        for place, day in enumerate(self._days):
            if not self._is_told:
                self._begin_told(day.on)
            if self._signalled_on is None:
                self._watch(place, day)
            else:
                self._stand(day)
            points.append(self._point(day))
            if self._signalled_on is not None:
                self._look_for_end(place, day)
        if self._signalled_on is not None:
            self._shifts.append(self._of_days(len(self._days)))
        return Chart(tuple(points), self._state(points), tuple(self._shifts))

    def _state(self, points: Sequence[Point]) -> State:
        """Return how the chart stands after its last day: a shift that ended with it is over, though the day was one of it."""
        if self._signalled_on is not None:
            return "shifted"
        last = points[-1].state if points else "learning"
        return "watching" if last == "shifted" else last

    def _begin_told(self, on: date) -> None:
        """Take up what was told of and covers this day."""
        while self._told and (ended := self._told[0].ended_on) is not None and ended < on:
            self._told.pop(0)
        if self._told and self._told[0].began_on <= on:
            told = self._told[0]
            if self._usual is None or (self._evidence == 0 and self._signalled_on is None):
                self._learn(bisect_left(self._dates, told.began_on), on)
            self._began_on, self._signalled_on, self._is_told, self._evidence = told.began_on, told.signalled_on, True, 0.0

    def _watch(self, place: int, day: Day) -> None:
        if self._usual is None or (self._evidence == 0 and (day.on - self._learned_on).days >= _WEEK):
            self._learn(place, day.on)
        if self._usual is None:
            return
        signal_at = self._usual.signal_at(self._tuning)
        most = signal_at * self._tuning.day_share
        evidence = max(0.0, self._evidence + min(self._says(day, self._usual), most))
        if evidence > 0 and self._evidence == 0:
            self._began_on = day.on
        self._evidence = evidence
        if evidence >= signal_at:
            self._began_on = self._likeliest_begin(self._usual, bisect_left(self._dates, self._began_on or day.on), place)
            self._signalled_on, self._is_told, self._evidence = day.on, False, 0.0

    def _likeliest_begin(self, usual: Usual, first: int, last: int) -> date:
        """Return the day from which on the days up to a signal differ most from what is usual.

        Evidence may have lingered for weeks before: that it began to mount is not yet that the shift began.
        """
        begin, most = self._dates[last], 0.0
        denied, expected = 0, 0.0
        for place in range(last, first - 1, -1):
            day = self._days[place]
            denied += day.denied
            expected += day.claims * usual.of(day.on)
            if denied > expected and (gain := denied * math.log(denied / expected) - (denied - expected)) > most:
                begin, most = day.on, gain
        return begin

    def _stand(self, day: Day) -> None:
        """Weigh, in a shift, whether it is over."""
        if self._usual is not None:
            most = self._tuning.back_at * self._tuning.day_share
            self._evidence = max(0.0, self._evidence + min(-self._says(day, self._usual), most))

    def _look_for_end(self, place: int, day: Day) -> None:
        told = self._told[0] if self._is_told else None
        last_told = told is not None and told.ended_on is not None and self._is_last(place, told.ended_on)
        back = told is None or told.ended_on is None
        if last_told and told is not None:
            self._end(place, day.on, None, counts=told.counts, is_level=told.is_level)
        elif back and self._evidence >= self._tuning.back_at and self._signalled_on != day.on:
            self._end(place, day.on, "back", counts=False, is_level=False)
        elif back and (day.on - (self._signalled_on or day.on)).days >= self._tuning.settles_after_days:
            self._end(place, day.on, "new_normal", counts=True, is_level=True)

    def _is_last(self, place: int, ended_on: date) -> bool:
        """Say whether no later day is in what ended then."""
        return place + 1 == len(self._days) or self._dates[place + 1] > ended_on

    def _end(self, place: int, on: date, ended: Ended | None, *, counts: bool, is_level: bool) -> None:
        found = self._of_days(place + 1)
        self._shifts.append(replace(found, ended_on=on, ended=ended))
        first = bisect_left(self._dates, found.began_on)
        if not counts:
            for each in range(first, place + 1):
                self._left_out[each] = True
        if is_level:
            self._level_from = found.began_on
        if self._is_told:
            self._told.pop(0)
        self._began_on = self._signalled_on = None
        self._is_told, self._evidence, self._learned_on = False, 0.0, date.min

    def _of_days(self, until: int) -> Shift:
        """Return the shift that stands, over its days up to a place."""
        began_on, signalled_on = self._began_on or date.min, self._signalled_on or date.min
        days = self._days[bisect_left(self._dates, began_on) : until]
        usual = self._usual
        return Shift(
            began_on,
            signalled_on,
            usual.rate if usual else 0.0,
            sum(day.claims for day in days),
            sum(day.denied for day in days),
            sum(day.claims * usual.of(day.on) for day in days) if usual else 0.0,
            sum(day.refused_cents for day in days),
        )

    def _point(self, day: Day) -> Point:
        usual = self._usual
        if usual is None:
            return Point(day.on, day.claims, day.denied, None, None, 0.0, "learning")
        share = usual.of(day.on)
        spread = _SIGMAS * math.sqrt(usual.dispersion * share * (1 - share) / day.claims)
        shifted = self._signalled_on is not None
        return Point(
            day.on,
            day.claims,
            day.denied,
            share,
            min(share + spread, 1.0),
            self._evidence,
            "shifted" if shifted else "watching",
            usual.signal_at(self._tuning),
        )

    def _says(self, day: Day, usual: Usual) -> float:
        """Return the evidence of one day: the log-likelihood ratio of the shift that is looked for, by the dispersion."""
        low = usual.of(day.on, doubted=True)
        high = self._tuning.odds * low / (1 + (self._tuning.odds - 1) * low)
        ratio = day.denied * math.log(high / low) + (day.claims - day.denied) * math.log((1 - high) / (1 - low))
        return ratio / usual.dispersion

    def _learn(self, place: int, on: date) -> None:
        """Learn what is usual from the days before a place; too few of them leave nothing usual."""
        self._learned_on = on
        first = bisect_left(self._dates, max(self._level_from, on - timedelta(days=self._tuning.learn_days)), hi=place)
        days = [self._days[each] for each in range(first, place) if not self._left_out[each]]
        claims = sum(day.claims for day in days)
        if len(days) < self._tuning.least_days or claims < self._tuning.least_claims:
            self._usual = None
            return
        self._usual = usual(days, self._tuning)


def usual(days: Sequence[Day], tuning: Tuning = OF_ALL) -> Usual:
    """Return what was usual on days with volume."""
    claims, denied = sum(day.claims for day in days), sum(day.denied for day in days)
    rate = (denied + 0.5) / (claims + 1)
    sums = [[0.0, 0.0] for _ in range(_WEEK)]
    for day in days:
        of_weekday = sums[day.on.weekday()]
        of_weekday[0] += day.denied
        of_weekday[1] += day.claims * rate
    weight = tuning.weekday_weight
    weekdays = tuple((found + weight) / (expected + weight) for found, expected in sums)
    dispersion = _dispersion(days, Usual(rate, rate, weekdays, 1.0))
    doubt = tuning.doubt * math.sqrt((denied + 1) * dispersion)
    span = (days[-1].on - days[0].on).days + 1
    return Usual(rate, (denied + 1 + doubt) / (claims + 1), weekdays, dispersion, max(len(days) * _YEAR / span, 1.0))


def _dispersion(days: Sequence[Day], usual: Usual) -> float:
    """Return the square of Laney's sigma: how much more days differ than chance alone lets them; 1 at least."""
    before = None
    ranges = 0.0
    for day in days:
        share = usual.of(day.on)
        found = (day.denied - day.claims * share) / math.sqrt(day.claims * share * (1 - share))
        if before is not None:
            ranges += abs(found - before)
        before = found
    sigma = ranges / max(len(days) - 1, 1) / _MOVING_RANGE
    return max(sigma * sigma, 1.0)
