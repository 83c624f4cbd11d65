"""Nothing that the running system asks of its databases reads a table from end to end: not with a hundred million rows in each.

The planner is told that every table is that large (tests/support/plans.py); then files come in, and every list and every other GET
of every service is asked, once for each filter that its document names. The plans of all statements that the processes execute
meanwhile are read, those of consumers, relays and jobs too: a new statement is judged without anybody's doing.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from deploy.local.layout import SERVICES
from deploy.local.provision import database_name
from services.ingest.claims.examples import PROFESSIONAL
from tests.bench.claims import write_claims
from tests.bench.files import write_file
from tests.support import eventually, run_apart
from tests.support.access import bearer
from tests.support.plans import Plan, judge, look_large, partial_indexes, read, record, stop_recording
from tests.support.system import System

WITHOUT_END: Final = frozenset({"/v1/stream"})
CLAIMS: Final = 40
_PROCESSES: Final = [f"{service}-{role}" for service in SERVICES for role in ("api", "worker")]


STATEMENTS_LEAST: Final = 400

# Tables that do not grow with claims: one row in all, some a tenant, one a tenant and day.
SMALL: Final = frozenset(
    {"relay_position", "audit_position", "tenants", "webhooks", "odds_tables", "odds_due", "ledger_days", "alert_marks", "models"}
    | {"days_ended"}
)
# Beginnings of statements that read all of a tenant or of a period because that is what was asked for, and two that should not.
WHOLE: Final = (
    "SELECT row_to_json((SELECT r FROM",  # a tenant's export
    "COPY (SELECT uuid_hash_extended(claim_key, episode)",  # root causes of a period: docs/speed.md
    "DELETE FROM idempotency_keys WHERE ctid",  # once an hour; the table holds a day's keys and no more
    "DELETE FROM document_blobs WHERE touched_at",  # the sweep of what no document names, once an hour: docs/scaling.md
    "SELECT * FROM (SELECT cases.tenant_id, cases.case_id, category",  # the collector of evidence: docs/scaling.md
)
# What an API counts: parts of one thing, or rows that a LIMIT bounds; those of a code and of a payer are bounded by these alone.
COUNTED: Final = (
    "FROM transactions WHERE",
    "FROM remits WHERE",
    "LIMIT",
    "codes @> ARRAY[",
    "FROM submission_cases AS c WHERE",
    "FROM audit_log AS entry",
    "FROM (SELECT DISTINCT ending",
    "ending = 'overturned'",
    "AS open_cases",
)


class Walk:
    """Every GET of one service, with ids of what is there, and once for each of its filters."""

    def __init__(self, system: System, service: str) -> None:
        self.http = httpx.Client(base_url=system.url(service), headers=bearer(), timeout=60)
        self.document: dict[str, Any] = self.http.get("/openapi.json").raise_for_status().json()
        self.known: dict[str, str] = {}

    def go(self) -> None:
        gets = [(path, methods["get"]) for path, methods in self.document["paths"].items() if "get" in methods]
        for path, operation in sorted(gets, key=lambda each: "{" in each[0]):  # lists first: they name what is there
            if path in WITHOUT_END:
                continue
            kinds = operation.get("parameters", ())
            place = path
            for each in kinds:
                if each["in"] == "path":
                    place = place.replace(f"{{{each['name']}}}", quote(str(self._value(each)), safe=""))
            needed = {each["name"]: self._value(each) for each in kinds if each["in"] == "query" and each.get("required")}
            others = [each for each in kinds if each["in"] == "query" and not each.get("required") and each["name"] != "cursor"]
            self._ask(place, needed)
            for each in others:
                self._ask(place, needed | {each["name"]: self._value(each)})

    def _ask(self, path: str, query: dict[str, Any]) -> None:
        answer = self.http.get(path, params=query)
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, path
        if answer.headers.get("content-type", "").startswith("application/json") and answer.is_success:
            self._learn(answer.json())
            if isinstance(answer.json(), dict) and (cursor := answer.json().get("next_cursor")):
                self.http.get(path, params=query | {"cursor": cursor})

    def _learn(self, node: Any) -> None:
        if isinstance(node, dict):
            self.known |= {name: value for name, value in node.items() if isinstance(value, str) and value}
        for held in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            self._learn(held)

    def _value(self, parameter: dict[str, Any]) -> Any:
        """Return what an answer said under this name, else a value of the parameter's schema."""
        name, schema = parameter["name"], parameter["schema"]
        schema = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
        schema = self.document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        if schema.get("type") == "array":
            schema = schema["items"]
        if "enum" in schema or "const" in schema:
            return schema.get("const", (schema.get("enum") or [None])[0])
        if name in self.known and not schema.get("format", "").startswith("date"):
            return self.known[name]
        if schema.get("type") in ("integer", "number"):
            return max(1, int(schema.get("minimum", 1)))
        if schema.get("type") == "boolean":
            return "true"
        of_format = {"uuid": "7e1a0d5e-0000-4000-8000-00000000beef", "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
        pattern = "2026-01" if str(schema.get("pattern", "")).startswith("^[0-9]{4}-") else "known"
        return of_format.get(schema.get("format", ""), pattern)


def restart(system: System) -> None:
    """End every process and wait until the next one of its name is ready: connections begin to be recorded when they are made."""
    before = {name: system.stack.pid(name) for name in _PROCESSES}
    for name in _PROCESSES:
        system.stack.kill(name)
    eventually(lambda: all(system.stack.pid(name) not in (None, pid) for name, pid in before.items()))
    system.come_to_rest()


def take_in(system: System, folder: Path, first: int) -> None:
    """Send claims as a file and as JSON, and their remittance: remits, denials, cases and sums follow."""
    claims, remits = folder / "plans.837", folder / "plans.835"
    write_claims(claims, CLAIMS, first=first)
    write_file(remits, CLAIMS, first=first, trace=f"PLANS{first}")
    system.take_in(claims.read_bytes(), remits.read_bytes())
    system.send(PROFESSIONAL | {"patient_control_number": f"PLANS{first}"})
    system.come_to_rest()


def plans_of(system: System, folder: Path) -> Iterator[Plan]:
    """Let the system work and be asked on databases that look large; yield the plans of all that it executed."""
    take_in(system, folder, 900_000)
    for service in SERVICES:
        run_apart(_prepare(system, service))
    log = system.stack.folder / "logs" / "postgres.log"
    begun = log.stat().st_size
    try:
        restart(system)
        take_in(system, folder, 910_000)
        for service in SERVICES:
            Walk(system, service).go()
    finally:
        run_apart(stop_recording(system.stack.admin_url))
        for service in SERVICES:
            run_apart(_forget(system, service))
    with log.open("rb") as file:
        file.seek(begun)
        yield from read(file.read().decode(errors="replace"))


@asynccontextmanager
async def _as_superuser(system: System, service: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(system.stack.admin_url.rpartition("/")[0] + f"/{database_name(service)}")
    try:
        yield connection
    finally:
        await connection.close()


async def _prepare(system: System, service: str) -> None:
    async with _as_superuser(system, service) as connection:
        await look_large(connection, Path(await connection.fetchval("SHOW data_directory")))
        await record(connection)


async def _forget(system: System, service: str) -> None:
    """Have the planner see again how small the tables are: other tests come after."""
    async with _as_superuser(system, service) as connection:
        await connection.execute("ANALYZE")


@pytest.fixture(scope="module")
def recorded(system: System, tmp_path_factory: pytest.TempPathFactory) -> list[Plan]:
    found = list(plans_of(system, tmp_path_factory.mktemp("plans")))
    assert len({plan.statement for plan in found}) > STATEMENTS_LEAST, "they were recorded"
    return found


def test_no_statement_of_the_running_system_reads_a_large_table_whole(system: System, recorded: list[Plan]) -> None:
    partial: set[str] = set()
    for service in SERVICES:
        partial |= run_apart(_partial(system, service))
    wrong = judge(recorded, partial, SMALL, WHOLE)
    assert not wrong, "\n\n".join(wrong)


def test_no_api_counts_rows_without_bound_and_none_pages_by_offset(recorded: list[Plan]) -> None:
    asked = {plan.statement for plan in recorded if re.fullmatch(r"recours-\w+-api", plan.application)}
    assert asked
    assert [each for each in asked if re.search(r"\bOFFSET (?!0\b)", each)] == []
    assert [each for each in asked if re.search(r"\bcount\(\*\)", each) and not any(known in each for known in COUNTED)] == []


async def _partial(system: System, service: str) -> set[str]:
    async with _as_superuser(system, service) as connection:
        return await partial_indexes(connection)
