"""What ingest measures beside what every service does."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import text

from libs.common.database import Database
from libs.common.metrics import LONG_SECONDS, Gauge, counter, histogram
from libs.common.watching import Look
from services.ingest.booking import Progress, status_of

INTERCHANGES: Final = counter(
    "recours.interchanges",
    "{interchange}",
    "Files that were read to their end.",
    {"recours.interchange.status": "accepted, accepted_with_errors or rejected"},
)
CLAIMS: Final = counter("recours.interchange.claims", "{claim}", "Claims and remits in files that were read to their end.", {})
DURATION: Final = histogram("recours.interchange.duration", "s", "From a file's POST to the end of its reading.", {}, LONG_SECONDS)
UNBALANCED: Final = counter(
    "recours.balance.differences", "{interchange}", "Files in which a line, a claim or a payment does not balance.", {}
)
WAITING: Final = Gauge("recours.interchange.waiting.count", "{interchange}", "Files whose reading has not ended.", {})
WAITING_AGE: Final = Gauge(
    "recours.interchange.waiting.age", "s", "How long ago the oldest of those was posted; 0 when there is none.", {}
)
_OPEN: Final = text(
    "SELECT count(*) AS waiting, COALESCE(EXTRACT(EPOCH FROM now() - min(received_at)), 0)::float AS seconds"
    " FROM interchanges WHERE status IN ('received', 'processing')"
)


def count_read(read: Iterable[Progress], now: datetime) -> None:
    """Count files whose end is committed."""
    for each in read:
        INTERCHANGES.add(1, {"recours.interchange.status": status_of(each)})
        CLAIMS.add(each.claims)
        DURATION.record(max(0.0, (now - each.received.received_at).total_seconds()))
        if each.unbalanced:
            UNBALANCED.add(1)


def at_files(database: Database) -> Look:
    """Files that wait to be read, of all tenants."""

    async def look() -> None:
        async with database.begin() as tx:
            row = (await tx.execute(_OPEN)).one()
        WAITING.hold([(row.waiting, {})])
        WAITING_AGE.hold([(max(0.0, row.seconds), {})])

    return Look(look)
