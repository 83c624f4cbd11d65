"""From the POST until Kafka hands out `denial.classified`: one claim alone, 200 claims a second, and shares of the capacity.

`python -m tests.bench latency [--seconds N] [--only NAME...]`

Alone: the next claim is posted when the denial of the last one is there and a moment has passed. The steady loads begin each post
at its time, whatever became of those before it. 200 claims a second come twice: each in a post of its own (200 posts a second), and
ten to a post (20 a second). The capacity is what posts of a hundred claims reach end to end when they are sent as fast as they are
taken; its shares come in such posts. One claim in eight is denied, but alone, where each is. Where the time goes is told by the
rows and records that a claim leaves on its way. The bare pipeline, which has neither HTTP nor files to keep, is given the same
claims by lines, after the services are stopped.

Aims: alone under 50 ms; at 200 claims a second p50 under 40 and p99 under 100 ms; at 80 % of capacity p99 under 500 ms.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from libs.common.contracts import denial_classified, remit_received
from tests.bench import bare
from tests.bench.files import DENIED_EVERY, is_denied, patient_control_number, write_file
from tests.bench.meter import Meter, keep
from tests.bench.pipeline import NAMES, Bench
from tests.bench.posting import TOPICS, Client, Ear, Post, listening, post_steadily
from tests.support.access import bearer

_ALONE: Final = 40  # claims
_CAPACITY_CLAIMS: Final = 100_000  # about as long as a load lasts: a burst is more than what is kept up
_CLAIMS_A_POST: Final = 100
_WARM_UP_CLAIMS: Final = 6_000
_SHARES: Final = (0.1, 0.5, 0.8)
_PATIENCE_SECONDS: Final = 120
_PAUSE_SECONDS: Final = (0.1, 0.3)  # at random, so that no rhythm of ours is met
_HOPS: Final = ("answer", "until_read", "read_and_send", "until_classified", "classify_and_send", "until_taken")


class Load(Struct, frozen=True):
    """So many posts a second of so many claims each; zero posts a second is one at a time."""

    name: str
    posts_a_second: float
    claims_a_post: int


TENS: Final = Load("200_in_posts_of_ten", 20, 10)
SINGLES: Final = Load("200_in_single_posts", 200, 1)
STEADY: Final = (Load("alone", 0, 1), TENS, SINGLES)
WARM: Final = (Load("warm", 50, 1), 10)  # the broker's machine code is made while it works


class _Pcn(Struct, gc=False):
    patient_control_number: str


class _BarePcn(Struct, gc=False):
    pcn: str


_read_pcn = msgspec.json.Decoder(_Pcn).decode
_read_bare = msgspec.json.Decoder(_BarePcn).decode


def make_posts(bench: Bench, load: Load, count: int) -> list[Post]:
    """Make posts of claims that were never sent before."""
    path = bench.folder / "one.835"
    posts = []
    denied_only = load.posts_a_second == 0
    numbers = iter(bench.take_numbers(count if denied_only else -(-count * load.claims_a_post // DENIED_EVERY) + 1))
    first = next(numbers)
    for _ in range(count):
        write_file(path, load.claims_a_post, first=first, trace=f"T{first}")
        denied = tuple(patient_control_number(number) for number in range(first, first + load.claims_a_post) if is_denied(number))
        posts.append(Post(path.read_bytes(), first, denied))
        first += DENIED_EVERY if denied_only else load.claims_a_post
    return posts


@dataclass(frozen=True)
class Ran:
    """What a load did: its posts, what was heard, and the cores that each process took."""

    posts: list[Post]
    ear: Ear
    cores: dict[str, float]

    @property
    def refused(self) -> int:
        return sum(post.refused for post in self.posts)

    def seconds(self) -> list[float]:
        """Return how long each denial took from its POST."""
        posted = {pcn: post.at for post in self.posts for pcn in post.denied}
        heard = self.ear.heard[denial_classified.TOPIC]
        return [each.taken_at - posted[_read_pcn(each.value).patient_control_number] for each in heard]


async def put(bench: Bench, load: Load, seconds: int) -> Ran:
    """Put a load on the running services; return when the last denial was heard."""
    posts = make_posts(bench, load, round(load.posts_a_second * seconds) or _ALONE)
    client = Client(bench.services.url("ingest"), bearer()["Authorization"])
    pids = {name: pid for name in NAMES if (pid := bench.services.pid(name)) is not None}
    async with listening(bench.infra.bootstrap, *TOPICS) as ear:
        meter, began = Meter(pids | bench.server_pids()), time.monotonic()
        if load.posts_a_second:
            await post_steadily(client, posts, load.posts_a_second)
            expected = sum(len(post.denied) for post in posts if not post.refused)
            await ear.until(denial_classified.TOPIC, expected, _PATIENCE_SECONDS)
        else:
            for place, post in enumerate(posts):
                await client.send(post)
                await ear.until(denial_classified.TOPIC, place + 1, _PATIENCE_SECONDS)
                await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))
        took, processes = time.monotonic() - began, meter.end()
    await client.close()
    return Ran(posts, ear, {name: round(each["cpu_seconds"] / took, 3) for name, each in processes.items()})


async def run_load(bench: Bench, load: Load, seconds: int) -> dict[str, Any]:
    """Put a load on the running services and tell what became of it."""
    ran = await put(bench, load, seconds)
    told: dict[str, Any] = {"posts_a_second": load.posts_a_second, "claims_a_post": load.claims_a_post, "refused": ran.refused}
    return told | centiles(ran.seconds()) | {"cores": ran.cores, "hops": await _hops(bench, ran.posts, ran.ear)}


def centiles(seconds: Sequence[float]) -> dict[str, Any]:
    found = statistics.quantiles(seconds, n=100, method="inclusive")
    told = {"p50_ms": found[49], "p90_ms": found[89], "p99_ms": found[98], "max_ms": max(seconds)}
    return {"denials": len(seconds)} | {name: round(value * 1000, 1) for name, value in told.items()}


async def _hops(bench: Bench, posts: Sequence[Post], ear: Ear) -> dict[str, dict[str, float]]:
    """Return p50 and p99 of each part of the way, in milliseconds.

    A transaction is told by its begin (`created_at` of its outbox rows), a relay's sending by the records' time.
    """
    posted = {pcn: post for post in posts for pcn in post.denied}
    denials = {each.event_id: each for each in ear.heard[denial_classified.TOPIC]}
    remits = {each.event_id: each for each in ear.heard[remit_received.TOPIC]}
    judged = await _begun(bench.services.database_url("classifier", "worker"), denials)
    read = await _begun(bench.services.database_url("ingest", "worker"), [cause for _, cause in judged.values()])
    parts: list[tuple[float, ...]] = []
    for id_, (judged_at, cause) in judged.items():
        denial, post = denials[id_], posted[_read_pcn(denials[id_].value).patient_control_number]
        cause_id = UUID(cause)
        times = (
            post.at, post.answered_at, read[cause_id][0], remits[cause_id].sent_at, judged_at, denial.sent_at, denial.taken_at
        )  # fmt: skip
        parts.append(tuple(later - earlier for earlier, later in pairwise(times)))
    return {name: centiles(part) for name, part in zip(_HOPS, zip(*parts, strict=True), strict=True)}


async def _begun(url: str, ids: Iterable[UUID | str]) -> dict[UUID, tuple[float, str]]:
    """Return when the transaction of each event began, and the event that caused it."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT id, EXTRACT(EPOCH FROM created_at)::float8 AS at, headers::jsonb ->> 'ce_causationid' AS cause"
        " FROM outbox WHERE id = ANY ($1::uuid[])",
        list(ids),
    )
    await connection.close()
    return {row["id"]: (row["at"], row["cause"]) for row in rows}


async def capacity(bench: Bench, claims: int = _CAPACITY_CLAIMS) -> float:
    """Return claims a second, from the first of such posts to the last denial, sent as fast as they are taken by four clients."""
    posts = make_posts(bench, Load("capacity", 1, _CLAIMS_A_POST), claims // _CLAIMS_A_POST)
    client = Client(bench.services.url("ingest"), bearer()["Authorization"])
    waiting = iter(posts)

    async def send() -> None:
        for post in waiting:
            await client.send(post)
            while post.refused:
                await asyncio.sleep(0.1)
                await client.send(post)

    async with listening(bench.infra.bootstrap, denial_classified.TOPIC) as ear:
        began = time.monotonic()
        await asyncio.gather(*(send() for _ in range(4)))
        await ear.until(denial_classified.TOPIC, sum(len(post.denied) for post in posts), _PATIENCE_SECONDS)
        seconds = time.monotonic() - began
    await client.close()
    return len(posts) * _CLAIMS_A_POST / seconds


async def run_bare(bench: Bench, load: Load, seconds: int) -> dict[str, Any]:
    """Give the same load to the bare pipeline, whose POST is a line that its reader is given."""
    posts = make_posts(bench, load, round(load.posts_a_second * seconds) or _ALONE)
    denials = sum(len(post.denied) for post in posts)
    async with listening(bench.infra.bootstrap, bare.DENIALS_TOPIC) as ear:
        with bare.running(bench.bare_url, bench.infra.bootstrap, len(posts) * load.claims_a_post, denials) as give:
            began = time.monotonic()
            for place, post in enumerate(posts):
                if load.posts_a_second:
                    await asyncio.sleep(began + place / load.posts_a_second - time.monotonic())
                post.at = time.time()
                give(f"{post.first}\t{post.body.decode('latin-1')}\n")
                if not load.posts_a_second:
                    await ear.until(bare.DENIALS_TOPIC, place + 1, _PATIENCE_SECONDS)
                    await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))
            await ear.until(bare.DENIALS_TOPIC, denials, _PATIENCE_SECONDS)
    posted = {pcn: post.at for post in posts for pcn in post.denied}
    return centiles([each.taken_at - posted[_read_bare(each.value).pcn] for each in ear.heard[bare.DENIALS_TOPIC]])


def measure(bench: Bench, seconds: int = 20, only: Sequence[str] = ()) -> dict[str, Any]:
    """Return each load's figures by its name, and the capacity; `bench` is started, its services are not."""
    report: dict[str, Any] = {"seconds": seconds}
    with bench.running_services():
        asyncio.run(run_load(bench, *WARM))
        bench.count_tables()
        loads = [load for load in STEADY if load is not SINGLES]
        if not only or any(name.startswith("share") for name in only):
            asyncio.run(capacity(bench, _WARM_UP_CLAIMS))
            report["capacity_claims_per_second"] = round(asyncio.run(capacity(bench)))
            rate = report["capacity_claims_per_second"] / _CLAIMS_A_POST
            loads += [Load(f"share_{share}", share * rate, _CLAIMS_A_POST) for share in _SHARES]
        for load in (*loads, SINGLES):  # last: where they are more than the machine can, others would wait behind what they left
            if only and load.name not in only:
                continue
            report[load.name] = asyncio.run(run_load(bench, load, seconds))
            print(_line(load.name, report[load.name]), flush=True)
    for load in STEADY:
        if not only or load.name in only:
            told = report[load.name]["bare"] = asyncio.run(run_bare(bench, load, seconds))
            print(
                f"bare, {load.name:16} p50 {told['p50_ms']} p90 {told['p90_ms']} p99 {told['p99_ms']} max {told['max_ms']} ms",
                flush=True,
            )
    return report


def _line(name: str, told: dict[str, Any]) -> str:
    hops = " ".join(f"{name} {each['p50_ms']}/{each['p99_ms']}" for name, each in told["hops"].items())
    cores = sum(told["cores"].values())
    centile = " ".join(f"{each} {told[f'{each}_ms']}" for each in ("p50", "p90", "p99", "max"))
    return f"{name:22} {centile} ms, {told['denials']} denials, {told['refused']} refused, {cores:.2f} cores\n{'':22} {hops}"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench latency")
    parser.add_argument("--seconds", type=int, default=20, help="seconds of each steady load")
    parser.add_argument("--only", nargs="*", default=(), help="names of loads")
    options = parser.parse_args(arguments)
    with Bench.running() as bench:
        report = measure(bench, options.seconds, options.only)
    print(json.dumps(report, indent=1))
    print(f"kept as {keep('latency', report)}")
