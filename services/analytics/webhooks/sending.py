"""A job of the worker: posts what waits for subscribers, again until it is taken, and says why where it gives up.

That it is to be posted stands in the transaction of the alert's step. Who posts leases it, and writes how it ended only while the
lease holds: killed between, it goes again under the same `webhook-id`, by which a receiver knows it.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.signed_post import Poster, Undeliverable
from libs.common.worker import work_off
from services.analytics import queries
from services.analytics.alerts.views import PostedView
from services.analytics.webhooks import store
from services.analytics.webhooks.rules import wait_after
from services.analytics.webhooks.store import Delivery

log = structlog.get_logger()

_POST_SECONDS: Final = 30.0
LEASE: Final = timedelta(minutes=3)  # longer than a post may take
_AT_ONCE: Final = 8  # one that is slow holds up no other
_IDLE_SECONDS: Final = 2.0
_KEPT: Final = timedelta(days=30)


class WebhookSender:
    """Posts for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, loopback: bool) -> None:
        self._database = database
        self._clock = clock
        self._poster = Poster(whole_seconds=_POST_SECONDS, loopback=loopback)

    async def run(self) -> None:
        """Work until cancelled."""
        await work_off(self.send_some, idle_seconds=_IDLE_SECONDS, waiting="webhooks_wait", full=_AT_ONCE)

    async def send_some(self) -> int:
        """Post some of what is due; return how many."""
        now = self._clock.now()
        async with self._database.begin() as tx:
            leased = await store.lease(tx, now, now + LEASE, _AT_ONCE)
            if not leased:
                await store.forget(tx, now - _KEPT)
        await asyncio.gather(*map(self._send, leased))
        return len(leased)

    async def _send(self, delivery: Delivery) -> None:
        async with self._database.begin() as tx:
            found = await store.told(tx, delivery)
            names = await queries.payer_names(tx, delivery.tenant_id)
        if found is None:
            return
        webhook, told = found
        body = PostedView.of(told, names).model_dump_json().encode()
        now = self._clock.now()
        try:
            outcome = await self._poster.post(
                webhook.url, [webhook.secret], str(delivery.delivery_id), body, {"Content-Type": "application/json"}, now
            )
        except (Undeliverable, Transient) as error:
            await self._in_vain(delivery, str(error), now)
            return
        async with self._database.begin() as tx:
            await store.end(tx, delivery, "delivered", outcome, delivery.next_at, self._clock.now())

    async def _in_vain(self, delivery: Delivery, reason: str, now: datetime) -> None:
        wait = wait_after(delivery.attempts, reason)
        log.warning("webhook_in_vain", webhook_id=str(delivery.webhook_id), reason=reason, attempts=delivery.attempts)
        async with self._database.begin() as tx:
            if wait is None:
                await store.end(tx, delivery, "dead", reason, delivery.next_at, now)
            else:
                await store.end(tx, delivery, "waiting", reason, now + wait, now)
