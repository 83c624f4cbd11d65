"""A job: posts what is queued for webhooks, again until it is taken, and leaves those alone that take nothing.

Who posts leases a batch, and writes how it ended only while the lease holds: killed between, it goes again under the same
`webhook-id`, by which a receiver knows it. Each webhook is served by itself, with so many posts at once and no more: whoever is
slow holds up its own.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from opentelemetry.trace import SpanKind, StatusCode

from libs.common import telemetry
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.sealing.cipher import Cipher, Unreadable
from libs.common.sealing.keys import cipher_for
from libs.common.signed_post import Poster, Undeliverable
from libs.common.worker import look_again
from services.analytics import measures
from services.analytics.seals import OLD_SECRET, SECRET
from services.analytics.webhooks import messages, queue
from services.analytics.webhooks.queue import Ended, Leased
from services.analytics.webhooks.rules import DISABLED, GONE, Disabled, Share, body_of, judge, share, wait_after

log = structlog.get_logger()

POST_SECONDS: Final = 15.0
LEASE: Final = timedelta(minutes=3)  # longer than a batch may take
_BUSY_SECONDS: Final = 0.5  # until others are looked for while some are served
_DUE_SECONDS: Final = 1.0  # what is to be tried again is tried so late at most
_HEADERS: Final = {"Content-Type": "application/json"}

Key = tuple[str, UUID]  # tenant, webhook
_encode: Final = msgspec.json.Encoder().encode


class Outcome(Struct, frozen=True):
    """What became of one attempt."""

    delivery: Leased
    taken: bool
    reason: str
    at: datetime
    millis: int


class WebhookSender:
    """Posts for ever. Several may run."""

    def __init__(self, database: Database, clock: Clock, *, loopback: bool, poster: Poster | None = None) -> None:
        self._database = database
        self._clock = clock
        self._poster = poster or Poster(whole_seconds=POST_SECONDS, loopback=loopback)
        self._serving: dict[Key, tuple[int, asyncio.Task[None]]] = {}
        self._took: dict[Key, timedelta] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await look_again(
                self._step,
                idle_seconds=_DUE_SECONDS,
                waiting="webhooks_wait",
                orders=self._database.listener,
                channel=messages.CHANNEL,
            )
        finally:
            tasks = [task for _, task in self._serving.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # each gives its connection back
            await self._poster.close()

    async def send_some(self) -> int:
        """Post a batch for each webhook that has something due, to the end; return how many posts that was."""
        begun = await self._begin()
        while self._serving:
            await asyncio.wait([task for _, task in self._serving.values()])
            self._reap()
        return begun

    async def _step(self) -> float | None:
        self._reap()
        if await self._begin():
            return 0.0
        if not self._serving:
            return None
        tasks = [task for _, task in self._serving.values()]
        await asyncio.wait(tasks, timeout=_BUSY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return 0.0

    def _reap(self) -> None:
        """Errors: what a webhook's task raised: Transient, where the database was away; its leases end by themselves."""
        for key, (_, task) in list(self._serving.items()):
            if task.done():
                del self._serving[key]
                task.result()

    async def _begin(self) -> int:
        now = self._clock.now()
        async with self._database.begin() as tx:
            waiting = await queue.waiting(tx, now)
            shares = share(waiting, {key: posts for key, (posts, _) in self._serving.items()}, self._took)
            leased = await queue.lease(tx, shares, now, now + LEASE) if shares else []
        batches: dict[Key, deque[Leased]] = {}
        for each in leased:
            batches.setdefault((each.tenant_id, each.webhook_id), deque()).append(each)
        for key, batch in batches.items():
            given = shares[key]
            self._serving[key] = (given.at_once, asyncio.create_task(self._serve(key, given, batch)))
        return len(leased)

    async def _serve(self, key: Key, given: Share, batch: deque[Leased]) -> None:
        """Post a webhook's batch; at the first failure what is left of it is given back."""
        outcomes: list[Outcome] = []

        async def post_some() -> None:
            while batch and all(each.taken for each in outcomes):
                outcomes.append(await self._post(batch.popleft(), cipher))

        cipher = await cipher_for(self._database, key[0])
        await asyncio.gather(*(post_some() for _ in range(min(given.at_once, len(batch)))))
        self._took[key] = timedelta(milliseconds=max(each.millis for each in outcomes))
        now = self._clock.now()
        ended = [_ended(each) for each in outcomes] + [Ended(each, "waiting", now, None) for each in batch]
        async with self._database.begin() as tx:
            before = await queue.lock_health(tx, *key)
            if before is not None:
                after = judge(before, [(each.taken, each.reason) for each in outcomes], now)
                if after != before:
                    await queue.write_health(tx, *key, after, now)
                if after.disabled_reason is not None:
                    told = Disabled(key[1], after.disabled_reason, after.failing_since, now)
                    await messages.keep(tx, key[0], DISABLED, [_encode(told)], now)
            await queue.end(tx, ended)
        _count(outcomes, ended)
        _log(key, outcomes)

    async def _post(self, each: Leased, cipher: Cipher) -> Outcome:
        loop, now = asyncio.get_running_loop(), self._clock.now()
        body = body_of(each.type, each.occurred_at, each.sequence, each.previous, each.told)
        began = loop.time()
        told = {"http.request.method": "POST", **telemetry.ids(webhook_id=each.webhook_id, delivery_id=each.delivery_id)}
        with telemetry.span(f"post {each.type}", SpanKind.CLIENT, told, each.traceparent) as (span, traceparent):
            headers = {**_HEADERS, "traceparent": traceparent}  # a receiver that traces goes on in the claim's own trace
            try:
                secrets = _secrets(each, cipher, now)
                reason, taken = await self._poster.post(each.url, secrets, str(each.delivery_id), body, headers, now), True
            except (Undeliverable, Transient) as error:
                reason, taken = str(error), False
            except Unreadable as error:
                reason, taken = f"secret_{error}", False
            if not taken:
                span.set_status(StatusCode.ERROR, reason)
        return Outcome(each, taken, reason, now, round((loop.time() - began) * 1000))


def _secrets(each: Leased, cipher: Cipher, now: datetime) -> list[bytes]:
    """Return what a post is signed with. Errors: Unreadable."""
    secrets = [cipher.open(SECRET, (each.webhook_id,), each.secret)]
    if each.old_secret is not None and each.old_secret_until is not None and now < each.old_secret_until:
        secrets.append(cipher.open(OLD_SECRET, (each.webhook_id,), each.old_secret))
    return secrets


def _ended(outcome: Outcome) -> Ended:
    each, at = outcome.delivery, outcome.at
    tried = {"at": at, "outcome": outcome.reason, "millis": outcome.millis}
    if outcome.taken:
        return Ended(each, "delivered", each.lease, at, outcome.reason, tried)
    wait = None if outcome.reason == GONE else wait_after(each.attempts + 1)
    if wait is None:
        return Ended(each, "dead", each.lease, at, outcome.reason, tried)
    return Ended(each, "waiting", at + wait, None, outcome.reason, tried)


def _count(outcomes: Sequence[Outcome], ended: Sequence[Ended]) -> None:
    for each in outcomes:
        measures.POSTS.record(each.millis / 1000, {} if each.taken else {"error.type": each.reason.rstrip("_0123456789")})
    if dead := sum(each.state == "dead" for each in ended):
        measures.GIVEN_UP.add(dead)


def _log(key: Key, outcomes: Sequence[Outcome]) -> None:
    failed = [each for each in outcomes if not each.taken]
    if failed:
        log.warning("webhook_in_vain", webhook_id=str(key[1]), reason=failed[0].reason, attempts=failed[0].delivery.attempts + 1)
