"""What a file costs from its bytes in the database to its rows and events: CPU of the reader's process and of PostgreSQL.

`python -m tests.bench intake [--claims N] [--rounds N]`

In each round, in turn and each in a database of its own: an 835 whose claims are not known (`835`), the same without matching
(`835_unmatched`) and with all its claims known (`835_answering`); an 837 (`837`), and the same without the checks on what comes
in (`837_unchecked`); both also without sealing (`835_unsealed`, `837_unsealed`). The claims of both are the same. Ratios are taken
round by round: other work may share the machine. What is left out is left out from outside, here: the product has no switch for it.
"""

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import psutil

from deploy.local import provision
from deploy.local.layout import Ports, Secrets
from deploy.local.stack import Stack
from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.ids import uuid7
from libs.common.sealing.cipher import Cipher
from services.ingest import reading, store
from services.ingest.claims import intake
from services.ingest.matching import Verdict
from services.ingest.packing import pack
from services.ingest.reading import IntakeReader
from services.ingest.received import Received
from services.ingest.sandbox.payer import Sandbox
from tests.bench.claims import write_claims
from tests.bench.files import write_file
from tests.bench.meter import cpu_seconds, keep

NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
_BLOCK_BYTES: Final = 256 * 1024
_SIDES: Final = ("835", "835_unmatched", "835_answering", "837", "837_unchecked", "835_unsealed", "837_unsealed")


@contextmanager
def left_out(side: str) -> Iterator[None]:
    """Leave out what a side is measured without."""

    async def unmatched(_: Any, __: str, answers: Mapping[UUID, Any], ___: datetime, **____: bool) -> dict[UUID, Verdict]:
        return dict.fromkeys(answers, Verdict("unmatched"))

    async def unchecked(_: Any, __: str, asked: Sequence[Any], ___: Any) -> list[tuple[()]]:
        return [()] * len(asked)

    if side == "835_unmatched":
        with patch.object(reading, "match", unmatched):
            yield
    elif side == "837_unchecked":
        with patch.object(intake, "check_all", unchecked):
            yield
    elif side.endswith("_unsealed"):
        with patch.object(Cipher, "seal", lambda *told: told[-1]), patch.object(Cipher, "open", lambda *told: told[-1]):
            yield
    else:
        yield


class Bench:
    """One PostgreSQL, and a fresh database of ingest for each measurement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = Stack(folder / "infra", Ports.free(), services=())
        self._secrets = Secrets(folder / "secrets.json")
        self._made = 0

    def start(self) -> None:
        self.stack.start()
        asyncio.run(provision.make_roles(self.stack.admin_url, "ingest", self._secrets))
        asyncio.run(provision.make_database(self.stack.admin_url, "ingest", name="bench"))
        provision.migrate("ingest", provision.role_url(self.stack.admin_url, "ingest", "owner", self._secrets, "bench"))

    async def measure(self, files: Mapping[str, bytes], side: str) -> dict[str, float]:
        self._made += 1
        name = f"bench_{self._made}"
        await provision.make_database(self.stack.admin_url, "ingest", name=name, template="bench")
        database = Database(provision.role_url(self.stack.admin_url, "ingest", "worker", self._secrets, name))
        try:
            if side == "835_answering":
                await self._read(database, files["837"])
            with left_out(side):
                return await self._read(database, files[side[:3]])
        finally:
            await database.close()

    async def _read(self, database: Database, body: bytes) -> dict[str, float]:
        blocks = [pack(body[at : at + _BLOCK_BYTES]) for at in range(0, len(body), _BLOCK_BYTES)]
        async with database.begin() as tx:
            await store.insert_interchange(tx, Received("local", uuid7(), NOW, ""), str(uuid7()), len(body), blocks)
        reader = IntakeReader(database, FixedClock(NOW), b"a key for the benchmark alone", Sandbox())
        postgres = psutil.Process(self.stack.pid("postgres"))
        gc.collect()
        gc.disable()  # what every worker does around a batch
        before, began = cpu_seconds(postgres), time.process_time()
        while await reader.read_next():
            pass
        found = {"python": time.process_time() - began, "postgres": cpu_seconds(postgres) - before, "bytes": float(len(body))}
        gc.enable()
        return found


def _cpu(found: Mapping[str, float]) -> float:
    return found["python"] + found["postgres"]


def _report(claims: int, rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
    def middle(values: Iterator[float], digits: int = 3) -> float:
        return round(statistics.median(values), digits)

    def more(side: str, than: str) -> float:
        return middle(_cpu(each[side]) / _cpu(each[than]) for each in rounds)

    return {
        "claims": claims,
        "cpu_us_a_claim": {
            side: {part: middle((each[side][part] / claims * 1e6 for each in rounds), 1) for part in ("python", "postgres")}
            for side in _SIDES
        },
        "837_time_a_byte_of_the_835": middle(
            _cpu(each["837"]) / each["837"]["bytes"] * each["835"]["bytes"] / _cpu(each["835"]) for each in rounds
        ),
        **{f"sealing_adds_to_the_{kind}": round(more(kind, f"{kind}_unsealed") - 1, 3) for kind in ("835", "837")},
        "share_of_the_837_that_is_checks": round(1 - more("837_unchecked", "837"), 3),
        "matching_adds_where_no_claim_is_known": round(more("835", "835_unmatched") - 1, 3),
        "matching_adds_where_all_are_known": round(more("835_answering", "835_unmatched") - 1, 3),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench intake")
    parser.add_argument("--claims", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="recours-bench-") as folder:
        files = {"835": Path(folder) / "bench.835", "837": Path(folder) / "bench.837"}
        write_file(files["835"], options.claims)
        write_claims(files["837"], options.claims)
        bodies = {kind: path.read_bytes() for kind, path in files.items()}
        bench = Bench(Path(folder))
        try:
            bench.start()
            rounds = [{side: asyncio.run(bench.measure(bodies, side)) for side in _SIDES} for _ in range(options.rounds + 1)]
        finally:
            bench.stack.discard()
    report = _report(options.claims, rounds[1:])  # the first one warms everything
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('intake', report)}")
