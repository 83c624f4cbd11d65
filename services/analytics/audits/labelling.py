"""A job of the worker: what two reviewers hold to be so is told to the classifier, as an audit's label of the denial.

A label is put in the place of the one before, so that telling it twice, after a kill, is telling it once. While the classifier is
away the labels wait.
"""

from typing import Final

import httpx
import structlog

from libs.common.access.signing import OwnTokens
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.http.neighbour import RETRY_AFTER, Behalf, Neighbour, Refused
from libs.common.http.problem import Problem
from libs.common.telemetry import new_traceparent
from libs.common.worker import take_turns, work_off
from services.analytics.audits import store
from services.analytics.audits.store import Item

log = structlog.get_logger()

_AT_ONCE: Final = 50
_POLL_SECONDS: Final = 2.0
_AWAY: Final = 503


def _unavailable() -> Problem:
    return Problem(503, "classifier-unavailable", "The classifier does not answer.", headers=RETRY_AFTER)


class Classifier(Neighbour):
    """Tells the classifier; one for a process. Errors: Problem 503 while it is away, Refused."""

    def __init__(self, url: str, own: OwnTokens | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(url, _unavailable, own, transport)

    async def label(self, item: Item) -> bool:
        """Put an item's label; False where there is no such denial."""
        verdict = item.verdict
        if verdict is None:
            raise AssertionError("an item that is not final says nothing")
        told = {
            "category": verdict.category or item.unit.category,
            "action": verdict.action or item.unit.action,
            "note": verdict.note,
        }
        behalf = Behalf(item.tenant_id, new_traceparent())
        return await self._put(f"/v1/denials/{item.unit.denial_id}/labels/audit", told, behalf) is not None


class Labeller:
    """Tells labels, for ever, of all tenants. Several may run."""

    def __init__(self, database: Database, classifier: Classifier) -> None:
        self._database = database
        self._classifier = classifier

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.tell, idle_seconds=_POLL_SECONDS, waiting="labels_wait", full=_AT_ONCE)

    async def tell(self) -> int:
        """Tell some of each tenant; return how many. Errors: Transient while the classifier is away, or refuses a tenant."""
        async with self._database.begin() as tx:
            waiting = await store.unsent(tx, _AT_ONCE)
        return await take_turns(waiting, lambda tenant_id: self._tell(waiting[tenant_id]))

    async def _tell(self, items: list[Item]) -> int:
        for item in items:
            try:
                is_known = await self._classifier.label(item)
            except Refused:
                is_known = False
            except Problem as problem:
                if problem.status == _AWAY:
                    raise Transient(problem.name) from problem
                raise
            if not is_known:
                log.warning("label_refused", audit_id=str(item.audit_id), item=item.item)
            async with self._database.begin() as tx:
                await store.mark_label(tx, item, "sent" if is_known else "refused")
        return len(items)
