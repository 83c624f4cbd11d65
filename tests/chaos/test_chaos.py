"""Chaos in small, and (`make harness`) the harness against itself: what is broken on purpose is noticed. `make chaos`: more."""

import random
import secrets
import signal
import time

import pytest

from tests.chaos import faults
from tests.chaos.checks import check
from tests.chaos.faults import Fault, Strike
from tests.chaos.load import Load
from tests.chaos.run import come_to_rest, run
from tests.chaos.site import APIS, WEBHOOKS, WORKERS, Site
from tests.chaos.soak import soak
from tests.support import eventually

pytestmark = pytest.mark.timeout(1200)  # a site takes its time to start on a busy machine, and so do faults

KILLS = 6  # of a broken worker; one proves little
ROUNDS = 3
# Half of what `make chaos` sends: what is lost is asked here and not when what is there, and it must end on a busy machine, too.
FILES_A_SECOND = 2.0
LOST_SECONDS = 20.0
TORN_SECONDS = 8.0
SOAK_SECONDS = 120.0


def test_nothing_is_lost_doubled_or_out_of_order_whatever_is_broken(site: Site) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    possible = tuple(fault for fault in faults.FAULTS if not fault.why_not())
    for number, fault in enumerate(faults.draw(seed, ROUNDS, possible)):
        outcome = run(site, seed + number, 2050 + number, fault, files_a_second=FILES_A_SECOND)
        print(outcome)
        assert outcome.problems == [], f"seed {seed}: {outcome}"
        assert outcome.claims > 0


def test_nothing_drifts_and_what_is_old_goes_while_faults_come_and_go(site: Site) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    problems, drifts = soak(site, seed, SOAK_SECONDS, FILES_A_SECOND)
    assert problems == [], f"seed {seed}"
    assert [str(each) for each in drifts if each.is_there] == [], f"seed {seed}"


def test_a_plan_of_faults_is_its_seeds_and_takes_each_once_a_turn() -> None:
    whole = len(faults.FAULTS)
    plan = [fault.name for fault in faults.draw(7, whole + 2)]
    assert plan == [fault.name for fault in faults.draw(7, whole + 2)]
    assert plan != [fault.name for fault in faults.draw(8, whole + 2)]
    assert set(plan[:whole]) == {fault.name for fault in faults.FAULTS}
    assert {f"{name}: kill -9" for name in (*WORKERS, *APIS, WEBHOOKS)} < set(plan)


def killed_while_at_work(name: str, kills: int) -> Strike:
    """Return a fault that kills a service's worker, each time only when the one that was started again has got something done."""

    def strike(site: Site, draw: random.Random) -> float:
        service = name.removesuffix("-worker")

        def booked() -> int:
            return int(site.system.rows(service, "SELECT COALESCE(sum(remits), 0) FROM ledger_days")[0][0])

        for _ in range(kills):
            before = booked()
            eventually(lambda before=before: booked() > before)  # type: ignore[misc]  # mypy: a default binds the loop's value
            time.sleep(draw.uniform(0.0, 1.4))
            site.living(name).kill()
        return time.monotonic()

    return strike


@pytest.mark.long
@pytest.mark.parametrize(("what", "year"), [("no_inbox", 2035), ("early_offsets", 2036)])
def test_a_worker_that_doubles_or_loses_is_noticed(site: Site, what: str, year: int) -> None:
    fault = Fault(what, killed_while_at_work("appeals-worker", KILLS))
    with site.changed(["appeals-worker"], what):
        outcome = run(site, year, year, fault, files_a_second=FILES_A_SECOND, over_seconds=LOST_SECONDS)
    noticed = [problem for problem in outcome.problems if problem.startswith("ledger of")]
    assert noticed, outcome
    assert all(problem.startswith("ledger of appeals") for problem in noticed), outcome


@pytest.mark.long
def test_a_relay_whose_cursor_is_naive_is_noticed(site: Site) -> None:
    """Files and single claims commit side by side in ingest: some commit late."""
    with site.changed(["ingest-worker"], "naive_cursor"), Load(site.stack.url("ingest"), 2039, 2039, 2 * FILES_A_SECOND) as load:
        time.sleep(TORN_SECONDS)
        load.end()
        come_to_rest(site.system)
    problems = check(site.system, load.files, 2039, claims=load.claims, planted=site.planted)
    assert any(problem.startswith(("events of", "single claims in analytics")) for problem in problems), problems


@pytest.mark.long
def test_a_worker_that_wakes_when_its_partitions_have_moved_neither_doubles_nor_overwrites(site: Site) -> None:
    system, stack = site.system, site.stack
    with (
        site.changed(["analytics-worker"], "slow"),
        Load(stack.url("ingest"), 2037, 2037, FILES_A_SECOND) as load,
        site.second_worker("analytics"),
    ):
        eventually(
            lambda: system.rows("analytics", "SELECT 1 FROM ledger_days WHERE day >= '2037-01-01' AND day < '2038-01-01'") != []
        )
        pid = stack.pid("analytics-worker")
        assert stack.kill("analytics-worker", signal.SIGSTOP)
        unread = system.lag("analytics")
        load.end()
        system.come_to_rest()  # so the heir has all partitions, those too whose records the halted one has in hand
        stack.kill("analytics-worker", signal.SIGCONT)
        system.come_to_rest()
        assert stack.pid("analytics-worker") == pid, "the woken worker must find its way without dying"
        assert check(system, load.files, 2037, claims=load.claims, planted=site.planted) == []
    assert unread > 0
