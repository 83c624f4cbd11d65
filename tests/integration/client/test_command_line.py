"""`recours` against the real system: every service, PostgreSQL and Kafka, started once for all of these tests."""

import asyncio
import gzip
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from msgspec import Struct

from deploy.local.layout import ROOT, SERVICES, Ports
from deploy.local.stack import Stack
from libs.client import cli
from tests.support import run_apart
from tests.support.system import System
from tests.unit.x12.build import HEAD, encode, one

_numbers = itertools.count(1)


class Ran(Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What --json printed."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"), Ports.free())
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    return {f"RECOURS_{name.upper()}_URL": stack.url(name) for name in SERVICES}


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this process."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["recours", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def write(tmp_path) -> Callable[..., str]:
    def write(content: bytes) -> str:
        path = tmp_path / f"{next(_numbers)}.835"
        path.write_bytes(content)
        return str(path)

    return write


def payment(*pcns: str, carc: str = "197", paid: str = "0", status: str = "1", charge: str = "100") -> bytes:
    """Return an 835 of its own with a claim an account, each refused in whole."""
    head = [HEAD[0].replace("*80*", f"*{paid}*"), f"TRN*1*{uuid4().hex[:20]}*1999999999", *HEAD[2:]]
    claims: list[str] = []
    for pcn in pcns:
        claims += [f"CLP*{pcn}*{status}*{charge}*0**12*ICN{pcn}*11*1", "NM1*QC*1*FAMILY*GIVEN****MI*M1"]
        claims += [f"SVC*HC:G0283*{charge}*0**1", "DTM*472*20260105", f"CAS*CO*{carc}*{charge}"]
    return encode(one(*claims, head=head))


def pcn() -> str:
    return f"A{uuid4().hex[:12]}".upper()


def eventually(found: Callable[[], Any], seconds: float = 30) -> Any:
    """Ask until there is something; what the last asking gave where there is nothing in time."""
    deadline = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return result


def test_a_good_file_is_accepted(run: Run, write) -> None:
    ran = run("send", write(payment(pcn(), pcn())))
    assert ran.code == 0
    assert ran.err == ""  # no progress bar where there is no terminal
    header, _, row = ran.out.splitlines()
    assert header.split("  ")[0] == "file"
    assert row.split()[1:] == ["accepted", "1", "2", "2", "0", "0", "0", "200.00", "0.00", "200.00", "0.00", "0"]


def test_a_file_that_was_sent_before_says_so(run: Run, write) -> None:
    path = write(payment(pcn()))
    assert run("send", "--json", path).lines[0]["new"] is True
    again = run("send", path)
    assert again.code == 0
    assert "accepted, sent before" in again.out


def test_a_malformed_file_shows_where_it_is_wrong(run: Run, write) -> None:
    content = payment(pcn(), pcn())
    broken = content.replace(b"*1*100*0**12", b"*1*1x0*0**12", 1)
    ran = run("send", write(broken))
    assert ran.code == 1
    assert "accepted_with_errors" in ran.out
    found = [line.split() for line in ran.out.splitlines() if "CLP03" in line]
    assert [line[1] for line in found] == [str(broken.index(b"CLP*"))]
    assert "not an amount" in ran.out


def test_gzip_is_sent_as_it_is_and_standard_input_is_a_file(run: Run, write) -> None:
    ran = run("send", "--json", write(gzip.compress(payment(pcn()))), "-", stdin=payment(pcn()))
    assert ran.code == 0
    assert [(line["interchange"]["status"], line["new"]) for line in ran.lines] == [("accepted", True)] * 2
    assert ran.lines[1]["file"] == "standard input"


def test_a_file_that_is_refused_does_not_keep_the_others_back(run: Run, write) -> None:
    ran = run("send", write(b"no X12"), write(payment(pcn())), write(gzip.compress(b"x")[:-4]))
    assert ran.code == 1
    assert [row.split()[1] for row in ran.out.splitlines()[2:5]] == ["refused", "accepted", "refused"]
    assert "ingest answered 422 (not-x12): The body holds no X12 interchange" in ran.out
    assert "ingest answered 400 (bad-gzip)" in ran.out


def test_without_waiting_received_is_enough(run: Run, write) -> None:
    ran = run("send", "--no-wait", "--json", write(payment(pcn())))
    assert ran.code == 0
    assert ran.lines[0]["interchange"]["status"] in {"received", "processing", "accepted"}


def test_a_file_that_cannot_be_read_stops_before_anything_is_sent(run: Run, write, tmp_path) -> None:
    ran = run("send", write(payment(pcn())), tmp_path / "none")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"{tmp_path / 'none'}: No such file or directory; nothing was sent.\n"


def test_a_service_that_is_away_is_one_sentence(run: Run, write, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("ingest", "classifier"):
        monkeypatch.setenv(f"RECOURS_{service.upper()}_URL", "http://127.0.0.1:1")
    for command in (("send", write(payment(pcn()))), ("denials", "--follow"), ("dead-letters", "list")):
        ran = run(*command)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.count("\n") == 1
        assert "does not answer at http://127.0.0.1:1" in ran.err


def test_denials_are_found_by_what_is_asked(run: Run, write) -> None:
    refused, doubled = pcn(), pcn()
    run("send", write(payment(refused)), write(payment(doubled, carc="18")))
    assert eventually(lambda: run("denials", "--pcn", doubled).out)
    row = run("denials", "--pcn", refused).out.splitlines()[2]
    assert row.split()[:7] == ["2026-01-10", "PAYER", "1999999999", refused, "100.00", "authorization", "appeal"]

    def found(*filters: str) -> set[str]:
        return {line["patient_control_number"] for line in run("denials", "--json", "--limit", "500", *filters).lines}

    assert found("--category", "duplicate") & {refused, doubled} == {doubled}
    assert found("--payer", "1999999999", "--status", "active") >= {refused, doubled}
    assert found("--from", "2026-01-10", "--to", "2026-01-10") >= {refused, doubled}
    assert found("--from", "2026-01-11") == found("--status", "retracted", "--pcn", refused) == set()
    assert len(run("denials", "--json", "--limit", "1").lines) == 1


def test_a_filter_that_is_wrong_is_told_with_what_would_be_right(run: Run) -> None:
    ran = run("denials", "--category", "nonsense")
    assert ran.code == 2
    assert "classifier answered 422 (invalid-request)" in ran.err
    assert "'authorization'" in ran.err
    assert "nonsense" not in ran.err
    assert run("denials", "--from", "yesterday").code == 2


class Following:
    """`recours denials --follow --json` in a process of its own."""

    def __init__(self, environment: dict[str, str], *filters: str) -> None:
        command = [sys.executable, "-m", "libs.client.cli", "denials", "--follow", "--json", *filters]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def next_one(self) -> tuple[str, int, str]:
        assert self._process.stdout is not None
        line = json.loads(self._process.stdout.readline())
        return line["patient_control_number"], line["revision"], line["status"]

    def interrupt(self) -> Ran:
        self._process.send_signal(signal.SIGINT)
        out, err = self._process.communicate(timeout=20)
        return Ran(self._process.returncode, out, err)


def test_following_shows_each_change_once_and_ends_by_ctrl_c(run: Run, write, environment: dict[str, str]) -> None:
    before, first, second = pcn(), pcn(), pcn()
    run("send", write(payment(before)))
    assert eventually(lambda: run("denials", "--pcn", before).out)
    following = Following(environment, "--limit", "1")
    assert following.next_one() == (before, 1, "active")
    run("send", write(payment(first)))
    assert following.next_one() == (first, 1, "active")
    run("send", write(payment(first, status="22", charge="-100")), write(payment(second)))
    assert sorted([following.next_one(), following.next_one()]) == sorted([(first, 2, "retracted"), (second, 1, "active")])
    assert following.interrupt() == Ran(130, "", "")


async def test_what_the_first_list_showed_does_not_come_again(run: Run, write, stack: Stack, environment: dict[str, str]) -> None:
    listed, later = pcn(), pcn()
    run("send", write(payment(listed)))
    assert eventually(lambda: run("denials", "--pcn", listed).out)
    older, other = [await asyncpg.connect(stack.database_url("classifier", "worker")) for _ in range(2)]
    transaction = older.transaction()
    await transaction.start()
    await older.execute("SELECT pg_current_xact_id()")
    # Written while an older transaction runs: in the list already, and a change that the cursor has yet to pass.
    touch = "UPDATE denials SET changed_xid = pg_current_xact_id() WHERE patient_control_number = $1"
    assert await other.execute(touch, listed) == "UPDATE 1"
    following = Following(environment)
    while (await asyncio.to_thread(following.next_one))[0] != listed:
        pass  # older ones come before it
    await transaction.rollback()
    await older.close()
    await other.close()
    await asyncio.to_thread(run, "send", write(payment(later)))
    assert await asyncio.to_thread(following.next_one) == (later, 1, "active")
    assert following.interrupt() == Ran(130, "", "")


def test_the_ledgers_agree_until_a_cent_differs(run: Run, write, stack: Stack) -> None:
    run("send", write(payment(pcn())))
    agreed = run("ledger", "--wait", "30")
    assert agreed.code == 0, agreed.out
    assert "The four ledgers agree." in agreed.out
    assert [line.split()[0] for line in agreed.out.splitlines()[2:4]] == ["all", "charged"]
    assert "2026-01-10" in run("ledger", "--days").out
    change_a_cent(stack, "analytics", +1)
    try:
        differing = run("ledger")
        assert differing.code == 1
        told = [line for line in differing.out.splitlines() if line.startswith("2026-01-10, paid: ")]
        assert len(told) == 1
        assert told[0].endswith("appeals 0.00, analytics 0.01")
        document = run("ledger", "--json")
        assert document.code == 1
        assert document.lines[0]["agree"] is False
        assert {line["measure"] for line in document.lines[0]["differences"]} == {"paid"}
        assert run("ledger", "--from", "2026-01-11").code == 0
    finally:
        change_a_cent(stack, "analytics", -1)
    assert run("ledger").code == 0


def change_a_cent(stack: Stack, service: str, cents: int) -> None:
    async def change() -> None:
        connection = await asyncpg.connect(stack.database_url(service, "owner"))
        try:
            await connection.execute("SELECT set_config('recours.tenant', 'local', false)")  # the owner is bound by the policy too
            done = await connection.execute("UPDATE ledger_days SET paid_cents = paid_cents + $1 WHERE day = '2026-01-10'", cents)
            assert done == "UPDATE 1"
        finally:
            await connection.close()

    run_apart(change())


def test_figures_are_shown_and_their_sums_verified_repaired_and_rebuilt(run: Run, write, stack: Stack) -> None:
    run("send", write(payment(pcn(), pcn())))
    with closing(System(stack)) as system:
        system.come_to_rest()  # the ledgers agree before the last denial is counted
    asked: tuple[str, ...] = ("kpis", "show", "initial-denial-rate", "--filter", "payer:1999999999", "--compare-to", "previous")
    asked += ("--from", "2026-01-01", "--to", "2026-01-31", "--group-by", "payer", "--group-by", "month")
    found = run(*asked, "--json").lines[0]
    assert found["total"]["numerator"] >= 2
    assert found["compared"] == {
        "value": None,
        "numerator": 0,
        "denominator": 0,
        "from": "2025-12-01",
        "to": "2025-12-31",
        "change": None,
    }
    assert "Claims of which the first payer's first answer refuses something" in run(*asked).out
    assert [line.split()[0] for line in run("kpis", "list").out.splitlines()[2:3]] == ["initial-denial-rate"]
    assert "not known" in run("kpis", "show", "cost-to-rework").out
    assert run("kpis", "cost", "44.5", "--json").lines[0]["rework_cost_cents"] == 4_450
    assert "Net revenue of 2026-01: 1234567.80" in run("kpis", "revenue", "2026-01", "1234567.8").out.replace(",", "")
    assert "44.50" in run("kpis", "cost").out
    assert (run("kpis", "cost", "44,5").code, run("kpis", "revenue", "2026-1", "5").code) == (2, 2)
    assert run("kpis", "show", "nonsense").code == 2
    assert run("analytics", "verify").code == 0

    spoil_counts(stack, "UPDATE rollups SET count = count + 1 WHERE measure = 6")
    wrong = run("analytics", "verify")
    assert (wrong.code, "first_adjudicated" in wrong.out) == (1, True)
    assert run("analytics", "verify", "--repair").code == 1
    assert run("analytics", "verify").code == 0

    spoil_counts(stack, "DELETE FROM facts", "DELETE FROM rollups WHERE measure <> 13")
    rebuilt = run("analytics", "rebuild", "--json").lines[0]
    assert rebuilt["facts"] == rebuilt["facts_new"] > 2
    assert run("analytics", "verify").code == 0
    assert run(*asked, "--json").lines[0]["groups"] == found["groups"]


def spoil_counts(stack: Stack, *statements: str) -> None:
    async def change() -> None:
        connection = await asyncpg.connect(stack.database_url("analytics", "worker"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    run_apart(change())


def test_dead_letters_are_listed_shown_and_replayed(run: Run, stack: Stack) -> None:
    assert run("dead-letters", "list").err == "No dead letters.\n"
    run_apart(produce(stack.bootstrap, "remit.received", b'{"not": "\x1b[31mours"}'))
    eventually(lambda: len(run("dead-letters", "list", "--json").lines) == 3)
    found = run("dead-letters", "list", "--json").lines
    assert {line["service"] for line in found} == {"classifier", "appeals", "analytics"}
    (letter,) = [line["dead_letter"] for line in found if line["service"] == "appeals"]
    assert run("dead-letters", "list", "--service", "appeals").out.splitlines()[2].split()[:3] == [
        letter["dead_letter_id"],
        "appeals",
        "remit.received",
    ]
    shown = run("dead-letters", "show", letter["dead_letter_id"])
    assert '{"not": "\ufffd[31mours"}' in shown.out
    assert run("dead-letters", "show", letter["dead_letter_id"], "--json").lines[0]["dead_letter"]["reason"] == letter["reason"]

    replayed = run("dead-letters", "replay", letter["dead_letter_id"])
    assert (replayed.code, replayed.out) == (0, f"appeals: {letter['dead_letter_id']} goes to remit.received again.\n")
    again = run("dead-letters", "replay", letter["dead_letter_id"])
    assert again.code == 2
    assert "appeals answered 409 (already-replayed)" in again.err
    # Each group that reads the topic cannot understand it this time either.
    assert eventually(lambda: len(run("dead-letters", "list", "--json").lines) == 6)


def test_all_dead_letters_are_replayed_when_that_is_said_twice(run: Run, stack: Stack) -> None:
    def waiting() -> list[dict[str, Any]]:
        found = run("dead-letters", "list", "--service", "analytics", "--json").lines
        return [line["dead_letter"] for line in found if line["dead_letter"]["replayed_at"] is None]

    earlier = len(waiting())
    run_apart(produce(stack.bootstrap, "denial.classified", b"no JSON"))
    assert eventually(lambda: len(waiting()) == earlier + 1)
    before = {letter["dead_letter_id"] for letter in waiting()}
    asked = run("dead-letters", "replay", "--all", "--service", "analytics", stdin=b"n\n")
    assert asked.code == 1
    assert f"Send {len(before)} records to their topics again?" in asked.err
    done = run("dead-letters", "replay", "--all", "--yes", "--service", "analytics")
    assert done.code == 0
    assert len(done.out.splitlines()) == len(before)
    assert before.isdisjoint(letter["dead_letter_id"] for letter in waiting())
    assert run("dead-letters", "replay", "--all", "--yes", "--service", "analytics").code == 0  # not those that were replayed


def test_which_dead_letter_must_be_said(run: Run) -> None:
    assert run("dead-letters", "replay").code == 2
    assert run("dead-letters", "list", "--service", "none").code == 2
    unknown = run("dead-letters", "replay", uuid4())
    assert (unknown.code, unknown.err) == (2, "There is no such dead letter in ingest, classifier, appeals, analytics.\n")


async def produce(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        async with asyncio.timeout(20):
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()
