"""One run: load, faults, silence, and the count."""

import time
from collections.abc import Callable, Iterable

from msgspec import Struct

from tests.chaos.checks import check
from tests.chaos.faults import Fault, strike
from tests.chaos.load import Load
from tests.support.system import System

FILES_A_SECOND = 4.0
_SETTLE_SECONDS = 300


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
    system.come_to_rest(_SETTLE_SECONDS)
    return Outcome(
        problems=check(system, load.files, year),
        faults=struck,
        files=len(load.files),
        claims=sum(len(file.answers()) for file in load.files),
        retries=load.retries,
        settled_seconds=time.monotonic() - began,
    )
