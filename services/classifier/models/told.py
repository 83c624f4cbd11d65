"""What learners and jobs tell each other: a model that was fit, how models did, what can be scored and what came of it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from msgspec import Struct

from services.classifier.models.life import Metrics

Tell = Callable[[str, float], None]  # a step in one or two words, and the share of the whole job that is done


class Refused(Exception):  # noqa: N818 - the fact is the name
    """There is nothing to learn from, or not enough. Carries one sentence for a person, never a value of anybody's."""


class Period(Struct, frozen=True):
    first_on: date
    last_on: date
    rows: int


class Fitted(Struct, frozen=True):
    """A model fit, and how it did on the newest period, which it has not learned from, beside the rival.

    `held_out` is what `metrics` and `rival` were measured on, before the model learned from that too; `learned` is all. `rival` are
    the figures of the live model, or of plain rates where none is. `card` is JSON for people: what the model is, and of what.
    """

    body: bytes
    learned: Period
    held_out: Period
    metrics: Metrics
    rival: Metrics
    card: Mapping[str, Any]


class Held(Struct, frozen=True):
    """Several models measured on the same outcomes; `metrics` in the order in which the models were given, `plain` plain rates."""

    held_out: Period
    metrics: Sequence[Metrics]
    plain: Metrics


class Came(Struct, frozen=True, gc=False):
    """A claim or denial that can be scored, its day, its place in the order of writing, and whatever `score` takes."""

    about: UUID
    judged_on: date
    place: tuple[int, UUID]  # transaction, id
    told: Any


class Window(Struct, frozen=True):
    """Days, both included, and how much of each day is looked at."""

    first_on: date
    last_on: date
    each_day: int


class Judged(Struct, frozen=True, gc=False):
    """What a model said of a claim or denial, and what came of it; `happened` is None where nothing has come yet."""

    model_id: UUID
    about: UUID
    score: float
    judged_on: date
    happened: bool | None
    cents: int
