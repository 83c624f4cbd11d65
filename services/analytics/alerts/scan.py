"""The worker's scan: payers whose sums have moved are charted anew, and what follows is written, one payer a transaction.

Whoever adds to a payer's sums marks it (analytics/store.py), and what was looked at is written with what follows: killed anywhere,
it is as if it had not begun. Of several workers one has a payer at a time, and one shift has one alert that stands.

Judged are finished days alone, so that how often it looks does not matter: what half of a day said stands as it was told.
"""

from datetime import date, timedelta
from itertools import repeat
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.database import Database, lock_name
from libs.common.ids import uuid7
from libs.common.worker import look_again
from services.analytics.alerts import store, telling
from services.analytics.alerts.charts import OF_ALL, OF_CATEGORY, Chart, Day, chart
from services.analytics.alerts.lifecycle import ALL, Alert, ended_elsewhere, episodes, settle
from services.analytics.alerts.store import Mark, Sums
from services.analytics.store import ended_through

log = structlog.get_logger()

_IDLE_SECONDS: Final = 15.0
_DAYS_BACK: Final = timedelta(days=400)
_DAY: Final = timedelta(days=1)
_DAYS_AHEAD: Final = timedelta(days=14)  # payments bear dates to come; one of another century is a slip


def window(today: date) -> tuple[date, date]:
    """Return the days that charts are made of."""
    return today - _DAYS_BACK, today + _DAYS_AHEAD


def charts_of(days: dict[str, list[Day]], known: list[Alert]) -> dict[str, Chart]:
    """Return a payer's charts by category."""
    return {category: chart_of(category, of_category, known) for category, of_category in sorted(days.items())}


def chart_of(category: str, days: list[Day], known: list[Alert]) -> Chart:
    """Chart a category's days; what ended with an alert of another chart ends on this one, too, and it goes on from there."""
    tuning, told = OF_ALL if category == ALL else OF_CATEGORY, episodes(known, category)
    found = chart(days, told, tuning)
    while (over := ended_elsewhere(found, category, known)) is not None and over not in told:
        told.append(over)
        found = chart(days, told, tuning)
    return found


class AlertScan:
    """Looks at what has moved, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""

        async def step() -> None:
            await self.scan()

        await look_again(step, idle_seconds=_IDLE_SECONDS, waiting="alerts_wait")

    async def scan(self) -> int:
        """Chart the payers whose sums have moved; return how many."""
        async with self._database.begin() as tx:
            marks = await store.changed(tx, await ended_through(tx))
        for mark in marks:
            await self._look(mark)
        return len(marks)

    async def _look(self, mark: Mark) -> None:
        now = self._clock.now()
        async with self._database.begin() as tx:
            await lock_name(tx, "alerts", mark.tenant_id, mark.payer_id)
            known = await store.of_payer(tx, mark.tenant_id, mark.payer_id, lock=True)
            through = await ended_through(tx)
            sums = await store.days_of(tx, mark.tenant_id, mark.payer_id, window(now.date()), through)
            charts = charts_of(sums.days, known)
            settled = settle(mark.tenant_id, mark.payer_id, charts, known, now, (uuid7() for _ in repeat(None)))
            await telling.write(tx, settled.steps, settled.moved)
            await store.write_mark(tx, mark, now, _again_on(sums, through))
        for step in settled.steps:
            log.info("alert", what=step.what, alert_id=str(step.after.alert_id))


def _again_on(sums: Sums, through: date | None) -> date | None:
    """Return when a payer is looked at again though nothing moves: days that are not finished become so by a day's end."""
    return (through + _DAY if through else date.min) if sums.waits else None
