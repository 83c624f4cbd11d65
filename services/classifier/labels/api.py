"""Labels over HTTP: kept beside denials, listed, and held against the judgement."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts.words import Action, Category
from libs.common.http.deps import ClockDep, DatabaseDep, PeriodDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_id_cursor
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from services.classifier.labels import store
from services.classifier.labels.evaluation import evaluate
from services.classifier.labels.store import Label
from services.classifier.rules import store as rules_store

router = APIRouter(tags=["rules"])

Source = Literal["biller", "audit"]


class LabelBody(BaseModel):
    """What a person says that the denial is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"category": "provider_enrollment", "action": "contact_payer"}}
    )

    category: Category
    action: Action
    note: str = Field("", max_length=500, description="why; no patient's data")


class LabelView(BaseModel):
    denial_id: UUID
    source: Source
    category: Category
    action: Action
    note: str
    labelled_at: datetime

    @classmethod
    def of(cls, label: Label) -> Self:
        return cls.model_validate(msgspec.structs.asdict(label))


class ConfusedView(BaseModel):
    labelled: Category
    judged: Category
    denials: int
    denied_cents: int


class DisagreementView(BaseModel):
    code: str
    labelled: int = Field(description="labelled denials that name the code")
    category_differs: int
    action_differs: int


class EvaluationView(BaseModel):
    """Labels against judgements; an audit's label outweighs a biller's of the same denial."""

    labelled: int
    category_right: int
    action_right: int
    both_right: int
    action_listed: int = Field(description="the labelled action is ours or one of our alternatives")
    confusion: list[ConfusedView] = Field(description="every pair of labelled and judged category, the most frequent first")
    disagreements: list[DisagreementView] = Field(description="by code, the most first")


@router.put("/v1/denials/{denial_id}/labels/{source}", summary="Say what a denial is", responses=responses(404, 413, 422))
async def put_label(
    denial_id: UUID, source: Source, body: LabelBody, tenant: TenantDep, database: DatabaseDep, clock: ClockDep
) -> LabelView:
    """The latest of each source is kept. It changes no judgement: rules do that."""
    async with database.begin(tenant) as tx:
        label = await store.keep(tx, tenant, denial_id, source, body.category, body.action, body.note, clock.now())
    if label is None:
        raise not_found("denial")
    return LabelView.of(label)


@router.get("/v1/labels", summary="Labels, newest first", responses=responses(400, 422))
async def list_labels(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[LabelView]:
    before = read_id_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await store.labels(tx, tenant, before=before, limit=limit + 1)
    return cut_page(rows, limit, tenant, {}, LabelView.of, position=lambda row: row.row_id)


@router.get("/v1/labels/evaluation", summary="How the judgement stands against the labels", responses=responses(404, 422))
async def get_evaluation(
    tenant: TenantDep,
    database: DatabaseDep,
    period: PeriodDep,
    source: Annotated[Source | None, Query(description="labels of this source alone")] = None,
    version: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="judged by this version of the rules; left out: as they stand")
    ] = None,
) -> EvaluationView:
    async with database.begin(tenant) as tx:
        rules = await rules_store.rule_set(tx, tenant, version) if version is not None else None
        if version is not None and rules is None:
            raise not_found("version of the rules")
        found = evaluate(await store.reviewed(tx, tenant, source, period.first, period.last, rules))
    return EvaluationView.model_validate(msgspec.to_builtins(found))
