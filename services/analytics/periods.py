"""The days that a question is about: as all services take them (`PeriodDep`), and between two ends are ten years at most."""

from datetime import date
from typing import Annotated

from fastapi import Depends

from libs.common.http.deps import Period, PeriodDep
from libs.common.http.problem import Problem
from services.analytics.spans import DAYS_MAX, is_too_long


def require_bounded(first: date | None, last: date | None) -> None:
    """Errors: Problem 422 (`bad-period`)."""
    if is_too_long(first, last):
        raise Problem(422, "bad-period", f"A period has at most {DAYS_MAX} days.")


async def _bounded(period: PeriodDep) -> Period:
    require_bounded(period.first, period.last)
    return period


BoundedDep = Annotated[Period, Depends(_bounded)]
