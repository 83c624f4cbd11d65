"""Models and their jobs as HTTP shows them."""

from datetime import date, datetime
from typing import Any, Literal, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from services.classifier.models import jobs
from services.classifier.models.life import Subject
from services.classifier.models.store import Measured, Model
from services.classifier.models.watching import Compared, Drift, Verdict


class SubjectBody(BaseModel):
    """What is learned."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"subject": "risk"}})

    subject: Subject = Field(description="risk: that a claim is denied; overturn: that an appeal is won")


class JobView(BaseModel):
    """A training or an evaluation: `done` has the model in `model_id`; `refused` and `failed` say why in `detail`."""

    job_id: UUID
    subject: Subject
    work: Literal["train", "evaluate"]
    model_id: UUID | None = Field(description="the model that is evaluated, or that was trained")
    state: Literal["waiting", "running", "done", "refused", "failed", "cancelled"]
    step: str = Field(description="what it is at")
    progress: float = Field(description="0 to 1")
    attempts: int = Field(description="how often it was begun: a process that dies is begun again, a few times")
    detail: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: jobs.Job) -> Self:
        told = msgspec.structs.asdict(job)
        return cls.model_validate({name: told[name] for name in cls.model_fields})


class FiguresView(BaseModel):
    """How chances did against what happened. A subject may have figures of its own beside these."""

    model_config = ConfigDict(extra="allow")

    log_loss: float = Field(description="lower is better; what a promotion turns on")
    pr_auc: float = Field(description="precision over recall; the rate itself is what chance gets")
    auc: float | None = Field(None, description="that a denied claim is given more than another")
    rate: float | None = Field(None, description="what happened")
    mean_chance: float | None = Field(None, description="what was said")
    calibration_error: float | None = Field(None, description="how far chances are from shares, over fifteen bins")
    recall_reviewed: float | None = Field(None, description="found among the tenth of the claims with the highest chances")
    caught_cents_per_reviewed: float | None = Field(None, description="charged on what is found there, for each claim looked at")


class EvaluationView(BaseModel):
    """A model on outcomes that it has not learned from, beside its rival on the same ones."""

    evaluation_id: UUID
    rival_id: UUID | None = Field(description="the model that was live then; null: plain rates, as none was")
    first_on: date
    last_on: date
    rows: int
    figures: FiguresView
    rival: FiguresView
    better: bool = Field(description="whether it may take the rival's place")
    evaluated_at: datetime


class ModelView(BaseModel):
    model_id: UUID
    name: str = Field(description="subject and version; what answers name")
    subject: Subject
    version: int
    state: Literal["candidate", "shadow", "live", "retired", "rolled_back"]
    sha256: str = Field(description="of its file; it is read only when this agrees")
    size_bytes: int
    first_on: date = Field(description="of what it learned from, by submission")
    last_on: date
    rows: int
    created_at: datetime
    changed_at: datetime
    promoted_at: datetime | None

    @classmethod
    def of(cls, model: Model) -> Self:
        return cls.model_validate(told_of(model))


class CardPeriod(BaseModel):
    claims: int = Field(description="of overturn: contested denials")
    denied: int = Field(description="of overturn: those that were upheld")
    first_on: date
    last_on: date


class Reference(BaseModel):
    """How the scores of the held-out period were spread: counts between edges."""

    edges: list[float]
    counts: list[int]


class Calibration(BaseModel):
    """Chances are the logistic of slope times score plus intercept."""

    slope: float
    intercept: float


class CardView(BaseModel):
    """What a model is, for people: docs/models.md says how to read it."""

    learns: str
    never_sees: str
    method: str
    prior: str | None = Field(None, description="what it began with, where other tenants taught it")
    periods: dict[str, CardPeriod] = Field(description="fit, calibrated, held_out: in this order of time")
    payers: list[str] = Field(description="whose claims it has seen, the first 200")
    weights: dict[str, float] = Field(description="how much each meaning moved the scores, of 1")
    calibration: Calibration
    reference: Reference


class ModelDetail(ModelView):
    card: CardView
    evaluations: list[EvaluationView] = Field(description="newest first")


class WeekView(BaseModel):
    from_on: date = Field(description="a Monday")
    scored: int
    looked_at: int = Field(description="of them, the same part of each day; the figures are of these")
    stability_index: float = Field(description="of the scores against the held-out period; above 0.1 watch, above 0.25 train again")
    mean_score: float
    answered: int
    mean_score_of_answered: float | None
    rate: float | None = Field(description="what came of those answered")
    calibration_error: float | None = Field(description="mean score against rate; null: fewer than 50 outcomes")


class DriftView(BaseModel):
    """Whether a model still fits what comes."""

    verdict: Verdict
    because: str
    weeks: list[WeekView]

    @classmethod
    def of(cls, found: Drift) -> Self:
        return cls.model_validate(msgspec.to_builtins(found))


class ShadowView(BaseModel):
    """The live model and the one in the shadow on the same claims; figures from 50 outcomes on."""

    live_id: UUID
    shadow_id: UUID
    scored: int = Field(description="by both; where that is more than some 20,000, the same part of each day")
    answered: int
    correlation: float | None = Field(description="of the two scores")
    live: FiguresView | None
    shadow: FiguresView | None

    @classmethod
    def of(cls, live_id: UUID, shadow_id: UUID, found: Compared) -> Self:
        return cls.model_validate(msgspec.to_builtins(found) | {"live_id": live_id, "shadow_id": shadow_id})


def told_of(model: Model) -> dict[str, Any]:
    return msgspec.structs.asdict(model) | {"name": model.name}


def evaluation_view(found: Measured, better: bool) -> EvaluationView:
    told = msgspec.structs.asdict(found)
    return EvaluationView.model_validate(told | {"figures": found.metrics, "better": better})
