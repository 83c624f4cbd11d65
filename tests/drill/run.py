"""The drill: load, a backup under it, everything killed and thrown away, restored twice, counted each time.

First to the last commit: nothing that was acknowledged may be missing. Then to a point that was named while clients were sending,
the same for all four databases: what was acknowledged before it must be there, and who sent something after it sends it again.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import psutil

from deploy.local import processes
from deploy.local.layout import ROOT, SERVICES, Ports
from deploy.local.postgres import away_from
from deploy.local.stack import Stack
from libs.synthetic import Interchange
from services.ingest.claims.examples import PROFESSIONAL
from tests.chaos.checks import check
from tests.chaos.load import Load
from tests.chaos.run import come_to_rest
from tests.drill.backup import Backup, rewind_all
from tests.support.access import bearer
from tests.support.system import System

FILES_A_SECOND: Final = 4.0
YEAR: Final = 2044
POINT: Final = "drill"
_SEALED: Final = "DRILL1"  # a claim whose patient must be read again afterwards


class Drill:
    """What was done, how long it took, and what was wrong (nothing, if all is well)."""

    def __init__(self, folder: Path, seed: int, tell: Callable[[str], None] = print) -> None:
        self._folder, self._seed, self._tell = folder, seed, tell
        self.problems: list[str] = []
        self._told = {
            "RECOURS_INFRA": "embedded",
            # Anchors stand outside of what can be lost; so do those of this stack.
            "RECOURS_AUDIT_ANCHORS_URL": str(folder / "anchors"),
            "RECOURS_AUDIT_ANCHOR_SECONDS": "2",
        }

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._tell(f"  {what:<58} {time.monotonic() - began:7.1f} s")

    def run(self, seconds: float, *, to: Sequence[str] = ("newest", POINT), rewind: Callable[[Stack], int] = rewind_all) -> None:
        """Send for some seconds before the base backup, and so long again after it and after the point."""
        stack = Stack(self._folder / "lost", Ports.free(), environment=self._told)
        backup = Backup(stack, self._folder / "backup")
        try:
            with self._step("a stack starts"):
                stack.start()
            load, before = self._send_and_back_up(stack, backup, seconds)
            with self._step("every process is killed, and all of it thrown away"):
                _lose(stack)
                backup.end()
        finally:
            backup.end()
            stack.discard()
        for target in to:
            self._restore(backup, target, load, before, rewind)

    def _send_and_back_up(self, stack: Stack, backup: Backup, seconds: float) -> tuple[Load, tuple[list[Interchange], list[str]]]:
        backup.begin()
        sealed = PROFESSIONAL | {"patient_control_number": _SEALED}
        httpx.post(stack.url("ingest") + "/v1/claims", json=sealed, headers=bearer(), timeout=30).raise_for_status()
        with Load(stack.url("ingest"), self._seed, YEAR, FILES_A_SECOND) as load:
            time.sleep(seconds)
            with self._step("base backup while clients send, verified"):
                size = backup.take_base()
            time.sleep(seconds)
            before = list(load.files), list(load.claims)
            with self._step("a point is named; objects and keys are copied"):
                backup.mark(POINT)
                backup.take_the_rest()
            time.sleep(seconds)
        counts = [f"{len(files)} files and {len(claims)} claims" for files, claims in (before, (load.files, load.claims))]
        self._tell(f"  {size / 1e6:.0f} MB of base backup; acknowledged: {counts[0]} before the point, {counts[1]} in all")
        self._tell(f"  {load.retries} retries by clients; load {os.getloadavg()[0]:.1f}")
        return load, before

    def _restore(
        self, backup: Backup, target: str, load: Load, before: tuple[list[Interchange], list[str]], rewind: Callable[[Stack], int]
    ) -> None:
        folder = self._folder / target
        point = None if target == "newest" else target
        began = time.monotonic()
        stack = Stack(folder, services=())
        try:
            with self._step(f"to {target}: files back, PostgreSQL recovers, Kafka is empty"):
                stack = backup.restore(folder, point)
            with self._step(f"to {target}: outboxes are rewound"):
                events = rewind(stack)
                stack.stop()
            stack = Stack(folder, stack.ports, environment=self._told)
            with self._step(f"to {target}: services start"):
                stack.start()
            system = System(stack)
            with self._step(f"to {target}: {events} events sent again and dealt with"):
                come_to_rest(system, self._tell)
            self._tell(f"  {f'to {target}: all of it':<58} {time.monotonic() - began:7.1f} s")
            self._look(system, target, before)
            if point is not None:
                with self._step("to the point: clients send again what they sent after it"):
                    self._send_again(stack, load)
                    come_to_rest(system, self._tell)
            self.problems += [f"{target}: {each}" for each in check(system, load.files, YEAR, claims=load.claims)]
            if point is None and _recours(stack, self._told, "audit", "verify"):
                self.problems.append(f"{target}: the audit log is not whole")
            system.close()
        finally:
            stack.discard()

    def _look(self, system: System, target: str, before: tuple[list[Interchange], list[str]]) -> None:
        """Compare the four with one another, and what was acknowledged before the point with what is there."""
        if _recours(system.stack, self._told, "ledger"):
            self.problems.append(f"{target}: the ledgers of the services differ")
        files, claims = before
        wanted = {answer.remit.payer_claim_control_number for file in files for answer in file.answers()}
        rows = system.rows("ingest", "SELECT payer_claim_control_number FROM remits")
        if lost := wanted - {row[0] for row in rows}:
            self.problems.append(f"{target}: {len(lost)} remits of before the point are lost")
        there = {row[0] for row in system.rows("ingest", "SELECT patient_control_number FROM claims")}
        if lost := {*claims, _SEALED} - there:
            self.problems.append(f"{target}: {len(lost)} claims of before the point are lost")
        ((claim_id,),) = system.rows("ingest", "SELECT claim_id FROM claims WHERE patient_control_number = $1", _SEALED)
        answer = httpx.get(f"{system.url('ingest')}/v1/claims/{claim_id}/content", headers=bearer(), timeout=30)
        if PROFESSIONAL["subscriber"]["last_name"] not in answer.text:
            self.problems.append(f"{target}: a patient is not read again: {answer.status_code}")

    def _send_again(self, stack: Stack, load: Load) -> None:
        with httpx.Client(headers=bearer(), base_url=stack.url("ingest"), timeout=60) as client:
            for file in load.files:
                client.post("/v1/interchanges", content=file.body).raise_for_status()
            for account in load.claims:
                client.post("/v1/claims", json=PROFESSIONAL | {"patient_control_number": account}).raise_for_status()


def _lose(stack: Stack) -> None:
    """Kill everything in the middle of what it does, and remove all that it had."""
    state = stack.state()
    noted = [state["supervisor"], *state["processes"].values()]
    found = [process for each in noted if (process := processes.find(each)) is not None]
    every = [child for process in found for child in process.children(recursive=True)] + found
    for process in [*found, *every]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(every, 60)
    shutil.rmtree(away_from(stack.folder), ignore_errors=True)
    shutil.rmtree(stack.folder)


def _recours(stack: Stack, told: dict[str, str], *arguments: str) -> int:
    """Run a command of `recours` as an operator does; what it says is shown when it ends badly."""
    urls = {f"RECOURS_{service.upper()}_URL": stack.url(service) for service in SERVICES}
    done = subprocess.run(
        [sys.executable, "-c", "from libs.client.cli import main; main()", *arguments],
        cwd=ROOT, env={**os.environ, **told, **urls}, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        sys.stdout.write(done.stdout + done.stderr)
    return done.returncode
