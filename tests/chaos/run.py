"""One round: load, a fault, recovery, silence, and the count."""

import os
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from tests.chaos.checks import check
from tests.chaos.faults import Fault, chance_of
from tests.chaos.load import Load
from tests.chaos.site import Site
from tests.chaos.watch import Watch
from tests.support.system import System

FILES_A_SECOND = 4.0
_BEFORE_SECONDS = 3.0
IN_TIME_FOR_SECONDS = 4.0  # nothing was late for so long: it is over
_OVER_SECONDS = 150.0
_SETTLE_SECONDS = 200  # below the limit of a test, which would not say what still moved
_LAST_LINES = 12


class Outcome(Struct, frozen=True):
    """What a round was, and what was wrong afterwards (nothing, if all is well)."""

    fault: Fault
    problems: list[str]
    recovered_seconds: float
    stalled_seconds: float
    files: int
    claims: int
    retries: int
    load_average: float

    @property
    def is_in_time(self) -> bool:
        return self.fault.within_seconds is None or self.recovered_seconds <= self.fault.within_seconds

    def __str__(self) -> str:
        load = f"{self.files} files, {self.claims} claims, {self.retries} retries by clients, load {self.load_average:.1f}"
        times = f"recovered after {self.recovered_seconds:.1f} s, longest stall {self.stalled_seconds:.1f} s"
        late = "" if self.is_in_time else f" (later than {self.fault.within_seconds:g} s)"
        return f"{self.fault.name}: {times}{late}; {load}; {len(self.problems)} problems"


def run(
    site: Site,
    seed: int,
    year: int,
    fault: Fault,
    *,
    files_a_second: float = FILES_A_SECOND,
    over_seconds: float = _OVER_SECONDS,
    tell: Callable[[str], None] = print,
) -> Outcome:
    """Strike while clients send; wait until nothing is late; let it come to rest; compare with the truth.

    The year is the round's own, so that rounds add up. What was lost is late for ever: after `over_seconds` it is not waited for.
    """
    site.offsets_before = site.system.offsets()
    with Watch(site, year) as watch, Load(site.stack.url("ingest"), seed, year, files_a_second) as load:
        time.sleep(_BEFORE_SECONDS)
        struck_at = time.monotonic()
        since = fault.strike(site, chance_of(seed, fault))
        await_recovery(watch, load.due, since, over_seconds)
        late = watch.late(load.due, struck_at)
        stalled = watch.longest_stall(struck_at)
    come_to_rest(site.system, tell)
    site.cluster.await_whole()
    return Outcome(
        fault=fault,
        problems=check(site.system, load.files, year, claims=load.claims, planted=site.planted),
        recovered_seconds=max(0.0, max(late, default=since) - since),
        stalled_seconds=stalled,
        files=len(load.files),
        claims=sum(len(file.answers()) for file in load.files) + len(load.claims),
        retries=load.retries,
        load_average=os.getloadavg()[0],
    )


def await_recovery(watch: Watch, due: Sequence[tuple[float, int]], since: float, over_seconds: float) -> None:
    """Return when nothing has been late for a while; or after so long, and then what was seen says how late it is."""
    given_up_at = time.monotonic() + over_seconds
    while time.monotonic() < min(given_up_at, max([since, *watch.late(due, since)]) + IN_TIME_FOR_SECONDS):
        time.sleep(0.2)


def come_to_rest(system: System, tell: Callable[[str], None] = print) -> None:
    """Let all that is under way come to its end. Errors: AssertionError, when each process's last lines were told."""
    try:
        system.come_to_rest(_SETTLE_SECONDS)
    except AssertionError:
        tell(_last_lines(system))
        raise


def _last_lines(system: System) -> str:
    """Return how each process's log ends: which of them waits, and what for."""
    logs = sorted((system.stack.folder / "logs").glob("*.log"))
    tails = [(log.name, log.read_text(errors="replace").splitlines()[-_LAST_LINES:]) for log in logs]
    return "\n".join(f"{name}: {line[:300]}" for name, tail in tails for line in tail)
