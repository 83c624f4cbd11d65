"""One run: load, faults, silence, and the count."""

import time
from collections.abc import Callable, Iterable

from msgspec import Struct

from tests.chaos.checks import check
from tests.chaos.faults import Fault, strike
from tests.chaos.load import Load
from tests.support.system import System

FILES_A_SECOND = 4.0
_SETTLE_SECONDS = 200  # below the limit of a test, which would not say what still moved
_LAST_LINES = 12


class Outcome(Struct, frozen=True):
    """What a run was, and what was wrong afterwards (nothing, if all is well)."""

    problems: list[str]
    faults: int
    files: int
    claims: int
    retries: int
    settled_seconds: float

    def __str__(self) -> str:
        load = f"{self.files} files, {self.claims} claims, {self.retries} retries by clients"
        return f"{self.faults} faults, {load}, at rest after {self.settled_seconds:.0f} s"


def run(system: System, seed: int, year: int, faults: Iterable[Fault], tell: Callable[[str], None] = print) -> Outcome:
    """Strike while clients send; let it come to rest; compare with the truth. The year is the run's own, so that runs add up."""
    struck = 0
    with Load(system.stack.url("ingest"), seed, year, FILES_A_SECOND) as load:
        for fault in faults:
            tell(f"  {fault}")
            strike(system.stack, fault)
            struck += 1
    began = time.monotonic()
    try:
        system.come_to_rest(_SETTLE_SECONDS)
    except AssertionError:
        tell(_last_lines(system))
        raise
    return Outcome(
        problems=check(system, load.files, year),
        faults=struck,
        files=len(load.files),
        claims=sum(len(file.answers()) for file in load.files),
        retries=load.retries,
        settled_seconds=time.monotonic() - began,
    )


def _last_lines(system: System) -> str:
    """Return how each process's log ends: which of them waits, and what for."""
    logs = sorted((system.stack.folder / "logs").glob("*.log"))
    tails = [(log.name, log.read_text(errors="replace").splitlines()[-_LAST_LINES:]) for log in logs]
    return "\n".join(f"{name}: {line[:300]}" for name, tail in tails for line in tail)
