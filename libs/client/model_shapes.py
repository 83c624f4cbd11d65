"""Learned models and their jobs as the client reads them; what is not read here is let through."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct


class ModelJob(Struct, frozen=True):
    """A training or an evaluation."""

    job_id: UUID
    state: str
    step: str
    progress: float
    model_id: UUID | None = None
    detail: str | None = None


class ModelEvaluation(Struct, frozen=True):
    rival_id: UUID | None
    first_on: date
    last_on: date
    rows: int
    figures: dict[str, float | None]
    rival: dict[str, float | None]
    better: bool


class ModelCard(Struct, frozen=True):
    learns: str
    never_sees: str
    weights: dict[str, float]


class Model(Struct, frozen=True):
    """A learned model; only when it is asked for alone with its card and evaluations."""

    model_id: UUID
    name: str
    state: str
    sha256: str
    first_on: date
    last_on: date
    rows: int
    created_at: datetime
    card: ModelCard | None = None
    evaluations: list[ModelEvaluation] = []


class DriftWeek(Struct, frozen=True):
    from_on: date
    scored: int
    stability_index: float
    mean_score: float
    answered: int
    rate: float | None = None
    calibration_error: float | None = None


class Drift(Struct, frozen=True):
    verdict: str
    because: str
    weeks: list[DriftWeek]


class Shadow(Struct, frozen=True):
    scored: int
    answered: int
    correlation: float | None = None
    live: dict[str, float | None] | None = None
    shadow: dict[str, float | None] | None = None
