"""The codes by which payers refuse, over HTTP."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from libs.common.http.written import Day
from services.analytics import queries
from services.analytics.codes.pareto import MEASURE, By, pareto
from services.analytics.facts.measures import DIMENSIONS, MEASURES
from services.analytics.filters import FILTERS_MAX, read_filters
from services.analytics.kpis import whole
from services.analytics.periods import BoundedDep
from services.analytics.queries import GROUPS_MAX, Asked

router = APIRouter(tags=["root causes"])

_FILTERED: Final = tuple(name for name in DIMENSIONS if name in MEASURES["coded"][1])


class DenialCodeView(BaseModel):
    """One code, or, by RARC, one code with its remarks."""

    group_code: str = Field(description="claim adjustment group code; empty: not told")
    carc: str = Field(description="claim adjustment reason code; empty: not told")
    rarcs: list[str] = Field(description="remittance advice remark codes, in order; by CARC: none")
    denials: int = Field(description="denials that it is a reason of; a denial counts once for each of its codes")
    denied_cents: int = Field(description="refused by it")
    share: float = Field(description="denied_cents / those of all codes")
    cumulative_share: float = Field(description="the same of it and of all that cost more")


class DenialCodesView(BaseModel):
    from_: date | None = Field(alias="from")
    to: date | None
    as_of: date | None = Field(description="made of what was known on the evening of this day (UTC); null: of all that is known")
    by: By
    denials: int = Field(description="denials in all, also those whose codes were not told")
    denied_cents: int = Field(description="refused by all codes")
    items: list[DenialCodeView] = Field(description="those that cost most first")
    others: int = Field(description="how many more codes there are")
    others_cents: int = Field(description="refused by them")


@router.get("/v1/denial-codes", summary="By which codes payers refuse, those that cost most first", responses=responses(422))
async def list_denial_codes(
    period: BoundedDep,
    tenant: TenantDep,
    database: DatabaseDep,
    by: Annotated[By, Query(description="carc: by group code and CARC; rarc: also by the RARCs that stand with them")] = "carc",
    filter_: Annotated[
        list[str],
        Query(alias="filter", max_length=FILTERS_MAX, description="dimension:value, as key figures by denial have them"),
    ] = [],  # noqa: B006 - read only
    as_of: Annotated[Day | None, Query(description="of what was known on the evening of this day")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="codes")] = 50,
) -> DenialCodesView:
    """Denials by their payment day, as `denied-dollars` counts them: taken back later, a denial was one all the same.

    The category is the denial's. What a code costs is what was refused by it, so the shares of all codes together are 1.
    """
    measure = MEASURE[by]
    asked = Asked(
        tenant, period.first, period.last, as_of, ("code",), read_filters(filter_, _FILTERED, ": " + ", ".join(_FILTERED))
    )
    try:
        async with database.begin(tenant) as tx:
            sums = await queries.sums_of(tx, asked, (measure, "denied"))
    except queries.TooManyGroups:
        raise Problem(422, "too-many-groups", f"There are more than {GROUPS_MAX} codes: filter, or ask by carc.") from None
    found = pareto(sums[measure], limit)
    return DenialCodesView.model_validate(
        {
            "from": period.first,
            "to": period.last,
            "as_of": as_of,
            "by": by,
            "denials": whole(sums["denied"])[0],
            "denied_cents": found.denied_cents,
            "items": [DenialCodeView.model_validate(each, from_attributes=True) for each in found.codes],
            "others": found.others,
            "others_cents": found.others_cents,
        }
    )
