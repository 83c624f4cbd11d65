"""Where each process spends its time at full load: a profile by samples, while files are taken in as fast as they are.

`python -m tests.bench profiles [--claims N]`

py-spy looks at every Python process so many times a second from outside; only moments at which it works are counted. The table of
each process (docs/performance/profiles.md, by `make bench-report`) has the functions in which most of them fell, by themselves and
with all that they called. Whole stacks, for a viewer of flame graphs, stay in .local/bench/profiles.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from deploy.local.layout import ROOT
from tests.bench.meter import REPORTS, keep
from tests.bench.pipeline import NAMES, Bench

STACKS: Final = REPORTS / "profiles"
_SAMPLES_A_SECOND: Final = 200
_RECORD: Final = (
    *(str(Path(sys.executable).with_name("py-spy")), "record", "--format", "raw", "--nonblocking"),
    *("--rate", str(_SAMPLES_A_SECOND), "--duration", "unlimited"),
)
_TOP: Final = 15
_NEARLY_ALL: Final = 0.85
_WARM_UP_CLAIMS: Final = 5_000
_PATIENCE_SECONDS: Final = 60


class Watched(Bench):
    """A bench whose processes are watched while it measures; each one's stacks are written as it ends.

    A line has functions, by `;`, and how many samples.
    """

    @contextmanager
    def running_services(self) -> Iterator[None]:
        STACKS.mkdir(parents=True, exist_ok=True)
        with super().running_services():
            pids = {name: self.services.pid(name) for name in NAMES}
            watchers = [
                subprocess.Popen([*_RECORD, "--output", str(STACKS / f"{name}.txt"), "--pid", str(pid)], stdout=subprocess.DEVNULL)
                for name, pid in pids.items()
            ]
            try:
                yield
            finally:
                for each in watchers:
                    each.send_signal(signal.SIGINT)  # it writes what it saw, and ends
                for each in watchers:
                    each.wait(_PATIENCE_SECONDS)


def summed(stacks: str) -> dict[str, Any]:
    """Return how many samples there are and the functions that most fell in: `own` by themselves, `all` with what they called.

    Of the latter those that hold nearly everything are left out: they say nothing.
    """
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in stacks.splitlines():
        told, _, count = line.rpartition(" ")
        frames = [_named(frame) for frame in told.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    samples = own.total()
    for frame in [frame for frame, count in whole.items() if count > _NEARLY_ALL * samples]:
        del whole[frame]
    return {"samples": samples} | {
        kind: {name: round(count / samples, 4) for name, count in counted.most_common(_TOP)}
        for kind, counted in (("own", own), ("all", whole))
        if samples
    }


def _named(frame: str) -> str:
    """Return a frame without its line and without where this machine keeps its files."""
    function, _, place = frame.partition(" (")
    if not place:
        return function or "outside of Python"
    file = place.rpartition(":")[0]
    for root in ("site-packages/", f"{ROOT}/", "lib/python3"):
        file = file.rpartition(root)[2]
    return f"{function} ({file})"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench profiles")
    parser.add_argument("--claims", type=int, default=40_000)
    options = parser.parse_args(arguments)
    with Watched.running() as bench:
        for claims in (_WARM_UP_CLAIMS, options.claims):
            files, denied = bench.files(claims)
            found = bench.measure_ours(files, claims, denied)
    report = {
        "claims": options.claims,
        "claims_per_second": found["claims_per_second"],
        "processes": {name: summed((STACKS / f"{name}.txt").read_text()) for name in NAMES},
    }
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('profiles', report)}")
