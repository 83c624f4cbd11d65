"""The worker's clock: what has come due is placed anew, warned of, and expired where no way is left.

One look into one index finds what time alone has changed since; a batch is one transaction that holds what it looks at, so that a
kill leaves it as if it had not begun, several workers share the work, and a sleep of days is caught up with once. A warning has the
deadline in its key: it is raised once.
"""

from typing import Final

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.people import SYSTEM
from libs.common.worker import work_off
from services.appeals import closing
from services.appeals import store as cases
from services.appeals.workflow import WHY, Command, Decision, Move, decide
from services.appeals.worklist import store

BATCH: Final = 2000
_IDLE_SECONDS: Final = 5.0


class CaseClock:
    """Looks at what is due, for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.scan_batch, full=self._batch, idle_seconds=_IDLE_SECONDS, waiting="case_clock_waits")

    async def scan_batch(self) -> int:
        """Go through one batch of what is due; return how many cases it held."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            found = await store.due(tx, now, self._batch)
            placed = await store.move(tx, found, now)
            over = {(case.tenant_id, case.case_id): told.expires_on for case, told in placed if told.over}
            held = await cases.known_cases(tx, over)
            asked = Move(command=Command.EXPIRE, who=SYSTEM, why=WHY[Command.EXPIRE])
            decided = {key: told for key, case in held.items() if isinstance(told := decide(case, asked, now), Decision)}
            await cases.move(tx, {key: told.case for key, told in decided.items()}, now, store.expired)
            await closing.tell(tx, [(key, step) for key, told in decided.items() for step in told.steps])
        return len(found)
