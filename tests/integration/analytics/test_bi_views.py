"""Views for BI tools: what the document lists, of the reader's tenant alone, and nothing else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest

from deploy.local import provision
from deploy.local.layout import ROOT, Secrets
from deploy.local.stack import Stack
from libs.common.database import driver
from services.analytics.facts import Refused
from services.analytics.facts.measures import MEASURES
from tests.integration.analytics.conftest import Analytics
from tests.unit.analytics.facts import answer, claim, decision, denial, filing, match, remit

DOCUMENT = ROOT / "docs" / "exports.md"
VIEWS = ("claims", "adjudications", "denials", "denial_reasons", "filings", "outcomes", "daily_sums")
ACCOUNT = [
    claim(),
    answer(),
    remit(claim_number=None),
    match(1, 1),
    denial(),
    denial(version=2, is_active=False, reasons=(Refused(1, "authorization", "197", 10_000, "CO", ("N54", "M76")),)),
    filing(),
    decision(),
]


@pytest.fixture
async def reader(analytics: Analytics, servers: Stack, request: pytest.FixtureRequest) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A session of the tenant's reader; another tenant of the same database has the same facts."""
    other = Analytics(analytics.worker, analytics.api, f"{analytics.tenant} not")
    await analytics.tell(ACCOUNT)
    await other.tell(ACCOUNT, ACCOUNT[:1])
    database = urlsplit(request.module.__dict__["_database"].owner_url).path[1:]
    secrets = Secrets(Path(servers.folder) / "secrets.json")
    url = await provision.make_reader(servers.admin_url, analytics.tenant, secrets, database)
    assert await provision.make_reader(servers.admin_url, analytics.tenant, secrets, database) == url
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def test_a_reader_sees_its_own_tenant_whatever_its_session_sets(
    reader: "asyncpg.Connection[Any]", analytics: Analytics
) -> None:
    for attempt in ("SELECT 1", f"SET recours.tenant = '{analytics.tenant} not'"):
        await reader.execute(attempt)
        counts = {view: await reader.fetchval(f"SELECT count(*) FROM bi.{view}") for view in VIEWS[:-1]}
        assert counts == dict.fromkeys(VIEWS[:-1], 1), attempt
        submitted = await reader.fetchval("SELECT sum(count) FROM daily_sums WHERE measure = 'submitted'")
        assert submitted == 1, attempt
    await reader.execute("SET row_security = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch("SELECT * FROM denials")
    for role in ("analytics_owner", "analytics_worker", "analytics_api"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute(f"SET ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute("SET SESSION AUTHORIZATION analytics_owner")


async def test_rows_tell_the_newest_version_and_the_matched_claim(reader: "asyncpg.Connection[Any]") -> None:
    denied = await reader.fetchrow("SELECT revision, is_active, denied_cents FROM denials")
    assert denied is not None
    assert tuple(denied) == (2, False, 10_000)
    joined = await reader.fetchrow("SELECT facility, category, outcome FROM claims JOIN adjudications USING (claim_id)"
        " JOIN denials USING (remit_id) JOIN outcomes USING (denial_id, category)")  # fmt: skip
    assert joined is not None
    assert joined["facility"] == "F1"
    reason = await reader.fetchrow("SELECT line, group_code, carc, rarcs, refused_cents FROM denial_reasons JOIN denials"
        " USING (denial_id, revision)")  # fmt: skip
    assert reason is not None
    assert tuple(reason) == (1, "CO", "197", ["N54", "M76"], 10_000)


async def test_a_reason_of_an_older_fact_says_neither_group_nor_remarks(
    reader: "asyncpg.Connection[Any]", analytics: Analytics
) -> None:
    told = b'{"is":"denial","denial_id":"%s","remit_id":"%s","version":1,"payer_id":"P","reasons":[[0,"other","16",5]]}'
    named = str(UUID(int=77)).encode()
    async with analytics.worker.begin() as tx:
        await (await driver(tx)).execute(
            "INSERT INTO facts (tenant_id, claim_key, place, kind, told) VALUES ($1, $2, 0, 'denial', $3)",
            analytics.tenant,
            UUID(int=77),
            told % (named, named),
        )
    old = await reader.fetchrow("SELECT line, carc, group_code, rarcs FROM denial_reasons WHERE denial_id = $1", UUID(int=77))
    assert old is not None
    assert tuple(old) == (0, "16", None, None)


async def test_a_reader_of_no_tenant_sees_nothing(
    reader: "asyncpg.Connection[Any]", analytics: Analytics, request: pytest.FixtureRequest
) -> None:
    owner = await asyncpg.connect(request.module.__dict__["_database"].owner_url)
    await owner.execute("DELETE FROM bi.readers WHERE tenant_id = $1", analytics.tenant)
    await owner.close()
    await reader.execute(f"SET recours.tenant = '{analytics.tenant}'")
    for view in VIEWS:
        assert await reader.fetchval(f"SELECT count(*) FROM bi.{view}") == 0, view


async def test_a_reader_writes_nothing_and_reads_no_table(reader: "asyncpg.Connection[Any]") -> None:
    assert await reader.fetchval("SHOW statement_timeout") == "5min"
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.execute("CREATE TABLE bi.mine ()")
    await reader.execute("SET default_transaction_read_only = off")
    tables = await reader.fetch(
        "SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname IN ('public', 'bi') AND relkind IN ('r', 'p', 'v')"
    )
    views = {f"bi.{view}" for view in (*VIEWS, "measures")}
    names = {row["name"] for row in tables}
    assert views < names
    for name in names:
        rights = [
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            if await reader.fetchval("SELECT has_table_privilege($1, $2)", name, right)
        ]
        assert rights == (["SELECT"] if name in views else []), name
    for refused in (
        "SELECT * FROM public.facts",
        "SELECT * FROM bi.readers",
        "INSERT INTO bi.readers VALUES ('other', session_user)",
        "DELETE FROM public.facts",
        "CREATE TABLE bi.mine ()",
        "CREATE TABLE public.mine ()",
        "CREATE TEMP TABLE mine ()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute(refused)


async def test_the_views_have_the_columns_that_the_document_lists(reader: "asyncpg.Connection[Any]") -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| ([a-z \[\]]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    there = await reader.fetch(
        "SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relnamespace = 'bi'::regnamespace AND relkind = 'v' AND attnum > 0"
    )
    assert sorted(rows) == sorted(map(tuple, there))
    for view in VIEWS:
        named = [column for of, column, _ in rows if of == view]
        assert list((await reader.fetch(f"SELECT * FROM bi.{view} LIMIT 1"))[0].keys()) == named


async def test_every_measure_has_its_name(reader: "asyncpg.Connection[Any]") -> None:
    named = {row["measure"]: row["measure_id"] for row in await reader.fetch("SELECT * FROM bi.measures")}
    assert named == {name: number for name, (number, _) in MEASURES.items()}
