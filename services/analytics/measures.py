"""What analytics measures beside what every service does; all of it in the process that posts webhooks."""

from typing import Final

from sqlalchemy import text

from libs.common.database import Database
from libs.common.metrics import Gauge, counter, histogram
from libs.common.watching import Look

POSTS: Final = histogram(
    "recours.webhook.post.duration",
    "s",
    "One attempt to post to a webhook.",
    {"error.type": "absent where it was taken, else why not: receiver_slow, receiver_away, refused, ...; a word of our code"},
)
GIVEN_UP: Final = counter("recours.webhook.given_up", "{delivery}", "Deliveries that are tried no more.", {})
WEBHOOKS: Final = Gauge(
    "recours.webhooks",
    "{webhook}",
    "Webhooks: those that take what they are sent, that last did not, and that are disabled.",
    {"recours.webhook.state": "taking, failing or disabled"},
)
WAITING: Final = Gauge(
    "recours.webhook.waiting.count", "{delivery}", "Deliveries that wait, to webhooks that are not disabled.", {}
)
WAITING_AGE: Final = Gauge(
    "recours.webhook.waiting.age",
    "s",
    "How long the oldest delivery to a webhook that takes what it is sent has waited; 0 when none does.",
    {},
)
_STATES: Final = text(
    """
    SELECT count(*) FILTER (WHERE disabled_at IS NULL AND failures = 0) AS taking,
        count(*) FILTER (WHERE disabled_at IS NULL AND failures > 0) AS failing,
        count(*) FILTER (WHERE disabled_at IS NOT NULL) AS disabled
    FROM webhooks
    """
)
_WAITING: Final = text(
    """
    SELECT count(*) AS waiting,
        COALESCE(EXTRACT(EPOCH FROM now() - min(delivery.created_at) FILTER (WHERE failures = 0)), 0)::float AS seconds
    FROM webhook_deliveries AS delivery JOIN webhooks AS webhook USING (tenant_id, webhook_id)
    WHERE state = 'waiting' AND disabled_at IS NULL
    """
)


def at_webhooks(database: Database) -> Look:
    """Webhooks of all tenants and what waits for them."""

    async def look() -> None:
        async with database.begin() as tx:
            states = (await tx.execute(_STATES)).mappings().one()
            waiting = (await tx.execute(_WAITING)).one()
        WEBHOOKS.hold([(count, {"recours.webhook.state": state}) for state, count in states.items()])
        WAITING.hold([(waiting.waiting, {})])
        WAITING_AGE.hold([(max(0.0, waiting.seconds), {})])

    return Look(look)
