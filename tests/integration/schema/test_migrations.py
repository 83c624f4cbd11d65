"""Migrations: up, down and up again, step by step; done twice is done once."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import cramjam
import pytest

from deploy.local import provision
from deploy.local.layout import ROOT, SERVICES, Secrets
from deploy.local.stack import Stack
from libs.common import migrate

SCHEMA = """
SELECT format('%s %s %s %s', c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod)) AS told
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
UNION ALL SELECT format('policy %s %s', tablename, policyname) FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT format('function %s', proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT format('grant %s %s %s', table_name, grantee, privilege_type) FROM information_schema.role_table_grants
    WHERE table_schema = 'public' AND table_name !~ '[0-9]{8}'
ORDER BY 1
"""
WAITS = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"


def versions(service: str) -> list[str]:
    return sorted(path.name.partition("_")[0] for path in (ROOT / "services" / service / "migrations" / "versions").glob("0*.py"))


def run_apart(program: str, url: str) -> None:
    """Run a program in a process of its own, as Alembic's environment is one a process."""
    command = [sys.executable, "-c", f"import sys; {program}", url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def run(call: str, url: str) -> None:
    """Run one of libs.common.migrate's functions."""
    run_apart(f"from libs.common import migrate; migrate.{call}", url)


async def schema(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["told"] for row in await connection.fetch(SCHEMA)]
    finally:
        await connection.close()


@pytest.fixture
def empty(servers: Stack, templates: Any) -> Any:
    """Make an empty database of a service; return its owner's address."""
    secrets = Secrets(Path(servers.folder) / "secrets.json")

    def make(service: str) -> str:
        templates(service)  # its roles are there
        name = f"stairs_{service}_{uuid4().hex[:8]}"
        asyncio.run(provision.make_database(servers.admin_url, service, name=name))
        return provision.role_url(servers.admin_url, service, "owner", secrets, name)

    return make


def climb(service: str, url: str) -> None:
    """Go up, down and up again with each version, and down from the newest to nothing; in one process, the calls are many."""
    before, up = "base", []
    for version in versions(service):
        migrate.upgrade(service, url, version)
        up = asyncio.run(schema(url))
        migrate.downgrade(service, url, before)
        migrate.upgrade(service, url, version)
        assert asyncio.run(schema(url)) == up, f"{version} down and up again is another schema"
        before = version
    migrate.upgrade(service, url)
    assert asyncio.run(schema(url)) == up, "the newest version again changes nothing"
    migrate.downgrade(service, url, "base")
    assert [told for told in asyncio.run(schema(url)) if "alembic" not in told] == [], "the way down leaves nothing"


@pytest.mark.parametrize("service", SERVICES)
def test_each_version_goes_up_down_and_up_again(service: str, empty: Any) -> None:
    run_apart(f"from {__name__} import climb; climb('{service}', sys.argv[1])", empty(service))


def test_a_claim_has_its_lines_and_its_first_step_as_rows_again_before_version_11(empty: Any) -> None:
    url, lines = empty("ingest"), [{"number": 0, "charge_cents": 5, "procedure_code": "G0283", "modifiers": ["GP", "KX"]}]
    run("upgrade('ingest', sys.argv[1])", url)

    async def told(query: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("ALTER TABLE claims NO FORCE ROW LEVEL SECURITY")
            return [tuple(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    required = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'claims' AND is_nullable = 'NO'"
        " AND column_default IS NULL"
    )
    values = {"text": "'x'", "uuid": "gen_random_uuid()", "bigint": "1", "timestamp with time zone": "now()", "date": "now()"}
    own = {"content": "$1", "claim_type": "'dental'", "state": "'submitted'"}
    row = {name: own.get(name) or values[kind] for name, kind in asyncio.run(told(required))}
    content = bytes(cramjam.lz4.compress_block(json.dumps({"lines": lines}).encode()))
    asyncio.run(told(f"INSERT INTO claims ({', '.join(row)}) VALUES ({', '.join(row.values())})", content))
    run("downgrade('ingest', sys.argv[1], '0010')", url)
    ((packed,),) = asyncio.run(told("SELECT content FROM claims"))
    assert json.loads(bytes(cramjam.zstd.decompress(packed))) == {"lines": lines}
    for table in ("claim_lines", "claim_history"):
        asyncio.run(told(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
    kept = "SELECT line, procedure_code, modifiers, units, charge_cents, service_from_on FROM claim_lines"
    assert asyncio.run(told(kept)) == [(1, "G0283", "GP KX", "", 5, None)]
    assert asyncio.run(told("SELECT state, why FROM claim_history")) == [("submitted", "submitted")]


def test_a_migration_gives_way_to_who_holds_its_table_and_comes_again(empty: Any) -> None:
    """Somebody reads `remits` in an open transaction; version 0023 wants it for itself."""
    url = empty("ingest")
    run("upgrade('ingest', sys.argv[1], '0022')", url)

    async def held(program: str) -> tuple[int, str]:
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                await connection.fetch("SELECT 1 FROM remits")
                command = [sys.executable, "-c", f"import sys; from libs.common import migrate; {program}", url]
                ran = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
                assert ran.stderr is not None
                said = (await ran.stderr.read()).decode()
                return await ran.wait(), said
        finally:
            await connection.close()

    never = "migrate._LOCK_TRIES, migrate._LOCK_PAUSE_SECONDS = 1, 0; migrate.upgrade('ingest', sys.argv[1])"
    status, said = asyncio.run(held(never))
    assert status == 1
    assert "SchemaBusyError: The schema of ingest could not be changed: a table that it wants was never free" in said
    assert not asyncio.run(provision.is_newest("ingest", url))

    async def let_go_between() -> None:
        """The table is free as soon as somebody has waited for it in vain."""
        reader, watcher = await asyncpg.connect(url), await asyncpg.connect(url)
        transaction = reader.transaction()
        await transaction.start()
        await reader.fetch("SELECT 1 FROM remits")
        program = "import sys; from libs.common import migrate; migrate.upgrade('ingest', sys.argv[1])"
        ran = await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, cwd=ROOT)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'remits'::regclass"
        for wanted in (1, 0):  # it waits for the table, and then no longer
            while await watcher.fetchval(waiting) != wanted:  # noqa: ASYNC110 - another process's matter, which tells nobody
                await asyncio.sleep(0.05)
        assert ran.returncode is None, "it comes again"
        await transaction.rollback()
        assert await ran.wait() == 0
        await reader.close()
        await watcher.close()

    asyncio.run(let_go_between())
    assert asyncio.run(provision.is_newest("ingest", url))


def test_an_index_is_built_beside_the_work_and_no_statement_of_a_later_version_runs_for_ever(empty: Any, tmp_path: Path) -> None:
    url = empty("ingest")
    run("upgrade('ingest', sys.argv[1])", url)
    newest = versions("ingest")[-1]
    script = tmp_path / "later.py"
    script.write_text(
        "from alembic import op\n"
        "from libs.common.schema import outside_of_transaction\n"
        f"revision, down_revision, branch_labels, depends_on = '9999', '{newest}', None, None\n"
        "def upgrade():\n"
        "    bound = op.get_bind().exec_driver_sql('SHOW statement_timeout').scalar()\n"
        "    with outside_of_transaction():\n"
        "        free = op.get_bind().exec_driver_sql('SHOW statement_timeout').scalar()\n"
        "        op.execute('CREATE INDEX CONCURRENTLY later ON remits (tenant_id)')\n"
        "    again = op.get_bind().exec_driver_sql('SHOW statement_timeout').scalar()\n"
        "    op.execute(f\"COMMENT ON INDEX later IS '{bound} {free} {again}'\")\n"
    )
    program = [
        "from alembic import command; from libs.common import migrate; config = migrate._config('ingest', sys.argv[1])",
        "folder = config.get_main_option('script_location') + '/versions'",
        f"config.set_main_option('version_locations', folder + ' {tmp_path}')",
        "config.set_main_option('path_separator', 'space'); command.upgrade(config, 'head')",
    ]
    run_apart("; ".join(program), url)

    async def told() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(
                "SELECT obj_description(indexrelid) FROM pg_index WHERE indexrelid = 'later'::regclass AND indisvalid"
            )
        finally:
            await connection.close()

    assert asyncio.run(told()) == "30s 0 30s"


@pytest.mark.parametrize("service", SERVICES)
def test_who_asks_for_the_tenants_while_they_get_a_column_waits_and_is_answered(service: str, empty: Any) -> None:
    """The release before asks at every door; a function that gave whole rows failed for all who waited in it."""
    url = empty(service)
    run(f"upgrade('{service}', sys.argv[1])", url)

    async def ask_meanwhile() -> list[Any]:
        changes, asks, looks = [await asyncpg.connect(url) for _ in range(3)]
        try:
            async with changes.transaction():
                await changes.execute("ALTER TABLE tenants ADD COLUMN later text")
                asked = asyncio.create_task(asks.fetch("SELECT tenant_id, state FROM every_tenant()"))
                async with asyncio.timeout(30):
                    while not await looks.fetchval(WAITS, asks.get_server_pid()):  # noqa: ASYNC110 - the server knows
                        await asyncio.sleep(0.02)
            return await asked
        finally:
            for connection in (changes, asks, looks):
                await connection.close()

    assert asyncio.run(ask_meanwhile()) == []
