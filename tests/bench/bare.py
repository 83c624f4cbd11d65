"""The bare pipeline: the same bytes through the same PostgreSQL and Kafka with nothing but the necessary work.

835 -> claims + outbox -> Kafka -> classifier (denials + outbox) -> Kafka -> analytics (facts of claims and of denials).

Necessary is what the promise needs: batches of 2,000 in one transaction, fsync on, `acks=all`, positions and offsets moved only
afterwards, and rows that a repetition cannot double (their keys; no inbox). Left out is all that makes a service of it: HTTP,
stored files, findings, balances, ledgers, accounts, lines, tenants, row-level security, envelopes, dead letters, traces, appeals.

`python -m tests.bench.bare ROLE URL BOOTSTRAP CLAIMS DENIALS [FILE...]` is one process of it: it says `ready`, the reader waits for
a line, and each tells its costs as JSON when it has seen all. In the reader's place `drops` reads an 835 from each line.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from msgspec import Struct

from deploy.local.layout import ROOT
from tests.bench import floor
from tests.bench.meter import peak_mib

BATCH: Final = 2000
CLAIMS_TOPIC, DENIALS_TOPIC = "bare.claims", "bare.denials"
PARTITIONS: Final = 6
_PATIENCE_SECONDS: Final = 60  # for the last to see all
ROLES: Final = ("reader", "claims-relay", "classifier", "denials-relay", "analytics")
_NO_DENIAL: Final = frozenset({"45", "1", "2", "3", "253"})

SCHEMA = """
CREATE TABLE claims (id bigint PRIMARY KEY, pcn text NOT NULL, status text NOT NULL, charge_cents bigint NOT NULL,
    paid_cents bigint NOT NULL);
CREATE TABLE denials (id bigint PRIMARY KEY, pcn text NOT NULL, carc text NOT NULL, denied_cents bigint NOT NULL);
CREATE TABLE claim_facts (id bigint PRIMARY KEY, charge_cents bigint NOT NULL, paid_cents bigint NOT NULL);
CREATE TABLE denial_facts (id bigint PRIMARY KEY, carc text NOT NULL, denied_cents bigint NOT NULL);
CREATE TABLE claims_outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, payload bytea NOT NULL);
CREATE TABLE denials_outbox (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, payload bytea NOT NULL);
CREATE TABLE position (outbox text PRIMARY KEY, seq bigint NOT NULL);
INSERT INTO position VALUES ('claims', 0), ('denials', 0)
"""


Handler = Callable[["asyncpg.Connection[Any]", list[bytes]], Awaitable[None]]


class Line(Struct, gc=False):
    procedure: str
    charge_cents: int
    paid_cents: int
    adjustments: list[floor.Adjustment]


class Claim(Struct, gc=False):
    id: int
    pcn: str
    status: str
    charge_cents: int
    paid_cents: int
    adjustments: list[floor.Adjustment]
    lines: list[Line]


class ClaimFact(Struct, gc=False):
    id: int
    charge_cents: int
    paid_cents: int


class Denial(Struct, gc=False):
    id: int
    pcn: str
    carc: str
    denied_cents: int


@dataclass
class Work:
    """What a process is told."""

    connection: "asyncpg.Connection[Any]"
    bootstrap: str
    claims: int
    denials: int
    files: Sequence[str]


# -- the five processes


async def read_files(work: Work) -> None:
    """Read 835s with the floor and write claims and events, a transaction for each 2,000."""
    encode = msgspec.json.Encoder().encode
    await asyncio.to_thread(sys.stdin.readline)
    for name in work.files:
        path = Path(name)
        first = int(path.stem)
        rows: list[tuple[Any, ...]] = []
        events: list[tuple[str, bytes]] = []
        for ordinal, (pcn, status, charge, paid, adjustments, lines) in enumerate(floor.claims(_text(path))):
            claim = Claim(first + ordinal, pcn, status, charge, paid, adjustments, [Line(*line) for line in lines])
            rows.append((claim.id, pcn, status, charge, paid))
            events.append((pcn, encode(claim)))
            if len(rows) == BATCH:
                await _write_claims(work.connection, rows, events)
                rows, events = [], []
        if rows:
            await _write_claims(work.connection, rows, events)


async def read_drops(work: Work) -> None:
    """Read an 835 from each line (the number of its first claim, a tab, its text): a transaction for what came since the last."""
    encode = msgspec.json.Encoder().encode
    lines = asyncio.StreamReader(limit=16 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _ready()
    read, came = 0, b""
    while read < work.claims:
        rows: list[tuple[Any, ...]] = []
        events: list[tuple[str, bytes]] = []
        came += await lines.read(16 * 1024 * 1024)
        whole, _, came = came.rpartition(b"\n")
        for line in whole.splitlines():
            first, _, text = line.decode("latin-1").partition("\t")
            for ordinal, (pcn, status, charge, paid, adjustments, told) in enumerate(floor.claims(text)):
                claim = Claim(int(first) + ordinal, pcn, status, charge, paid, adjustments, [Line(*each) for each in told])
                rows.append((claim.id, pcn, status, charge, paid))
                events.append((pcn, encode(claim)))
        if rows:
            await _write_claims(work.connection, rows, events)
            read += len(rows)


def _text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


async def _write_claims(connection: "asyncpg.Connection[Any]", rows: Sequence[Any], events: Sequence[Any]) -> None:
    async with connection.transaction():
        await connection.copy_records_to_table("claims", records=rows)
        await connection.copy_records_to_table("claims_outbox", columns=("key", "payload"), records=events)
        await connection.execute("NOTIFY claims_outbox")


async def relay(work: Work, outbox: str, topic: str, expected: int) -> None:
    """Send an outbox in order, moving the position after the broker has it. One writer writes it, so the sequence has no gaps."""
    wake = asyncio.Event()
    await work.connection.add_listener(f"{outbox}_outbox", lambda *_: wake.set())
    producer = AIOKafkaProducer(
        bootstrap_servers=work.bootstrap, enable_idempotence=True, acks="all", compression_type="zstd", max_batch_size=1024 * 1024
    )
    await producer.start()
    _ready()
    sent = 0
    position = await work.connection.fetchval("SELECT seq FROM position WHERE outbox = $1", outbox)
    while sent < expected:
        wake.clear()
        rows = await work.connection.fetch(
            f"SELECT seq, key, payload FROM {outbox}_outbox WHERE seq > $1 ORDER BY seq LIMIT 4000",
            position,
        )
        if not rows:
            await wake.wait()
            continue
        await _send(producer, topic, rows)
        position = rows[-1]["seq"]
        await work.connection.execute("UPDATE position SET seq = $1 WHERE outbox = $2", position, outbox)
        sent += len(rows)
    await producer.stop()


async def _send(producer: AIOKafkaProducer, topic: str, rows: Sequence[Any]) -> None:
    batches: dict[int, Any] = defaultdict(producer.create_batch)
    sent = []
    for _, text_key, payload in rows:
        key = text_key.encode()
        partition = crc32(key) % PARTITIONS
        if batches[partition].append(key=key, value=payload, timestamp=None) is None:
            batches[partition].close()
            sent.append(await producer.send_batch(batches.pop(partition), topic, partition=partition))
            batches[partition].append(key=key, value=payload, timestamp=None)
    for partition, batch in batches.items():
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


async def consume(work: Work, group: str, handlers: Mapping[str, Handler], expected: int) -> None:
    """Consume batches, each in one transaction, and commit offsets after it."""
    consumer = AIOKafkaConsumer(
        *handlers,
        bootstrap_servers=work.bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    _ready()
    seen = 0
    while seen < expected:
        fetched = await consumer.getmany(timeout_ms=500, max_records=BATCH)
        by_topic: dict[str, list[bytes]] = defaultdict(list)
        for partition, records in fetched.items():
            by_topic[partition.topic] += [record.value for record in records]
        if not by_topic:
            continue
        async with work.connection.transaction():
            for topic, values in by_topic.items():
                await handlers[topic](work.connection, values)
        await consumer.commit({partition: records[-1].offset + 1 for partition, records in fetched.items()})
        seen += sum(map(len, by_topic.values()))
    await consumer.stop()


_decode_claim = msgspec.json.Decoder(Claim).decode
_decode_claim_fact = msgspec.json.Decoder(ClaimFact).decode
_decode_denial = msgspec.json.Decoder(Denial).decode


async def classify(connection: "asyncpg.Connection[Any]", values: list[bytes]) -> None:
    encode = msgspec.json.Encoder().encode
    denials = []
    for claim in map(_decode_claim, values):
        refused = [item for item in claim.adjustments if item[1] not in _NO_DENIAL]
        refused += [item for line in claim.lines for item in line.adjustments if item[1] not in _NO_DENIAL]
        if refused:
            denials.append(Denial(claim.id, claim.pcn, max(refused, key=lambda item: item[2])[1], sum(item[2] for item in refused)))
    if not denials:
        return
    new = await connection.fetch(
        "INSERT INTO denials SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])"
        " ON CONFLICT DO NOTHING RETURNING id",
        *_columns(denials),
    )
    fresh = {row["id"] for row in new}
    events = [(denial.pcn, encode(denial)) for denial in denials if denial.id in fresh]
    await connection.copy_records_to_table("denials_outbox", columns=("key", "payload"), records=events)
    await connection.execute("NOTIFY denials_outbox")


async def keep_claims(connection: "asyncpg.Connection[Any]", values: list[bytes]) -> None:
    await connection.execute(
        "INSERT INTO claim_facts SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) ON CONFLICT DO NOTHING",
        *_columns([_decode_claim_fact(value) for value in values]),
    )


async def keep_denials(connection: "asyncpg.Connection[Any]", values: list[bytes]) -> None:
    denials = [_decode_denial(value) for value in values]
    await connection.execute(
        "INSERT INTO denial_facts SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[]) ON CONFLICT DO NOTHING",
        [denial.id for denial in denials],
        [denial.carc for denial in denials],
        [denial.denied_cents for denial in denials],
    )


def _columns(rows: Sequence[Struct]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(msgspec.structs.astuple, rows), strict=True)]


# -- a process, and all of them

_started: list[float] = []  # CPU seconds when it was ready: imports are not what is measured


def _ready() -> None:
    print("ready", flush=True)
    _started.append(time.process_time())


async def run(role: str, work: Work) -> None:
    if role == "reader":
        _ready()
        await read_files(work)
    elif role == "drops":
        await read_drops(work)
    elif role == "claims-relay":
        await relay(work, "claims", CLAIMS_TOPIC, work.claims)
    elif role == "classifier":
        await consume(work, "bare-classifier", {CLAIMS_TOPIC: classify}, work.claims)
    elif role == "denials-relay":
        await relay(work, "denials", DENIALS_TOPIC, work.denials)
    else:
        handlers = {CLAIMS_TOPIC: keep_claims, DENIALS_TOPIC: keep_denials}
        await consume(work, "bare-analytics", handlers, work.claims + work.denials)


async def main(role: str, url: str, bootstrap: str, claims: str, denials: str, *files: str) -> None:
    connection = await asyncpg.connect(url)
    await run(role, Work(connection, bootstrap, int(claims), int(denials), files))
    await connection.close()
    cpu_seconds = time.process_time() - _started[0]
    told = {"done_at": time.time(), "cpu_seconds": round(cpu_seconds, 2), "peak_mib": round(peak_mib(os.getpid()), 1)}
    print(json.dumps(told), flush=True)


def _start(role: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.bench.bare", role, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _await(processes: "Mapping[str, subprocess.Popen[str]]") -> None:
    for role, process in processes.items():
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the bare {role} did not start")


@contextmanager
def running(url: str, bootstrap: str, claims: int, denials: int) -> Iterator[Callable[[str], None]]:
    """Run all five processes for so many claims; yields what gives one line to the reader of drops. All have ended at the end."""
    arguments = [url, bootstrap, str(claims), str(denials)]
    processes = {role: _start(role, *arguments) for role in ("analytics", "denials-relay", "classifier", "claims-relay", "drops")}
    _await(processes)
    drops = processes["drops"].stdin

    def give(line: str) -> None:
        if drops is not None:
            drops.write(line)
            drops.flush()

    try:
        yield give
        for process in processes.values():
            process.communicate(timeout=_PATIENCE_SECONDS)
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def measure(url: str, bootstrap: str, files: Sequence[Path], claims: int, denials: int) -> tuple[float, dict[str, Any]]:
    """Run all five processes over the files; return the seconds to the last commit of analytics, and what each process cost."""
    arguments = [url, bootstrap, str(claims), str(denials)]
    processes = {role: _start(role, *arguments, *map(str, files if role == "reader" else ())) for role in reversed(ROLES)}
    _await(processes)
    began = time.time()
    costs = {}
    for role in ROLES:
        told, _ = processes[role].communicate("go\n" if role == "reader" else None)
        costs[role] = json.loads(told)
    return costs["analytics"].pop("done_at") - began, costs


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    uvloop.run(main(*sys.argv[1:]))
