"""Scorecards over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query
from msgspec.structs import replace
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from services.analytics import answers, queries, small_cells
from services.analytics.kpis import NOTHING
from services.analytics.kpis.definitions import BY_ID, Kpi
from services.analytics.kpis.figures import Figure, earlier
from services.analytics.periods import BoundedDep
from services.analytics.queries import Asked
from services.analytics.scorecards.scoring import SCORED, By, Score, keys, score
from services.analytics.scorecards.scoring import shared as as_shared
from services.analytics.small_cells import Withheld

router = APIRouter(tags=["scorecards"])


class ScoreView(BaseModel):
    kpi: str = Field(description="a key figure of `GET /v1/kpis`, with its definition there")
    value: float | None = Field(description="null: nothing to divide by, or suppressed")
    numerator: int | None
    denominator: int | None
    before: float | None = Field(description="its own, in the period of equal length before; null: there was none, or suppressed")
    mean: float | None = Field(description="of the tenant, in this period; null: nothing to divide by, or suppressed")
    is_suppressed: bool = Field(description="of a shared card: too few cases, or small ones would follow from it")


class CardView(BaseModel):
    key: str = Field(description="payer id, or NPI")
    label: str | None = Field(description="the payer's name")
    scores: list[ScoreView]


class CardsView(BaseModel):
    by: By
    from_: date = Field(alias="from")
    to: date
    shared: bool
    items: list[CardView]


@router.get("/v1/scorecards/{by}", summary="How each of them does, beside the period before and the mean", responses=responses(422))
async def get_scorecards(
    by: Annotated[By, Path(description="of whom")],
    period: BoundedDep,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    shared: Annotated[bool, Query(description="to be shown outside: small cells are left out")] = False,
) -> CardsView:
    """Shares and times, which compare the large with the small. A shared card leaves out small cells."""
    if period.first is None or period.last is None:
        raise Problem(422, "bad-period", "A scorecard has a `from` and a `to`.")
    asked = Asked(tenant, period.first, period.last)
    before = replace(asked, **dict(zip(("first", "last"), earlier(period.first, period.last, "previous"), strict=True)))
    today = clock.now().date()
    found: list[Mapping[str, Score]] = []
    withheld: dict[tuple[str, ...], tuple[Withheld, Withheld]] = {}
    try:
        async with database.begin(tenant) as tx:
            for kpi in (BY_ID[name] for name in SCORED):
                if by in answers.dimensions(kpi):
                    scores = await _scores(tx, kpi, by, asked, before, today)
                    counted = small_cells.measures(kpi)
                    if shared and counted not in withheld:
                        withheld[counted] = (await _withheld(tx, counted, by, asked), await _withheld(tx, counted, by, before))
                    found.append(as_shared(scores, *withheld[counted]) if shared else scores)
            names = await queries.payer_names(tx, tenant) if by == "payer" else {}
    except queries.TooManyGroups:
        raise Problem(422, "too-many-groups", f"An answer has at most {queries.GROUPS_MAX} groups.") from None
    cards = [
        {"key": key, "label": names.get(key), "scores": [msgspec.structs.asdict(each[key]) for each in found if key in each]}
        for key in keys(found)
    ]
    return CardsView.model_validate({"by": by, "from": period.first, "to": period.last, "shared": shared, "items": cards})


async def _scores(tx: AsyncConnection, kpi: Kpi, by: By, asked: Asked, before: Asked, today: date) -> dict[str, Score]:
    mean, now = await answers.answer(tx, kpi, replace(asked, group_by=(by,)), 1, today)
    _, then = await answers.answer(tx, kpi, replace(before, group_by=(by,)), 1, today)
    earlier_by_key = _by_key(then)
    return {key: score(kpi.id, figure, earlier_by_key.get(key), mean) for key, figure in _by_key(now).items()}


def _by_key(figures: Sequence[Figure]) -> dict[str, Figure]:
    return {figure.keys[0]: figure for figure in figures if figure.keys[0]}


async def _withheld(tx: AsyncConnection, counted: Sequence[str], by: By, asked: Asked) -> Withheld:
    """Return what is left out of a shared card of a period, by its cases, also where a figure is of dollars or of days."""
    groups = await queries.sums_of(tx, replace(asked, group_by=(by,)), counted)
    found = {key for each in counted for key in groups[each]}
    return small_cells.withheld(
        {key[0]: small_cells.cases([groups[each].get(key, NOTHING)[0] for each in counted]) for key in found}
    )
