"""A row of a tenant in every table of a service, of which all ids are one id and all texts one word."""

from typing import Any, Final

import asyncpg

from deploy.local.stack import Stack
from libs.common.tenants.holdings import OF_NO_TENANT
from tests.support import ServiceDatabase

ID: Final = "7e1a0d5e-0000-4000-8000-00000000beef"
WORD: Final = "theirs-alone"
NUMBER: Final = 7_310_117
VALUES: Final = {
    "text": f"'{WORD}'", "uuid": f"'{ID}'", "integer": f"{NUMBER}", "bigint": f"{NUMBER}", "smallint": "1", "boolean": "true",
    "real": "1", "numeric": "1", "double precision": "1", "date": "'2026-01-01'", "timestamp with time zone": "now()",
    "jsonb": "'{}'", "text[]": f"ARRAY['{WORD}']", "uuid[]": f"ARRAY['{ID}'::uuid]", "bytea": f"'{WORD}'", "xid8": "'5'",
    "integer[]": "'{}'", "bigint[]": "'{}'", "date[]": "'{}'", "smallint[]": "'{}'",
}  # fmt: skip
_CHECKS: Final = "SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('c', 'f')"


async def fill(servers: Stack, database: ServiceDatabase, tenant: str = "theirs") -> None:
    """Give every table a row of a tenant, whatever its checks and references: they are not what is asked here."""
    owner = await superuser(servers, database)
    await owner.execute("SET session_replication_role = replica")
    for table, columns in (await tables(owner)).items():
        for check in await owner.fetch(_CHECKS, table):
            await owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{check["conname"]}"')
        named = {name: f"'{tenant}'" if name == "tenant_id" else VALUES[kind] for name, kind in columns.items()}
        await owner.execute(f"INSERT INTO {table} ({', '.join(named)}) VALUES ({', '.join(named.values())})")
    await owner.close()


async def superuser(servers: Stack, database: ServiceDatabase) -> "asyncpg.Connection[Any]":
    """Connect to a service's database as the one whom no rule binds."""
    return await asyncpg.connect(servers.admin_url.rpartition("/")[0] + "/" + database.owner_url.rpartition("/")[2])


async def tables(connection: "asyncpg.Connection[Any]") -> dict[str, dict[str, str]]:
    """Return the columns of every table of tenants, with their types; those that the server fills are left out."""
    rows = await connection.fetch(
        "SELECT c.relname, quote_ident(a.attname) AS attname, format_type(a.atttypid, a.atttypmod) AS kind"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attidentity = '' AND a.attgenerated = '' ORDER BY c.relname, a.attnum"
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["relname"] not in OF_NO_TENANT:
            found.setdefault(row["relname"], {})[row["attname"]] = row["kind"]
    return found
