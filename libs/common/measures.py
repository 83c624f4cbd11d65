"""What every service measures; docs/metrics.md is written from this and from the services' own `measures.py`."""

from typing import Final

from libs.common.metrics import COUNTS, LONG_SECONDS, Gauge, counter, histogram

_SYSTEM: Final = {"messaging.system": "kafka"}
_GROUP: Final = {**_SYSTEM, "messaging.consumer.group.name": "the service that consumes"}
_TOPIC: Final = {"messaging.destination.name": "a topic of deploy/topics.yaml"}
_POOL: Final = {"db.client.connection.pool.name": "the role: api or worker, ..."}

# -- HTTP

HTTP_DURATION: Final = histogram(
    "http.server.request.duration",
    "s",
    "From a request's headers to the end of its answer.",
    {
        "http.request.method": "a method of HTTP, or _OTHER",
        "http.route": "the path as OpenAPI writes it, or `unknown`",
        "http.response.status_code": "100 to 599; absent where the client went before an answer",
    },
)
HTTP_ACTIVE: Final = Gauge("http.server.active_requests", "{request}", "Requests that are being answered.", {}, additive=True)

# -- the spine: consumer, inbox, outbox, relay

CONSUMED: Final = counter(
    "messaging.client.consumed.messages", "{message}", "Records that were dealt with: their transaction is committed.",
    _GROUP | _TOPIC,
)  # fmt: skip
BATCH_SIZE: Final = histogram("recours.consumer.batch.size", "{message}", "Records of one batch.", _GROUP, COUNTS)
PROCESS_DURATION: Final = histogram(
    "messaging.process.duration",
    "s",
    "One batch's transaction, from its decoding to the commit.",
    _GROUP | {"error.type": "absent, or the kind of failure: transient, permanent, bug"},
)
HANDLER_DURATION: Final = histogram(
    "recours.handler.duration",
    "s",
    "What a handler took for one batch's events of its type.",
    {"recours.event.type": "a type of event"},
)
BEHIND_SECONDS: Final = Gauge(
    "recours.consumer.lag.age",
    "s",
    "How long ago the oldest record in hand was sent; 0 when nothing waits. Of one process.",
    _GROUP,
)
LAG: Final = Gauge(
    "recours.consumer.lag.messages",
    "{message}",
    "Records that the group has not said to have dealt with, as the broker knows it; each worker tells of the whole group.",
    _GROUP | _TOPIC,
)
WAITING: Final = Gauge(
    "recours.consumer.waiting", "s", "How long the consumer has waited out something transient; 0 when it does not.", _GROUP
)
DUPLICATES: Final = counter("recours.inbox.duplicates", "{message}", "Events that came again and were passed over.", _GROUP)
DROPPED: Final = counter("recours.inbox.dropped", "{message}", "Events of erased tenants, which were not kept.", _GROUP)
DEAD_LETTERS: Final = counter(
    "recours.dead_letters",
    "{message}",
    "Records that can never be processed.",
    _GROUP | _TOPIC | {"error.type": "why: not_json, violates_contract, too_large, ...; a word of our code"},
)
OUTBOX_AGE: Final = Gauge(
    "recours.outbox.age",
    "s",
    "How long the oldest unsent event has waited; 0 when none waits. Each worker tells of the service.",
    {},
)
OUTBOX_SIZE: Final = Gauge(
    "recours.outbox.size", "{event}", "Unsent events; counted up to 100,000. Each worker tells of the service.", {}
)
SENT: Final = counter("messaging.client.sent.messages", "{message}", "Events that the broker has acknowledged.", _SYSTEM | _TOPIC)
SEND_DURATION: Final = histogram(
    "messaging.client.operation.duration",
    "s",
    "From the first record of a window of the relay to the broker's acknowledgement of the last.",
    _SYSTEM | {"messaging.operation.name": "send"},
)
WINDOW_SIZE: Final = histogram("recours.relay.window.size", "{event}", "Events that the relay sent at once.", {}, COUNTS)
OUTBOX_DELAY: Final = histogram(
    "recours.outbox.delay", "s", "From an event's transaction to the broker's acknowledgement; of the oldest of each window.", {},
    LONG_SECONDS,
)  # fmt: skip
RELAY_ACTIVE: Final = Gauge("recours.relay.active", "1", "1 in the process whose relay sends; 0 where it stands by or waits.", {})

# -- the ledger

LEDGER_REMITS: Final = Gauge("recours.ledger.remits", "{remit}", "Remits that the service has booked, of all tenants and days.", {})
LEDGER_CENTS: Final = Gauge(
    "recours.ledger.amount",
    "{cent}",
    "What it has booked, in cents, of all tenants and days: equal in all four services once they are at rest.",
    {"recours.ledger.column": "charge, paid or unbalanced"},
)

# -- the process

CONNECTIONS: Final = Gauge(
    "db.client.connection.count", "{connection}", "Connections of the pool to PostgreSQL.",
    _POOL | {"db.client.connection.state": "idle or used"}, additive=True,
)  # fmt: skip
CONNECTIONS_MAX: Final = Gauge("db.client.connection.max", "{connection}", "How many the pool may have.", _POOL, additive=True)
CONNECTION_WAIT: Final = histogram("db.client.connection.wait_time", "s", "How long a transaction waited for a connection.", _POOL)
CONNECTION_USE: Final = histogram("db.client.connection.use_time", "s", "How long a transaction kept its connection.", _POOL)
CONNECTION_TIMEOUTS: Final = counter(
    "db.client.connection.timeouts", "{timeout}", "Transactions that waited in vain: the pool had none to give.", _POOL
)
LOOP_LAG: Final = histogram(
    "recours.event_loop.lag", "s", "How much later than asked the event loop comes back, asked four times a second.", {},
    (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)  # fmt: skip
