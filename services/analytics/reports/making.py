"""A job of the worker: reports are made of their schedules, each period's once.

The file is made on disk first, of one moment's view; then the report and the day of the next one are written in one transaction,
unless another worker was quicker: a kill leaves nothing. A sleep of weeks is caught up with, period by period. Size and number are
bounded: what is larger is told as too large, and the oldest of a schedule go.
"""

import tempfile
from collections.abc import Iterator
from typing import IO, Final

import msgspec

from libs.common.clock import Clock
from libs.common.database import Database, freeze
from libs.common.ids import uuid7
from libs.common.table_files import WRITERS
from libs.common.worker import work_off
from services.analytics.cadence import after, ended
from services.analytics.exports.tables import COLUMNS, Wanted, rows
from services.analytics.reports import store
from services.analytics.reports.store import Report, Schedule
from services.analytics.webhooks import messages
from services.analytics.webhooks.rules import REPORT_MADE

REPORT_BYTES_MAX: Final = 32 * 1024 * 1024
REPORTS_KEPT: Final = 12  # of each schedule
_PIECE_BYTES: Final = 256 * 1024
_POLL_SECONDS: Final = 30.0


class ReportMaker:
    """Makes what is due, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, bytes_max: int = REPORT_BYTES_MAX) -> None:
        self._database = database
        self._clock = clock
        self._bytes_max = bytes_max

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.make_one, idle_seconds=_POLL_SECONDS, waiting="reports_wait")

    async def make_one(self) -> int:
        """Make one report that is due; return how many were due."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            schedule = await store.due(tx, now.date())
        if schedule is None:
            return 0
        first_on, last_on = ended(schedule.cadence, schedule.next_on)
        wanted = Wanted(schedule.tenant_id, first_on, last_on, now.date(), schedule.shared)
        with tempfile.TemporaryFile() as file:
            size = await self._write(file, schedule, wanted)
            report = Report(
                schedule.tenant_id,
                uuid7(),
                schedule.schedule_id,
                schedule.what,
                schedule.format,
                schedule.shared,
                first_on,
                last_on,
                size,
                now,
            )
            async with self._database.begin() as tx:
                if await store.advance(tx, schedule, after(schedule.cadence, schedule.next_on)):
                    await store.insert(tx, report, _pieces(file) if size is not None else (), REPORTS_KEPT)
                    await messages.keep(tx, report.tenant_id, REPORT_MADE, [msgspec.json.encode(report)], now)
        return 1

    async def _write(self, file: IO[bytes], schedule: Schedule, wanted: Wanted) -> int | None:
        """Return the file's size; None where it is larger than what is kept."""
        size = 0
        async with self._database.begin() as tx:
            await freeze(tx, schedule.tenant_id)
            async for piece in WRITERS[schedule.format](COLUMNS[schedule.what], rows(tx, schedule.what, wanted)):
                size += len(piece)
                if size > self._bytes_max:
                    return None
                file.write(piece)
        return size


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE_BYTES):
        yield piece
