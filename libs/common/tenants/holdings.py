"""What a service holds of a tenant: every table of its database, as the catalog says, what is sealed in them, and bytes beside it.

Nothing is listed by hand but what is not a tenant's: a new table is exported and erased without anybody's doing.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.sealing.cipher import Place

OF_NO_TENANT: Final[Mapping[str, str]] = {
    "alembic_version": "the version of the schema",
    "inbox": "random numbers of events that were dealt with, of which nobody can say whose they were; forgotten after 21 days",
    "relay_position": "how far the service's events are sent",
    "audit_position": "how far the service's audit log is chained",
    "days_ended": "up to which day analytics has taken in what was told",
}


class Beside(Protocol):
    """Bytes beside the database. Every method's errors: Transient when they are away."""

    def keys_of(self, tenant_id: str) -> AsyncIterator[list[str]]:
        """Yield the keys of all that a tenant has, some at a time."""

    async def size_of(self, key: str) -> int | None:
        """Return how many bytes lie under a key; None where there are none any more."""

    def stream(self, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from one place to before another, opened."""

    async def discard(self, keys: Sequence[str]) -> None:
        """Forget bytes; those that are not there are no matter."""


@dataclass(frozen=True)
class Sealed:
    """A sealed column, and how what was opened of it is unpacked."""

    place: Place
    unpack: Callable[[bytes], bytes] = bytes


@dataclass(frozen=True)
class Holdings:
    """What one service says of what it holds. `withheld`: columns by table that no archive shows, each a secret."""

    service: str
    sealed: Sequence[Sealed]
    beside: Mapping[str, Beside] = field(default_factory=dict)
    withheld: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Table(Struct, frozen=True):
    """A table of tenants: its name, and its columns in their order, quoted where they have to be."""

    name: str
    columns: tuple[str, ...]


_TABLES: Final = """
SELECT c.relname AS name, array_agg(quote_ident(a.attname) ORDER BY a.attnum) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($1)
GROUP BY c.relname ORDER BY c.relname
"""


async def tables_of_tenants(tx: AsyncConnection) -> list[Table]:
    """Return the tables of tenants in the order of their names, a partitioned one as one."""
    rows = await (await driver(tx)).fetch(_TABLES, list(OF_NO_TENANT))
    return [Table(row["name"], tuple(row["columns"])) for row in rows]
