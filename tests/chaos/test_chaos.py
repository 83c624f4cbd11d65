"""Chaos in small, and the harness checked against itself: what is broken on purpose must be noticed. `make chaos`: more."""

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.local.layout import ROOT
from tests.chaos import faults
from tests.chaos.checks import check
from tests.chaos.conftest import Breaking
from tests.chaos.faults import Fault
from tests.chaos.load import Load
from tests.chaos.run import FILES_A_SECOND, run
from tests.support import eventually
from tests.support.system import System

KILLS = 6  # of a broken worker; one proves little
ROUNDS = 14  # each process once, and two halts, and two more kills


def test_nothing_is_lost_doubled_or_out_of_order_whatever_is_killed(victim: System) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    outcome = run(victim, seed, 2034, faults.draw(seed, ROUNDS))
    print(outcome)
    assert outcome.problems == [], f"seed {seed}"
    assert outcome.faults == ROUNDS
    assert outcome.claims > 0


def test_a_plan_of_faults_is_its_seeds_and_takes_every_process() -> None:
    plan = list(faults.draw(7, ROUNDS))
    assert plan == list(faults.draw(7, ROUNDS))
    assert plan != list(faults.draw(8, ROUNDS))
    assert {fault.target for fault in plan if not fault.halt_seconds} == set(faults.PROCESSES)


def while_at_work(system: System, service: str, kills: int, seed: int) -> Iterator[Fault]:
    """Yield kills of a service's worker, each only when the one that was started again has got something done."""
    chance = random.Random(seed)

    def booked() -> int:
        return int(system.rows(service, "SELECT COALESCE(sum(remits), 0) FROM ledger_days")[0][0])

    for _ in range(kills):
        before = booked()
        eventually(lambda before=before: booked() > before)  # type: ignore[misc]  # mypy: a default binds the loop's value
        yield Fault(chance.uniform(0.0, 1.4), f"{service}-worker")


@pytest.mark.parametrize(("what", "year"), [("no_inbox", 2035), ("early_offsets", 2036)])
def test_a_worker_that_doubles_or_loses_is_noticed(victim: System, broken: Breaking, what: str, year: int) -> None:
    with broken("appeals", what):
        outcome = run(victim, year, year, while_at_work(victim, "appeals", KILLS, year))
    noticed = [problem for problem in outcome.problems if problem.startswith("ledger of")]
    assert noticed, outcome
    assert all(problem.startswith("ledger of appeals") for problem in noticed), outcome


def test_a_worker_that_wakes_when_its_partitions_have_moved_neither_doubles_nor_overwrites(
    victim: System, broken: Breaking
) -> None:
    stack = victim.stack
    told = {
        "RECOURS_DATABASE_URL": stack.database_url("analytics", "worker"),
        "RECOURS_KAFKA": stack.bootstrap,
        "RECOURS_INSTANCE": "analytics-2",
    }
    second = [sys.executable, "-m", "services.analytics", "worker"]
    with (
        broken("analytics", "slow"),
        (stack.folder / "logs" / "analytics-second.log").open("wb") as log,
        subprocess.Popen(second, cwd=ROOT, env=os.environ | told, stdout=log, stderr=log) as heir,
        Load(stack.url("ingest"), 2037, 2037, FILES_A_SECOND) as load,
    ):
        next(while_at_work(victim, "analytics", 1, 2037))
        pid = stack.pid("analytics-worker")
        assert stack.kill("analytics-worker", signal.SIGSTOP)
        unread = victim.lag("analytics")
        load.end()
        eventually(victim.at_rest)  # so the heir has all partitions, those too whose records the halted one has in hand
        stack.kill("analytics-worker", signal.SIGCONT)
        victim.come_to_rest()
        assert stack.pid("analytics-worker") == pid, "the woken worker must find its way without dying"
        assert check(victim, load.files, 2037) == []
        heir.terminate()
    assert unread > 0
