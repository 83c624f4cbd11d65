"""Every table of every service is closed by tenant, and no role may do more than its work."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from deploy.local.layout import SERVICES

# The spine's own tables: COPY is refused where row-level security binds. The API role reaches the outbox alone, always by tenant.
SPINE = {"outbox", "inbox", "relay_position", "audit_position", "alembic_version"}
SPINE |= {"days_ended"}  # of analytics: how far the topics were taken in, which are everybody's
# Written by the worker alone, and read by the API role.
WORKERS = {"audit_chain", "audit_seals"}

Roles = dict[str, "asyncpg.Connection[Any]"]


@pytest.fixture(params=SERVICES)
async def roles(request: pytest.FixtureRequest, service_database: Any) -> AsyncIterator[Roles]:
    made = service_database(request.param)
    opened = {role: await asyncpg.connect(getattr(made, f"{role}_url")) for role in ("owner", "api", "worker")}
    yield opened
    for each in opened.values():
        await each.close()


async def tables(owner: "asyncpg.Connection[Any]") -> list[asyncpg.Record]:
    return await owner.fetch(
        "SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS secured FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
    )


async def columns(owner: "asyncpg.Connection[Any]", table: str) -> list[tuple[str, str]]:
    rows = await owner.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute"
        " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum",
        table,
    )
    return [(row["attname"], row["kind"]) for row in rows]


VALUES = {
    "text": "'x'", "uuid": "gen_random_uuid()", "integer": "1", "bigint": "1", "smallint": "1", "boolean": "true", "real": "1",
    "date": "'2026-01-01'", "timestamp with time zone": "now()", "jsonb": "'[]'", "text[]": "'{}'", "bytea": "'x'",
    "xid8": "pg_current_xact_id()", "numeric": "1", "double precision": "1",
}  # fmt: skip


async def insert(owner: "asyncpg.Connection[Any]", writer: "asyncpg.Connection[Any]", table: str, tenant: str) -> None:
    """Write a row of a tenant, whatever the table's checks and references: they are not what is asked here."""
    named = await columns(owner, table)
    told = ", ".join(f"'{tenant}'" if name == "tenant_id" else VALUES[kind] for name, kind in named)
    names = ", ".join(f'"{name}"' for name, _ in named)
    await writer.execute(f"INSERT INTO {table} ({names}) VALUES ({told})")


async def test_every_table_leads_with_its_tenant_and_is_closed_by_it(roles: Roles) -> None:
    found = await tables(roles["owner"])
    open_ones = {row["name"] for row in found if not row["secured"]}
    assert open_ones <= SPINE, "a new table: call secure_tenant_table in its migration"
    for row in found:
        if row["name"] not in SPINE:
            (first, _), *_rest = await columns(roles["owner"], row["name"])
            key = await roles["owner"].fetchval(
                "SELECT (SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0]) FROM pg_index"
                " WHERE indrelid = $1::regclass ORDER BY indisprimary DESC LIMIT 1",  # a code list has no key
                row["name"],
            )
            assert (first, key) == ("tenant_id", "tenant_id"), row["name"]


APPEND_ONLY = {
    "followup_history", "case_history", "document_history", "evidence_waivers", "disclosures", "case_messages", "case_warnings",
    "case_comments", "payer_versions", "worklist_history", "letter_templates", "letterheads", "letters",
    "audit_log", "audit_chain", "audit_seals",
}  # fmt: skip


async def test_the_api_role_neither_sees_nor_writes_nor_changes_another_tenants_rows(roles: Roles) -> None:
    owner, api = roles["owner"], roles["api"]
    for row in await tables(owner):
        table = row["name"]
        if table in SPINE:
            continue
        checks = await owner.fetch(
            "SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('c', 'f')", table
        )
        for check in checks:
            await owner.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{check["conname"]}"')
        await insert(owner, roles["worker"], table, "theirs")
        async with api.transaction():
            await api.execute("SELECT set_config('recours.tenant', 'mine', true)")
            await insert(owner, roles["worker"] if table in WORKERS else api, table, "mine")
            assert await api.fetchval(f"SELECT count(*) FROM {table}") == 1, table
            for change in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
                if table in APPEND_ONLY:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        async with api.transaction():
                            await api.execute(change)
                else:
                    assert (await api.execute(f"{change} WHERE tenant_id = 'theirs'")).endswith(" 0"), table
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with api.transaction():
                    await insert(owner, api, table, "theirs")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with api.transaction():
                    await api.execute(f"UPDATE {table} SET tenant_id = 'theirs'")
        assert await api.fetchval(f"SELECT count(*) FROM {table}") == 0, "without a tenant nothing is seen"
        assert await roles["worker"].fetchval(f"SELECT count(*) FROM {table}") == 2, table


FORBIDDEN = (
    "CREATE TABLE mine (a int)",
    "ALTER TABLE ledger_days ADD COLUMN a int",
    "DROP TABLE inbox",
    "ALTER TABLE ledger_days DISABLE ROW LEVEL SECURITY",
    "TRUNCATE ledger_days",
    "DELETE FROM outbox",
    "UPDATE outbox SET payload = ''",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "UPDATE alembic_version SET version_num = '0000'",
    "UPDATE audit_log SET subject = 'nobody'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "UPDATE audit_chain SET hash = ''",
    "DELETE FROM audit_seals",
    "ALTER TABLE audit_log DISABLE TRIGGER audit_log_only_grows",
    "SELECT audit_cut('local', 0)",
)


@pytest.mark.parametrize("role", ["api", "worker"])
async def test_neither_role_changes_the_schema_or_what_was_told(role: str, roles: Roles) -> None:
    for statement in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await roles[role].execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO inbox VALUES (gen_random_uuid(), 'x')",
        "DELETE FROM inbox",
        "SELECT 1 FROM audit_position",
        "INSERT INTO audit_chain VALUES ('x', 1, gen_random_uuid(), '')",
        "UPDATE relay_position SET last_xid = '1'",
        "SELECT tend_outbox(0, 0)",
        "SET ROLE postgres",
    ],
)
async def test_the_spine_is_the_workers_alone(statement: str, roles: Roles) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await roles["api"].execute(statement)


async def test_the_audit_log_only_grows_under_its_owner_too(roles: Roles) -> None:
    for statement in ("UPDATE audit_log SET subject = 'nobody'", "DELETE FROM audit_chain", "TRUNCATE audit_seals"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only grows"):
            await roles["owner"].execute(statement)
