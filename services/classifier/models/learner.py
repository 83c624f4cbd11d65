"""What a subject brings so that models of it can be trained, evaluated and watched.

`gather` reads, inside a transaction that may only read; `fit`, `hold` and the rest compute and do no I/O. All but `unready` run
in the process of a job, never in a service's own.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.models.life import Metrics, Subject

Tell = Callable[[str, float], None]  # a step in one or two words, and the share of the whole job that is done


class Refused(Exception):  # noqa: N818 - the fact is the name
    """There is nothing to learn from, or not enough. Carries one sentence for a person, never a value of anybody's."""


class Period(Struct, frozen=True):
    first_on: date
    last_on: date
    rows: int


class Fitted(Struct, frozen=True):
    """A model fit, and how it did on the newest period, which it has not learned from, beside the rival.

    `learned` is what it was fit and calibrated on, `held_out` what `metrics` and `rival` were measured on. `rival` are the figures
    of the live model, or of plain rates where none is. `card` is JSON for people: what the model is, of what, its limits.
    """

    body: bytes
    learned: Period
    held_out: Period
    metrics: Metrics
    rival: Metrics
    card: Mapping[str, Any]


class Held(Struct, frozen=True):
    """Several models measured on the same outcomes; `metrics` in the order in which the models were given."""

    held_out: Period
    metrics: Sequence[Metrics]


class Learner(Protocol):
    """One subject. `rows` is whatever `gather` returns."""

    subject: Subject

    async def unready(self, tx: AsyncConnection, tenant_id: str) -> str | None:
        """Say in one sentence why nothing can be learned yet, cheaply; None: it can be tried."""

    async def gather(self, tx: AsyncConnection, tenant_id: str, now: datetime, tell: Tell) -> Any:
        """Read what there is to learn from."""

    def fit(self, rows: Any, live: bytes | None, tell: Tell) -> Fitted:
        """Fit on the past, measure on the newest period, the live model too. Errors: Refused."""

    def hold(self, rows: Any, bodies: Sequence[bytes], since: date) -> Held:
        """Measure models on outcomes of what came after a day. Errors: Refused where these are too few."""


class Score(Struct, frozen=True, gc=False):
    """What a model said of one claim or denial, `about`, that came on a day."""

    about: UUID
    score: float
    judged_on: date
