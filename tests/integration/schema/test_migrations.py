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
