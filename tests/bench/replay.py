"""A replay: denials a second compared with another version, and applied, over a real PostgreSQL.

`python -m tests.bench.replay [--denials N]`

The denials are those of the benchmark of the decision; the rule turns one in twelve. Seconds are wall time: PostgreSQL reads, our
decision judges, PostgreSQL keeps what changes and how far it is, in transactions of 2,000. CPU seconds are this process's.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from uuid import uuid4

import httpx
import msgspec
from sqlalchemy import text

from libs.common.clock import SystemClock
from libs.common.contracts.envelope import Received
from libs.common.contracts.remit_received import Remark
from libs.common.database import Database
from libs.common.ids import claim_key
from services.classifier import handlers
from services.classifier.api import make_app
from services.classifier.replays.running import Replayer
from tests.bench.classify import denied
from tests.bench.meter import tell
from tests.bench.servers import own_database

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
        claim_status_code="1",
        charge_cents=claim.charge_cents,
        paid_cents=claim.paid_cents,
        adjustments=tuple(handlers.Adjustment(*msgspec.structs.astuple(each)) for each in claim.adjustments),
        rarcs=tuple(Remark(each.rarc, each.line) for each in claim.rarcs),
        claim_type="professional",
        payer_kind="commercial",
    )
    return Received(uuid4(), "bench", "recours.remit.received.v1", str(data.claim_key), "local", 1, "bench", None, data)


async def measure(url: Mapping[str, str], denials: int) -> dict[str, float]:
    database = Database(url["worker"])
    for start in range(0, denials, BATCH):
        async with database.begin() as tx:
            await handlers.handle(tx, [remit(number) for number in range(start, min(start + BATCH, denials))], NOW)
    owner = Database(url["owner"])
    async with owner.begin() as tx:
        await tx.execute(text("ANALYZE"))  # a table that grew in a minute: elsewhere PostgreSQL has done it by then
    await owner.close()
    found: dict[str, float] = {"denials": denials}
    app = make_app(Database(url["api"]), SystemClock(), "local")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as http:
        (await http.post("/v1/rules", json={"rules": RULES})).raise_for_status()
        (await http.post("/v1/rules/1/publish")).raise_for_status()
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
    chosen = parser.parse_args(arguments)
    with own_database("classifier") as (_, url):
        found = asyncio.run(measure(url, chosen.denials))
    tell("replay", found)
