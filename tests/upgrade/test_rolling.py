"""Every process is restarted, one after the other, while clients send: no request fails and no event is lost."""

import os
import secrets
import time

import pytest

from deploy.local.stack import Stack
from tests.chaos.checks import check
from tests.chaos.load import Load
from tests.chaos.run import come_to_rest
from tests.support.fleet import Fleet, fleet_over
from tests.support.system import System
from tests.upgrade.asking import Asking

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

BURST_FILES_A_SECOND = 20.0
BURST_SECONDS = 10.0
AROUND_SECONDS = 3.0


def capacity(fleet: Fleet, system: System, seed: int) -> float:
    """Return how many files a second come through all services, from how long a burst of them takes."""
    began = time.monotonic()
    with Load(fleet.stack.url("ingest"), seed, 2060, BURST_FILES_A_SECOND) as load:
        time.sleep(BURST_SECONDS)
    come_to_rest(system)
    return len(load.files) / (time.monotonic() - began)


def test_everything_is_restarted_at_half_load_and_no_request_fails(infra: Stack) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    with fleet_over(infra) as fleet:
        members = [member for role in ("api", "api", "worker", "worker") for member in fleet.add(role)]
        system = System(infra)
        half = capacity(fleet, system, seed) / 2
        began = time.monotonic()
        with Load(infra.url("ingest"), seed, 2061, half) as load, Asking(infra) as asking:
            time.sleep(AROUND_SECONDS)
            for member in members:
                member.start_again()
            time.sleep(AROUND_SECONDS)
        seconds = time.monotonic() - began
        come_to_rest(system)
        problems = check(system, load.files, 2061, claims=load.claims)
        led = fleet.balancer.led
        print(
            f"{len(members)} processes restarted in {seconds:.0f} s at {half:.1f} files of 25 claims a second: {len(load.files)}"
            f" files, {len(load.claims)} claims posted, {asking.asked} questions, {load.retries + len(asking.failed)} failed,"
            f" {fleet.balancer.refused} connections led nowhere, load {os.getloadavg()[0]:.1f}"
        )
        system.close()
    assert problems == []
    assert asking.failed == []
    assert load.refusals == []
    assert fleet.balancer.refused == 0
    assert all(led.get(member.port, 0) > 0 for member in members if member.role == "api")
