"""What is told, when a post that failed is tried again, when an address is left alone, and who is served next. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar
from uuid import UUID

from msgspec import Struct

EventType = Literal[
    "claim.submitted",
    "claim.acknowledged",
    "remit.received",
    "remit.matched",
    "denial.classified",
    "appeal.filed",
    "appeal.decided",
    "case.closed",
    "followup.changed",
    "alert.opened",
    "alert.acknowledged",
    "alert.resolved",
    "report.made",
    "webhook.disabled",
]
# Who may not read something may not have it told: the scope that each type asks for, beside that for webhooks.
SCOPE_OF: Final[Mapping[EventType, str]] = {
    "claim.submitted": "claims:read",
    "claim.acknowledged": "claims:read",
    "remit.received": "remittances:read",
    "remit.matched": "matches:read",
    "denial.classified": "denials:read",
    "appeal.filed": "denials:read",
    "appeal.decided": "denials:read",
    "case.closed": "denials:read",
    "followup.changed": "followups:read",
    "alert.opened": "alerts:read",
    "alert.acknowledged": "alerts:read",
    "alert.resolved": "alerts:read",
    "report.made": "exports:read",
    "webhook.disabled": "webhooks:read",
}
ALERT_TYPES: Final[tuple[EventType, ...]] = ("alert.opened", "alert.acknowledged", "alert.resolved")
REPORT_MADE: Final[EventType] = "report.made"
DISABLED: Final[EventType] = "webhook.disabled"
TEST: Final = "webhook.test"  # goes to one webhook, whatever it subscribed to


class Disabled(Struct, frozen=True):
    """One of the tenant's webhooks is left alone. `reason`: failing, for five days; gone: it answered 410."""

    webhook_id: UUID
    reason: str
    failing_since: datetime | None
    disabled_at: datetime


# After the first attempt at once; about three days in all. As Standard Webhooks proposes.
WAITS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)  # fmt: skip
ATTEMPTS_MAX: Final = len(WAITS) + 1
DISABLED_AFTER: Final = timedelta(days=5)
_FAILURES_BEFORE_PAUSE: Final = 5
_PAUSE: Final = timedelta(seconds=10)
_PAUSE_MAX: Final = timedelta(minutes=10)
_DOUBLINGS_MAX: Final = 6
GONE: Final = "refused_410"  # the receiver says: for ever

AT_ONCE: Final = 8  # posts to one webhook
_AT_ONCE_TENANT: Final = 64
AT_ONCE_ALL: Final = 256
_BATCH_KNOWN: Final = 32
_SLOW: Final = timedelta(seconds=3)

T = TypeVar("T")


def wait_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many attempts in vain; None: no more."""
    return WAITS[attempts - 1] if attempts < ATTEMPTS_MAX else None


class Health(Struct, frozen=True):
    """How an address does. `failures`: since it last took something."""

    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    disabled_reason: str | None = None


def judge(health: Health, outcomes: Sequence[tuple[bool, str]], now: datetime) -> Health:
    """Return how an address does after outcomes: whether each was taken, and what it came to.

    One that takes something is well. One that takes nothing is left alone longer and longer, so that what waits is not used up
    on it, and is disabled after days, or when it says that it is gone.
    """
    if any(reason == GONE for _, reason in outcomes):
        return Health(health.failures + 1, health.failing_since or now, None, "gone")
    if any(taken for taken, _ in outcomes):
        return Health()
    failures, since = health.failures + len(outcomes), health.failing_since or now
    if now - since >= DISABLED_AFTER:
        return Health(failures, since, None, "failing")
    beyond = failures - _FAILURES_BEFORE_PAUSE
    pause = min(_PAUSE * (1 << min(beyond, _DOUBLINGS_MAX)), _PAUSE_MAX) if beyond >= 0 else None
    return Health(failures, since, now + pause if pause is not None else None)


class Waiting(Struct, frozen=True):
    """A webhook with something to post."""

    tenant_id: str
    webhook_id: UUID
    failures: int


class Share(Struct, frozen=True):
    """How much of it is taken now, and how many of these go at once."""

    batch: int
    at_once: int


def share(
    waiting: Iterable[Waiting], busy: Mapping[tuple[str, UUID], int], took: Mapping[tuple[str, UUID], timedelta]
) -> dict[tuple[str, UUID], Share]:
    """Say who is served now: each webhook by one batch, tenants in turn, within what may be in flight.

    `busy`: posts in flight of those that are served already. `took`: how long a webhook's last posts took. One that fails or is
    slow gets one post at a time; one that is not known yet as many as go at once; one that is quick a longer batch.
    """
    room = AT_ONCE_ALL - sum(busy.values())
    of_tenant: dict[str, int] = {}
    for (tenant_id, _), posts in busy.items():
        of_tenant[tenant_id] = of_tenant.get(tenant_id, 0) + posts
    queues: dict[str, list[Waiting]] = {}
    for each in waiting:
        if (each.tenant_id, each.webhook_id) not in busy:
            queues.setdefault(each.tenant_id, []).append(each)
    shares: dict[tuple[str, UUID], Share] = {}
    for each in _in_turn(list(queues.values())):
        key = (each.tenant_id, each.webhook_id)
        given = _share(each, took.get(key))
        if given.at_once <= room and of_tenant.get(each.tenant_id, 0) + given.at_once <= _AT_ONCE_TENANT:
            shares[key] = given
            room -= given.at_once
            of_tenant[each.tenant_id] = of_tenant.get(each.tenant_id, 0) + given.at_once
    return shares


def _share(each: Waiting, took: timedelta | None) -> Share:
    if each.failures or (took is not None and took > _SLOW):
        return Share(1, 1)
    return Share(AT_ONCE if took is None else _BATCH_KNOWN, AT_ONCE)


def _in_turn(queues: Sequence[Sequence[T]]) -> list[T]:
    """Return the first of each queue, then the second of each, and so on."""
    longest = max(map(len, queues), default=0)
    return [queue[place] for place in range(longest) for queue in queues if place < len(queue)]


def body_of(type_: str, occurred_at: datetime, sequence: int, previous: int | None, told: bytes) -> bytes:
    """Return what is posted. `told` is JSON already."""
    before = "null" if previous is None else str(previous)
    head = f'{{"type":"{type_}","timestamp":"{occurred_at.isoformat()}","sequence":{sequence},"previous":{before},"data":'
    return head.encode() + told + b"}"
