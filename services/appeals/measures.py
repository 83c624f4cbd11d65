"""What appeals measures beside what every service does."""

from typing import Final

from sqlalchemy import text

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.metrics import Gauge
from libs.common.watching import Look

DEADLINES: Final = Gauge(
    "recours.deadlines",
    "{case}",
    "Cases that are ours to act on and whose deadline is near, each in one of the three.",
    {"recours.deadline.is": "passed, within_3_days or within_7_days"},
)
_LOOK_SECONDS: Final = 60.0
_NEAR: Final = text(
    """
    SELECT count(*) FILTER (WHERE deadline_on < :today) AS passed,
        count(*) FILTER (WHERE deadline_on BETWEEN :today AND CAST(:today AS date) + 3) AS within_3_days,
        count(*) FILTER (WHERE deadline_on > CAST(:today AS date) + 3) AS within_7_days
    FROM worklist WHERE place <> 'away' AND deadline_on <= CAST(:today AS date) + 7
    """
)


def at_deadlines(database: Database, clock: Clock) -> Look:
    """Deadlines of all tenants, by the day in UTC."""

    async def look() -> None:
        async with database.begin() as tx:
            row = (await tx.execute(_NEAR, {"today": clock.now().date()})).mappings().one()
        DEADLINES.hold([(count, {"recours.deadline.is": name}) for name, count in row.items()])

    return Look(look, _LOOK_SECONDS)
