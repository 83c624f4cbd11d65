"""A replay: denials a second compared with another version, and applied, over a real PostgreSQL.

`python -m tests.bench.replay [--denials N] [--kills N]`

The denials are those of the benchmark of the decision; the rule turns one in twelve. Seconds are wall time: PostgreSQL reads, our
decision judges, PostgreSQL keeps what changes and how far it is, in transactions of 2,000. CPU seconds are this process's.

With `--kills` it is done in processes that are ended by kill -9 so often while they compare and as often while they apply, in the
middle of whatever they are at; then every denial, change and event is held against what a replay without any kill finds.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final
from uuid import uuid4

import httpx
from sqlalchemy import text

from libs.common.clock import SystemClock
from libs.common.contracts.envelope import Received
from libs.common.database import Database
from libs.common.ids import claim_key
from services.classifier import handlers
from services.classifier.api import make_app
from services.classifier.replays.running import Replayer
from tests.bench.classify import denied
from tests.bench.meter import tell
from tests.bench.servers import own_database
from tests.support.access import VERIFIER, bearer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = 2_000
RULES = [
    {
        "name": "no-approval-is-enrollment",
        "why": "a bulletin",
        "when": {"payer_id": "1999999999", "carc": "197"},
        "then": {"category": "provider_enrollment", "action": "contact_payer"},
        "effective_from": "2020-01-01",
    }
]


def remit(number: int) -> handlers.Remit:
    """Make a remit of one refused line, as the consumer hands it over."""
    claim = denied(number)
    pcn = f"ACCT{number}"
    data = handlers.RemitToClassify(
        remit_id=uuid4(),
        remittance_id=uuid4(),
        claim_key=claim_key("local", pcn),
        patient_control_number=pcn,
        payer_claim_control_number=f"ICN{number}",
        payer_id="1999999999",
        payer_name="PAYER",
        payment_on=date(2026, 1, 1 + number % 28),
        received_at=NOW,
        claim_status_code="1",
        charge_cents=claim.charge_cents,
        paid_cents=claim.paid_cents,
        adjustments=claim.adjustments,
        rarcs=claim.rarcs,
        claim_type="professional",
        payer_kind="commercial",
    )
    return Received(uuid4(), "bench", "recours.remit.received.v1", str(data.claim_key), "local", 1, "bench", None, data)


async def seed(url: Mapping[str, str], denials: int) -> None:
    """Have so many denials, and a version of rules in force that turns one in twelve."""
    database = Database(url["worker"])
    for start in range(0, denials, BATCH):
        async with database.begin() as tx:
            await handlers.handle(tx, [remit(number) for number in range(start, min(start + BATCH, denials))], NOW)
    owner = Database(url["owner"])
    async with owner.begin() as tx:
        await tx.execute(text("ANALYZE"))  # a table that grew in a minute: elsewhere PostgreSQL has done it by then
    await owner.close()
    await database.close()
    app = make_app(Database(url["api"]), SystemClock(), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://bench") as http:
        (await http.post("/v1/rules", json={"rules": RULES})).raise_for_status()
        (await http.post("/v1/rules/1/publish")).raise_for_status()


async def measure(url: Mapping[str, str], denials: int) -> dict[str, float]:
    found: dict[str, float] = {"denials": denials}
    database = Database(url["worker"])
    app = make_app(Database(url["api"]), SystemClock(), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://bench") as http:
        begun = await http.post("/v1/replays", json={"version": 1, "from": "2026-01-01", "to": "2026-12-31"})
        path = begun.raise_for_status().headers["location"]
        cpu = time.process_time()
        found["compared_per_second"] = round(denials / await seconds(database))
        found["compared_per_cpu_second"] = round(denials / (time.process_time() - cpu))
        changed = (await http.get(path)).json()["changed"]
        (await http.post(f"{path}/apply")).raise_for_status()
        found["changed"] = changed
        found["applied_per_second"] = round(changed / await seconds(database))
    await database.close()
    return found


_WORKER: Final = """
import sys, uvloop
from libs.common.clock import SystemClock
from libs.common.database import Database
from services.classifier.replays.running import Replayer

uvloop.run(Replayer(Database(sys.argv[1]), SystemClock(), batch=500).run())
"""
_THERE: Final = """
SELECT count(*) AS changes, count(*) FILTER (WHERE denials.revision = 2) AS revised,
       (SELECT count(*) FROM denials WHERE revision = 1) AS untouched, (SELECT count(*) FROM denials) AS denials,
       (SELECT count(*) FROM outbox WHERE headers::jsonb ->> 'ce_correlationid' = :replay) AS events,
       (SELECT count(DISTINCT convert_from(payload, 'UTF8')::jsonb ->> 'denial_id') FROM outbox
        WHERE headers::jsonb ->> 'ce_correlationid' = :replay) AS told
FROM replay_changes JOIN denials USING (tenant_id, denial_id) WHERE replay_id = CAST(CAST(:replay AS text) AS uuid)
"""


async def measure_killed(url: Mapping[str, str], denials: int, kills: int) -> dict[str, int]:
    """Work a replay off in processes that are killed; return what is there afterwards. Errors: AssertionError where it is wrong."""
    database = Database(url["worker"])
    app = make_app(Database(url["api"]), SystemClock(), VERIFIER)
    async with httpx.AsyncClient(headers=bearer(), transport=httpx.ASGITransport(app), base_url="http://bench") as http:
        body = {"version": 1, "from": "2026-01-01", "to": "2026-12-31"}
        begun = await http.post("/v1/replays", json=body)
        path = begun.raise_for_status().headers["location"]
        compared = await _killed(http, path, url["worker"], "compared", denials, kills)
        detail = (await http.get(path)).json()
        (await http.post(f"{path}/apply")).raise_for_status()
        applied = await _killed(http, path, url["worker"], "passed", detail["changed"], kills)
        done = (await http.get(path)).json()
        async with database.begin() as tx:
            there = dict((await tx.execute(text(_THERE), {"replay": done["replay_id"]})).mappings().one())
        after = (await http.post("/v1/replays", json=body)).raise_for_status().headers["location"]
        await seconds(database)
        nothing_left = (await http.get(after)).json()
    await database.close()
    changed = done["changed"]
    each_once = dict.fromkeys(("changes", "revised", "events", "told"), changed)
    right = (
        (done["state"], done["compared"], done["applied"]) == ("applied", denials, changed)
        and there == each_once | {"untouched": denials - changed, "denials": denials}
        and nothing_left["changed"] == 0
    )
    if not right:
        raise AssertionError({"done": done, "there": there, "left": nothing_left["changed"]})
    killed = {f"killed_at_compared_{place}": at for place, at in enumerate(compared, 1)}
    killed |= {f"killed_at_applied_{place}": at for place, at in enumerate(applied, 1)}
    return {**killed, **there}


async def _killed(http: httpx.AsyncClient, path: str, url: str, what: str, total: int, kills: int) -> list[int]:
    """Run workers until a step of a replay is done, killing each but the last on its way; return how far it was each time."""
    at = []
    for kill in range(1, kills + 2):
        worker = await asyncio.create_subprocess_exec(sys.executable, "-c", _WORKER, url)
        while True:
            told = (await http.get(path)).json()
            ended = told["state"] in ("compared", "applied")
            if ended or (kill <= kills and told[what] > total * kill / (kills + 1)):
                break
            await asyncio.sleep(0.01)
        worker.kill()
        await worker.wait()
        if ended:
            break
        at.append(told[what])
    return at


async def seconds(database: Database) -> float:
    """Work off what there is; return how long it took."""
    replayer = Replayer(database, SystemClock())
    begun = time.perf_counter()
    while await replayer.step() is not None:
        pass
    return time.perf_counter() - begun


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--denials", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=0, help="of its process while it compares, and as many while it applies")
    chosen = parser.parse_args(arguments)
    with own_database("classifier") as (_, url):
        asyncio.run(seed(url, chosen.denials))
        if chosen.kills:
            tell("replay_killed", asyncio.run(measure_killed(url, chosen.denials, chosen.kills)))
        else:
            tell("replay", asyncio.run(measure(url, chosen.denials)))
