"""The release before beside the tree, on the same databases and topics, while clients send: nobody notices.

The order is that of an upgrade, and of a way back: the old one alone, the tree's schemas under it, new workers behind old APIs,
old workers behind new APIs, and both of everything.
"""

import os
import secrets
import time
from pathlib import Path

import pytest

from deploy.local.layout import ROOT, SERVICES
from deploy.local.stack import Stack
from tests.chaos.checks import check
from tests.chaos.load import Load
from tests.chaos.run import come_to_rest
from tests.support import eventually
from tests.support.fleet import fleet_over
from tests.support.releases import MissingHistory, previous, unpack
from tests.support.system import System
from tests.upgrade.asking import Asking

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

FILES_A_SECOND = 2.0
PHASE_SECONDS = 6.0
# A release that does not say by /readyz that it leaves is taken off the list first, and closes its connections with no word: here
# clients keep none, and it ends when nobody asks it any more.
QUIET_SECONDS = 3.0


@pytest.fixture
def old(tmp_path: Path) -> Path:
    try:
        return unpack(previous(), tmp_path / "previous")
    except MissingHistory as missing:
        pytest.skip(str(missing))


def count_dealt_with(system: System) -> dict[str, int]:
    return {service: int(system.rows(service, "SELECT count(*) FROM inbox")[0][0]) for service in SERVICES[1:]}


def test_old_and_new_share_databases_and_topics_and_no_request_fails(infra: Stack, old: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}, the release before is {previous()[:12]}")
    with fleet_over(infra, old) as fleet:
        apis, workers = fleet.add("api", old), fleet.add("worker", old)
        system = System(infra)
        told = {"nobody yet": count_dealt_with(system)}
        with (
            Load(infra.url("ingest"), seed, 2062, FILES_A_SECOND, keeps_connections=False) as load,
            Asking(infra, keeps_connections=False) as asking,
        ):

            def phase(name: str) -> None:
                """Let it be so for a while, and until each service has dealt with something."""
                time.sleep(PHASE_SECONDS)
                before = list(told.values())[-1]
                eventually(lambda: all(count > before[service] for service, count in count_dealt_with(system).items()))
                told[name] = count_dealt_with(system)

            phase("old alone")
            fleet.migrate(ROOT)
            phase("old on the new schema")
            fresh = fleet.add("worker")
            phase("workers of both in one group")
            fleet.retire(workers)
            phase("old APIs, new workers")
            workers, new_apis = fleet.add("worker", old), fleet.add("api")
            phase("both of everything")
            fleet.retire(fresh)
            fleet.retire(apis, QUIET_SECONDS)
            phase("new APIs, old workers")
            fleet.add("worker")
            fleet.retire(workers)
            phase("new alone")
        come_to_rest(system)
        problems = check(system, load.files, 2062, claims=load.claims)
        print(f"{len(load.files)} files, {len(load.claims)} claims posted, {asking.asked} questions, load {os.getloadavg()[0]:.1f}")
        for name, counts in told.items():
            print(f"  {name}: {counts}")
        led = fleet.balancer.led
        system.close()
    assert problems == []
    assert asking.failed == []
    assert load.refusals == []
    assert all(led.get(member.port, 0) > 0 for member in [*apis, *new_apis])
