"""What the audit log costs: a request with and without its entry, the chain held by each commit beside the worker's chain, and how
fast entries are sealed and verified.

`python -m tests.bench audit [--requests N] [--rounds N]`: ratios of one run; both ways are measured in turn.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from unittest.mock import patch

import asyncpg
import httpx

from libs.common import database as databases
from libs.common.audit.acting import entry_of_change
from libs.common.audit.entries import Entry, insertion
from libs.common.audit.sealing import AuditSealer, kept_of, seal_of
from libs.common.audit.seals import Signer
from libs.common.audit.verifying import Evidence, Head, Link, verify
from libs.common.clock import SystemClock
from libs.common.database import Database
from libs.common.http.audited import _Request
from libs.common.ids import uuid7
from services.ingest.api import make_app
from services.ingest.claims.examples import PROFESSIONAL
from tests.bench.meter import tell
from tests.bench.servers import own_database
from tests.support.access import VERIFIER, bearer

WRITERS: Final = 20
ENTRY: Final = Entry("ann", "moveCase", "changed", "case", ("00000000-0000-0000-0000-000000000001",), "token", "ab" * 16)
_HEADS: Final = "CREATE TABLE heads (tenant_id text PRIMARY KEY, seq bigint NOT NULL, hash bytea NOT NULL)"
# The other way to chain: the head is locked at the very end of the transaction, in the trip that commits.
_HELD: Final = """
UPDATE heads SET seq = seq + 1, hash = sha256(hash || convert_to('{entry}', 'UTF8')) WHERE tenant_id = 'local';
INSERT INTO audit_chain SELECT tenant_id, seq, '{entry}', hash FROM heads WHERE tenant_id = 'local'
"""


async def nothing(*_: Any) -> None:
    return None


async def rounds(ask: Callable[[int], Awaitable[httpx.Response]], requests: int, count: int) -> dict[str, float]:
    """Return the median milliseconds of a request with its entry and without, measured in turn."""
    times: dict[bool, list[float]] = {True: [], False: []}
    number = 0
    for _ in range(count):
        for with_entry in (True, False):
            change = entry_of_change if with_entry else lambda: None
            enter = _Request.enter if with_entry else nothing
            with patch.object(databases, "entry_of_change", change), patch.object(_Request, "enter", enter):
                for _ in range(requests):
                    number += 1
                    begun = time.perf_counter()
                    (await ask(number)).raise_for_status()
                    times[with_entry].append((time.perf_counter() - begun) * 1000)
    kept, left_out = (statistics.quantiles(times[each], n=100) for each in (True, False))
    return {
        "ms_p50": round(kept[49], 2), "ms_p50_without": round(left_out[49], 2), "ratio_p50": round(kept[49] / left_out[49], 2),
        "ms_p99": round(kept[98], 2), "ms_p99_without": round(left_out[98], 2),
    }  # fmt: skip


async def commits(url: str, last: Callable[[], str], seconds: float) -> float:
    """Return how many transactions of 20 writers of one tenant commit in a second, each with a last statement of its own."""
    done = 0
    until = time.monotonic() + seconds

    async def write(number: int) -> None:
        nonlocal done
        connection = await asyncpg.connect(url)
        while time.monotonic() < until:
            await connection.execute("BEGIN; SELECT set_config('recours.tenant', 'local', true)")
            await connection.execute(
                "INSERT INTO ledger_days VALUES ('local', $1, 1, 1, 1, 0) ON CONFLICT (tenant_id, day) DO UPDATE SET remits = 1",
                datetime(2026, 1, 1 + number, tzinfo=UTC).date(),
            )
            await connection.execute(f"{last()}COMMIT")
            done += 1
        await connection.close()

    await asyncio.gather(*map(write, range(WRITERS)))
    return done / seconds


async def ways(urls: Mapping[str, str], count: int) -> dict[str, float]:
    """Return commits a second of each way to keep the log, measured in turn."""
    owner = await asyncpg.connect(urls["owner"])
    await owner.execute(_HEADS)
    await owner.execute("INSERT INTO heads VALUES ('local', 0, '')")
    await owner.execute("GRANT ALL ON heads TO ingest_api; GRANT INSERT ON audit_chain TO ingest_api")
    await owner.close()

    def entry() -> str:
        return insertion("local", uuid7(), ENTRY, only_if_written=True) + ";"

    kinds = {"none": lambda: "", "sealed_later": entry, "head_held": lambda: entry() + _HELD.format(entry=uuid7()) + ";"}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(count):
        for kind, last in kinds.items():
            rates[kind].append(await commits(urls["api"], last, 2))
    return {f"commits_a_second_{kind}": round(statistics.median(each)) for kind, each in rates.items()}


async def sealing(urls: Mapping[str, str], entries: int) -> dict[str, float]:
    """Return how many entries a second are chained and sealed, and verified."""
    worker = Database(urls["worker"])
    signer = Signer("a secret of the benchmarks, long enough")
    sealer = AuditSealer("ingest", worker, SystemClock(), signer)
    while await sealer.seal():  # what the rounds before left
        pass
    owner = await asyncpg.connect(urls["owner"])
    await owner.execute("SELECT set_config('recours.tenant', 'many', false)")
    await owner.execute(
        "INSERT INTO audit_log (tenant_id, entry_id, subject, action, object_kind, object_ids, outcome)"
        " SELECT 'many', gen_random_uuid(), 'ann', 'getCase', 'case', ARRAY[n::text], 'disclosed' FROM generate_series(1, $1) AS n",
        entries,
    )
    begun = time.perf_counter()
    while not await sealer.seal():  # they are of one transaction, and so of one batch
        pass
    sealed = time.perf_counter() - begun
    rows = await owner.fetch(
        "SELECT * FROM audit_chain JOIN audit_log USING (tenant_id, entry_id) WHERE tenant_id = 'many' ORDER BY seq"
    )
    links = [Link(row["seq"], bytes(row["hash"]), row["entry_id"], kept_of(dict(row))) for row in rows]
    seals = [seal_of(dict(row)) for row in await owner.fetch("SELECT * FROM audit_seals WHERE tenant_id = 'many' ORDER BY seq")]
    begun = time.perf_counter()
    evidence = Evidence(seals, [], [], {signer.key_id: signer.public_key})
    report = verify("ingest", "many", links, evidence, lambda: Head(len(links), 0, None), datetime.now(UTC))
    verified = time.perf_counter() - begun
    assert report.is_whole
    await owner.close()
    await worker.close()
    return {"sealed_a_second": round(entries / sealed), "verified_a_second": round(len(links) / verified)}


async def measure(urls: Mapping[str, str], requests: int, count: int) -> dict[str, float]:
    database = Database(urls["api"])
    app = make_app(database, SystemClock(), VERIFIER)
    app.state.pseudonym_key = b"a key of the benchmarks alone"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest", headers=bearer("local")) as http:
        claim = (await http.post("/v1/claims", json=PROFESSIONAL)).raise_for_status().json()["claim_id"]

        async def change(number: int) -> httpx.Response:
            return await http.post("/v1/claims", json={**PROFESSIONAL, "patient_control_number": f"BENCH{number}"})

        changed = await rounds(change, requests, count)
        shown = await rounds(lambda _: http.get(f"/v1/claims/{claim}/content"), requests, count)
    await database.close()
    figures = {f"change_{name}": value for name, value in changed.items()} | {
        f"show_{name}": value for name, value in shown.items()
    }
    figures |= await ways(urls, count)
    return figures | await sealing(urls, 10_000)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench audit")
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with own_database("ingest") as (_, urls):
        tell("audit", asyncio.run(measure(urls, options.requests, options.rounds)))
