"""The check: claims a second with all local rules and NCCI tables of the real size in PostgreSQL, and how long one takes over HTTP.

`python -m tests.bench check [--pairs N] [--claims N] [--batch N] [--rate N] [--seconds N]`

`rules`: the pure check alone, everything at hand. `batch`: with what it asks of PostgreSQL for each batch, as claims come in.
CPU is this process's; seconds are wall time. `http`: one claim a request as JSON to ingest's own API process, at a steady rate,
from the moment when a request was due to its answer's last byte; `floor`: the same of a request that does nothing: what the machine
takes while others share it. Tables are generated in the shape of the public file and loaded as a user does.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import date
from pathlib import Path
from uuid import UUID

import httpx
import msgspec
from msgspec.structs import replace

from deploy.local import provision
from deploy.local.layout import Ports, Secrets
from deploy.local.stack import Stack
from libs.common.database import Database
from libs.x12 import Claim
from services.ingest.checks import loading
from services.ingest.checks.loading import Asked
from tests.bench.meter import Meter, tell
from tests.support.access import bearer
from tests.unit.ingest.checks.claims import MEMBER, line, professional
from tests.unit.ingest.checks.tables import PTP_HEAD, mue

CODES = [f"{letter}{number:04}" for letter in "ABCEGHJKLMPQRSTV" for number in range(625)]  # 10,000 in the shape of level II
RULES = {
    "rules": [
        {"kind": "timely_filing", "days": 90, "effective_from": "2020-01-01"},
        {"kind": "prior_authorization", "procedure_codes": ["K08*", "L1*", "E0601"], "effective_from": "2020-01-01"},
        {"kind": "frequency", "procedure_codes": ["G0283", "A4253"], "times": 2, "days": 365, "effective_from": "2020-01-01"},
        {"kind": "member_id", "patterns": ["aaa999999999"], "effective_from": "2020-01-01"},
    ]
}


def table(pairs: int) -> Iterator[bytes]:
    """Yield a PTP file with so many pairs, drawn evenly."""
    yield PTP_HEAD.encode()
    each = pairs // len(CODES)
    for place, code in enumerate(CODES):
        others = (CODES[(place + step * 37 + 1) % len(CODES)] for step in range(each))
        yield "".join(f"{code}\t{other}\t\t20200101\t*\t{step % 2}\treason\n" for step, other in enumerate(others)).encode()


def claims(count: int) -> list[Claim]:
    """Return claims of three lines of a clinic that uses 400 procedures, each of another member."""
    drawn = random.Random(7)
    used = drawn.sample(CODES, 400)
    return [
        professional(
            *(line(number, code) for number, code in enumerate(drawn.sample(used, 3), start=1)),
            patient_control_number=f"PCN{place}",
            subscriber=replace(MEMBER, member_id=f"ABC{place:09}"),
        )
        for place in range(count)
    ]


async def load(http: httpx.AsyncClient, pairs: int) -> float:
    """Load the tables and the rules over HTTP; return the seconds that the pairs took, from the first byte to the switch."""

    async def body() -> AsyncIterator[bytes]:
        for piece in table(pairs):
            yield piece

    begun = time.perf_counter()
    await loaded(http, await http.post("/v1/reference/ncci-ptp-practitioner?quarter=2026Q1", content=body(), timeout=600))
    seconds = time.perf_counter() - begun
    limits = mue(*((code, 3, "1") for code in CODES))
    await loaded(http, await http.post("/v1/reference/ncci-mue-practitioner?quarter=2026Q1", content=limits, timeout=60))
    (await http.put("/v1/payers/60054/rules", json=RULES, headers={"If-Match": '"0"'})).raise_for_status()
    return seconds


async def loaded(http: httpx.AsyncClient, answer: httpx.Response) -> None:
    """Wait until a table is live."""
    location = answer.raise_for_status().headers["Location"]
    while (status := (await http.get(location)).raise_for_status().json()["status"]) != "live":
        assert status in ("received", "loading"), status
        await asyncio.sleep(0.2)


async def latencies(http: httpx.AsyncClient, asked: Sequence[bytes], rate: float) -> list[float]:
    """Send checks at a steady rate, whether or not the one before was answered; return milliseconds from when each was due.

    Where there is no body, nothing is asked but whether the process lives.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time() + 0.1

    async def one(place: int, body: bytes) -> float:
        due = begun + place / rate
        await asyncio.sleep(due - loop.time())
        if body:
            answer = await http.post("/v1/claims/check", content=body, headers={"Content-Type": "application/json"})
        else:
            answer = await http.get("/livez")
        answer.raise_for_status()
        return (loop.time() - due) * 1000

    return sorted(await asyncio.gather(*(one(place, body) for place, body in enumerate(asked))))


def bodies(count: int) -> list[bytes]:
    """Return claims as a client would send them."""
    own = ("separator", "component", "ordinal", "segment_index", "byte_offset")
    told = (msgspec.to_builtins(claim) for claim in claims(count))
    return [msgspec.json.encode({name: value for name, value in each.items() if name not in own}) for each in told]


async def measure(stack: Stack, api_url: str, chosen: argparse.Namespace) -> dict[str, float]:
    database = Database(api_url)
    http = httpx.AsyncClient(headers=bearer(), base_url=stack.url("ingest"), timeout=60)
    found = {"load_seconds": round(await load(http, chosen.pairs), 1)}
    await latencies(http, bodies(100), chosen.rate)  # connections and caches are there before it counts
    count = int(chosen.rate * chosen.seconds)
    meter = Meter({"api": stack.pid("ingest-api") or 0})
    spent = {"http": await latencies(http, bodies(count), chosen.rate)}
    found["http_api_cpu_ms"] = round(meter.end()["api"]["cpu_seconds"] / count * 1000, 2)
    spent["floor"] = await latencies(http, [b""] * count, chosen.rate)
    for what, sorted_ in spent.items():
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            found[f"{what}_{name}_ms"] = round(sorted_[min(int(count * share), count - 1)], 1)
    tenant = "local"
    asked = [Asked(claim, UUID(int=place), f"member-{place}") for place, claim in enumerate(claims(chosen.claims))]
    wall, cpu, rules_cpu, findings = time.perf_counter(), time.process_time(), 0.0, 0
    for start in range(0, len(asked), chosen.batch):
        batch = asked[start : start + chosen.batch]
        async with database.begin(tenant) as tx:
            reference = await loading.load(tx, tenant, [each.claim for each in batch])
            earlier = await loading.earlier_lines(tx, tenant, batch, reference)
        begun = time.process_time()
        findings += sum(map(len, loading.fold(batch, reference, earlier, date(2026, 3, 1))))
        rules_cpu += time.process_time() - begun
    found["rules_claims_per_cpu_second"] = round(len(asked) / rules_cpu)
    found["batch_claims_per_cpu_second"] = round(len(asked) / (time.process_time() - cpu))
    found["batch_claims_per_second"] = round(len(asked) / (time.perf_counter() - wall))
    found["findings_per_claim"] = round(findings / len(asked), 3)
    await http.aclose()
    await database.close()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench check")
    parser.add_argument("--pairs", type=int, default=2_000_000)
    parser.add_argument("--claims", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), Ports.free(), services=("ingest",))
        stack.start()
        try:
            secrets = Secrets(Path(folder) / "secrets.json")
            found = asyncio.run(measure(stack, provision.role_url(stack.admin_url, "ingest", "api", secrets), chosen))
        finally:
            stack.discard()
    tell("check", found)
