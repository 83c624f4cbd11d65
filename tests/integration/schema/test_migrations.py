"""Migrations: up, down and up again, step by step; done twice is done once."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import provision
from deploy.local.layout import ROOT, SERVICES, Secrets
from deploy.local.stack import Stack

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


def run(call: str, url: str) -> None:
    """Run one of libs.common.migrate's functions in a process of its own, as Alembic's environment is one a process."""
    program = f"import sys; from libs.common import migrate; migrate.{call}"
    done = subprocess.run([sys.executable, "-c", program, url], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


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


@pytest.mark.parametrize("service", SERVICES)
def test_each_version_goes_up_down_and_up_again(service: str, empty: Any) -> None:
    url = empty(service)
    before = "base"
    for version in versions(service):
        run(f"upgrade('{service}', sys.argv[1], '{version}')", url)
        up = asyncio.run(schema(url))
        run(f"downgrade('{service}', sys.argv[1], '{before}')", url)
        run(f"upgrade('{service}', sys.argv[1], '{version}')", url)
        assert asyncio.run(schema(url)) == up
        before = version
    run(f"upgrade('{service}', sys.argv[1])", url)
    assert asyncio.run(schema(url)) == up, "the newest version again changes nothing"
    run(f"downgrade('{service}', sys.argv[1], 'base')", url)
    assert [told for told in asyncio.run(schema(url)) if "alembic" not in told] == []
