"""How many bytes a measurement had PostgreSQL and Kafka write."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.stack import Stack

_WAL = "SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"
_TABLES = "SELECT sum(pg_database_size(oid))::bigint FROM pg_database"


class Written:
    """Counts from its making to `a_claim`: WAL, growth of the databases, records in Kafka's logs (its own topics left out)."""

    def __init__(self, servers: Stack) -> None:
        self._servers = servers
        self._before = self._sizes()

    def a_claim(self, claims: int) -> dict[str, int]:
        """Return bytes a claim."""
        return {name: round((now - self._before[name]) / claims) for name, now in self._sizes().items()}

    def _sizes(self) -> dict[str, int]:
        wal, tables = asyncio.run(self._ask())
        logs = (path for path in self._servers.folder.rglob("*.log") if _is_of_a_topic(path))
        return {"wal": wal, "tables": tables, "kafka": sum(path.stat().st_size for path in logs)}

    async def _ask(self) -> tuple[int, int]:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(self._servers.admin_url)
        try:
            wal: int = await connection.fetchval(_WAL)
            tables: int = await connection.fetchval(_TABLES)
        finally:
            await connection.close()
        return wal, tables


def _is_of_a_topic(path: Path) -> bool:
    """Say whether this is a segment of records: twenty digits, in a folder named by topic and partition."""
    return path.stem.isdecimal() and not path.parent.name.startswith("__") and path.parent.name.rpartition("-")[2].isdecimal()
