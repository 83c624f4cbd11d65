"""An upgrade in small: two APIs and two workers of ingest restart in turn while clients post; `make upgrade` does it for all."""

import signal
import time
from functools import partial

import httpx
import psutil

from deploy.local.layout import ROOT
from services.ingest.claims.examples import PROFESSIONAL
from tests.support import eventually, is_ready
from tests.support.access import bearer
from tests.support.balancer import Balancer
from tests.support.beside import Beside
from tests.support.fleet import Member, free_port
from tests.support.system import System

TENANT = "restarted"
_CLIENTS = 4
_PAUSE_SECONDS = 0.2


class Posting(Beside):
    """Clients that post claims over connections that they keep, each once: `taken` were acknowledged, `failed` were not."""

    def __init__(self, url: str) -> None:
        self.taken: set[str] = set()
        self.failed: list[str] = []
        self._url = url
        super().__init__(*(partial(self._post, number) for number in range(_CLIENTS)))

    def _post(self, client: int) -> None:
        number = 0
        with httpx.Client(headers=bearer(TENANT), timeout=30) as http:
            while not self._end.wait(_PAUSE_SECONDS):
                number += 1
                account = f"R{client}N{number}"
                try:
                    answer = http.post(f"{self._url}/v1/claims", json=PROFESSIONAL | {"patient_control_number": account})
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                if answer.is_success:
                    self.taken.add(account)
                else:
                    self.failed.append(f"{answer.status_code} {answer.text[:200]}")


def second(system: System, role: str) -> Member:
    """Start another process beside one of the stack's."""
    pid = system.stack.pid(f"ingest-{role}")
    assert pid is not None
    member = Member("ingest", role, ROOT, psutil.Process(pid).environ(), system.stack.folder / "logs")
    member.start()
    return member


def restart(system: System, name: str, url: str) -> None:
    """Have the stack's own process end in good order, and return when the one that takes its place is at work."""
    before = system.stack.pid(name)
    assert system.stack.kill(name, signal.SIGTERM)
    eventually(lambda: system.stack.pid(name) not in (None, before))
    eventually(lambda: is_ready(url))


def test_apis_and_workers_are_restarted_while_clients_post_and_no_request_fails(system: System) -> None:
    own = int(system.url("ingest").rpartition(":")[2])
    beside = [second(system, "api"), second(system, "worker")]
    port = free_port()
    try:
        for member in beside:
            member.await_ready()
        with Balancer([port]) as balancer:
            balancer.lead(port, [own, beside[0].port])
            balancer.await_ready(own, beside[0].port)
            with Posting(f"http://127.0.0.1:{port}") as posting:
                restart(system, "ingest-api", system.url("ingest"))
                balancer.await_ready(own)
                beside[0].leave()
                restart(system, "ingest-worker", system.stack.ports.url("ingest_worker"))
                beside[0].await_end()
                beside[1].leave()
                beside[1].await_end()
                time.sleep(_PAUSE_SECONDS)
            assert posting.failed == []
            assert balancer.refused == 0
            assert min(balancer.led.values()) > 0
    finally:
        for member in beside:
            member.discard()
    system.come_to_rest()
    held = system.rows("ingest", "SELECT patient_control_number FROM claims WHERE tenant_id = $1", TENANT)
    told = "SELECT convert_from(told, 'UTF8')::json->>'claim_id' FROM facts WHERE kind = 'claim' AND tenant_id = $1"
    assert sorted(row[0] for row in held) == sorted(posting.taken)
    assert len(system.rows("analytics", told, TENANT)) == len(posting.taken) > 0
