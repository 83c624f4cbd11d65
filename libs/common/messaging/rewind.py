"""After a restore: `python -m libs.common.messaging.rewind` has a service's relay send again all that its outbox holds.

Consumers that were restored, too, know by their inboxes what they have dealt with; what they have not, they get. Run as the
database's owner or worker, before the service's worker starts; the address is RECOURS_DATABASE_URL, or in the file that
RECOURS_DATABASE_URL_FILE names. docs/backup.md tells when.
"""

import asyncio
import sys
from typing import Any, Final

import asyncpg
from pydantic import SecretStr

from libs.common.database import Database
from libs.common.messaging.outbox import RELAY_LOCK
from libs.common.settings import EnvironmentSettings, load

_LOCK: Final = f"SELECT pg_try_advisory_xact_lock({RELAY_LOCK})"
_LOCK_TRIES: Final = 10
_LOCK_PAUSE_SECONDS: Final = 0.3  # the server notices a little later that a relay has gone
# Of a server that was made from a dump: it numbers transactions anew, and what waits in the outbox would be ahead of it for ever.
_AHEAD: Final = "SELECT EXISTS (SELECT FROM outbox WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()))"
_REWIND: Final = "UPDATE relay_position SET last_xid = '0', moved_at = now()"
_HELD: Final = "SELECT count(*) FROM outbox"


class NotRewoundError(RuntimeError):
    """The message is one sentence for the person who asked."""


async def rewind(url: str) -> int:
    """Have everything in the outbox sent again; return how many events that is. Errors: NotRewoundError."""
    connection = await Database(url, statement_seconds=None).connect_alone()
    try:
        async with connection.transaction():
            await _lock(connection)
            if await connection.fetchval(_AHEAD):
                raise NotRewoundError(
                    "The outbox holds transaction ids that this server has not come to: it was filled from a dump, and nothing"
                    " of it would ever be sent. Restore a base backup instead (docs/backup.md)."
                )
            await connection.execute(_REWIND)
            return int(await connection.fetchval(_HELD))
    finally:
        await connection.close()


async def _lock(connection: "asyncpg.Connection[Any]") -> None:
    """Keep relays away until the transaction ends. Errors: NotRewoundError where one is at work, and not just ending."""
    for _ in range(_LOCK_TRIES):
        if await connection.fetchval(_LOCK):
            return
        await asyncio.sleep(_LOCK_PAUSE_SECONDS)
    raise NotRewoundError("A relay is at work on this database and would not notice: stop the service's workers first.")


class RewindSettings(EnvironmentSettings):
    """What a rewind is told."""

    database_url: SecretStr


def main() -> None:
    if len(sys.argv) != 1:
        sys.exit("usage: RECOURS_DATABASE_URL=postgresql://OWNER... python -m libs.common.messaging.rewind")
    try:
        count = asyncio.run(rewind(load(RewindSettings).database_url.get_secret_value()))
    except NotRewoundError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{count} events will be sent again\n")


if __name__ == "__main__":
    main()
