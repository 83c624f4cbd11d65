"""Odds over HTTP: the table row by row, and how it did on outcomes that it had not seen."""

from datetime import date, datetime
from typing import Annotated, Literal, Self, cast

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from msgspec.structs import astuple
from pydantic import BaseModel, Field

from libs.common.contracts.words import Category
from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from services.classifier.models import store as models
from services.classifier.odds import store
from services.classifier.odds.book import version_name
from services.classifier.odds.evaluation import Report
from services.classifier.odds.outcomes import Subject
from services.classifier.odds.shelf import Shelf
from services.classifier.odds.table import Cell, odds_of
from services.classifier.views import OddsView

router = APIRouter(tags=["odds"])
_report = msgspec.json.Decoder(Report).decode


async def _shelf(request: Request) -> Shelf:
    return cast("Shelf", request.app.state.odds)


OddsDep = Annotated[Shelf, Depends(_shelf)]


class OddsRow(BaseModel):
    """Contested denials that are alike, and the odds of the next one."""

    payer_id: str
    payer_kind: str = Field(description="empty: unknown")
    claim_type: str = Field(description="empty: unknown")
    level: str = Field(description="`first_level`, a later level of appeal by its name, or what was sent instead of an appeal")
    category: Category
    carc: str
    contested: int = Field(description="how many were decided")
    won: int = Field(description="how many of them brought something")
    odds: OddsView


class BinView(BaseModel):
    outcomes: int
    said: float = Field(description="mean of the odds that were told")
    won: float = Field(description="share that was won")


class QualityView(BaseModel):
    """How the odds of one way to tell them did on the held-out outcomes."""

    name: str
    log_loss: float
    brier: float
    calibration_error: float = Field(description="mean distance between what was said and what came, over the bins")
    auc: float = Field(description="how often a won one was put above a lost one; 0.5 is chance")
    bins: list[BinView]


class LiftView(BaseModel):
    """What came of each worked case where only a part of all can be worked."""

    policy: Literal["always", "amount", "table", "model"] = Field(
        description="`always`: as they come; `amount`: the largest first; `table`, `model`: by expected value"
    )
    capacity: float = Field(description="share of the cases that is worked")
    worked: int
    recovered_cents: int
    cents_per_case: int


class ModelFigures(BaseModel):
    """The live model beside the table, on the newest outcomes that it had not learned from when it was measured."""

    name: str
    held_out: int
    held_out_from: date
    log_loss: float
    table_log_loss: float
    calibration_error: float
    table_calibration_error: float
    auc: float
    table_auc: float
    cents_per_case_of_all: float = Field(description="what a case brings as they come")
    cents_per_case_of_25_percent: float = Field(description="where a quarter can be worked: the model's best first")
    table_cents_per_case_of_25_percent: float

    @classmethod
    def of(cls, name: str, measured: models.Measured) -> Self:
        told = {"name": name, "held_out": measured.rows, "held_out_from": measured.first_on}
        return cls.model_validate({**measured.metrics, **told})


class OddsReport(BaseModel):
    """What the odds rest on and how they did on the newest outcomes, told from the earlier ones alone."""

    version: str
    made_at: datetime
    outcomes: int
    won: int
    first_on: date | None = Field(description="day of the first decision")
    last_on: date | None
    held_out: int = Field(description="newest outcomes that the measured odds had not seen; 0: too few to measure")
    held_out_from: date | None
    chosen: Literal["table", "model"] = Field(description="what tells the odds now")
    qualities: list[QualityView]
    lift: list[LiftView]
    model: ModelFigures | None = Field(description="the live model as it was measured last; null: none is live")


@router.get("/v1/odds", summary="What the odds of overturn rest on, row by row", responses=responses(400, 422))
async def list_odds(
    tenant: TenantDep,
    database: DatabaseDep,
    shelf: OddsDep,
    payer: Annotated[str | None, Query(max_length=80, description="payer id (TRN03)")] = None,
    category: Annotated[Category | None, Query(description="why it was denied")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[OddsRow]:
    """Each row with its own outcomes and the odds that these, what is alike and published rates give together."""
    filters = {"payer": payer, "category": category}
    after = read_cursor(cursor, tenant, filters, _place)
    async with database.begin(tenant) as tx:
        known = await shelf.known(tx, tenant)
    table = known.table
    rows = [
        cell
        for cell in table.cells
        if (payer is None or cell.subject.payer_id == payer)
        and (category is None or cell.subject.category == category)
        and (after is None or astuple(cell.subject) > after)
    ]

    def row(cell: Cell) -> OddsRow:
        told = msgspec.structs.asdict(odds_of(table, cell.subject)) | {"version": version_name(table)}
        counted = {"contested": cell.outcomes, "won": cell.won}
        return OddsRow.model_validate(msgspec.structs.asdict(cell.subject) | counted | {"odds": told})

    return cut_page(rows[: limit + 1], limit, tenant, filters, row, position=lambda cell: "\x1f".join(astuple(cell.subject)))


def _place(told: str) -> tuple[str, ...]:
    parts = tuple(told.split("\x1f"))
    if len(parts) != len(Subject.__struct_fields__):
        raise ValueError("no row")
    return parts


@router.get("/v1/odds/evaluation", summary="How the odds did on outcomes they had not seen", responses=responses(404, 422))
async def get_odds_evaluation(
    tenant: TenantDep,
    database: DatabaseDep,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="of the table; left out: the newest")] = None,
) -> OddsReport:
    """Lift and calibration, not accuracy. 404 as long as nothing that was contested has been decided."""
    async with database.begin(tenant) as tx:
        found = await store.table(tx, tenant, version or await store.newest_version(tx, tenant))
        live = (await models.in_use(tx, tenant, "overturn")).get("live")
        measured = await models.evaluations(tx, tenant, live.model_id) if live is not None else []
    if found is None:
        raise not_found("table of odds")
    table, made_at, report = found
    told = msgspec.to_builtins(_report(report)) | {"version": version_name(table), "made_at": made_at}
    told["chosen"] = "table" if live is None else "model"
    told["model"] = ModelFigures.of(live.name, measured[0]) if live is not None and measured else None
    return OddsReport.model_validate(told)
