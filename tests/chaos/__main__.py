"""`python -m tests.chaos --rounds N --seed S`: faults against a site of its own; exit status 1 when anything is lost or late.

The seed draws the order of the faults and the files; overload comes last.
"""

import argparse
import logging
import re
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos import faults
from tests.chaos.faults import Fault
from tests.chaos.overload import Overload, overload
from tests.chaos.run import FILES_A_SECOND, Outcome, run
from tests.chaos.site import Site
from tests.chaos.table import write
from tests.support import access

_FIRST_YEAR = 2040
_OVERLOAD_YEAR = 2030


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="faults in all; each of the table once if not told")
    parser.add_argument("--only", default="", help="faults in whose names this pattern is found")
    parser.add_argument("--files-a-second", type=float, default=FILES_A_SECOND, help="of 25 claims each, and two claims beside")
    parser.add_argument("--write", type=Path, help="the page whose table is written anew")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(1_000_000), help="the same seed draws the same faults and files"
    )
    told = parser.parse_args()
    wanted = tuple(fault for fault in faults.FAULTS if re.search(told.only, fault.name))
    possible = tuple(fault for fault in wanted if not fault.why_not())
    for fault in wanted:
        if why_not := fault.why_not():
            print(f"NOT DONE: {fault.name}: {why_not}", flush=True)
    print(f"seed {told.seed}", flush=True)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says at each try that a broker is away, as it is meant to be
    access.trust()
    outcomes: list[Outcome] = []

    def note(storm: Overload | None = None) -> None:
        if told.write is not None:
            write(told.write, told.seed, outcomes, [fault for fault in wanted if fault.why_not()], storm)

    with tempfile.TemporaryDirectory(prefix="recours-chaos-") as folder:
        site = Site(Path(folder))
        try:
            site.start()
            plan = list(faults.draw(told.seed, told.rounds or len(possible), possible))
            for number, fault in enumerate(plan):
                outcomes.append(_strike(site, told.seed + number, _FIRST_YEAR + number, fault, told.files_a_second))
                note()  # what comes later may end it all
            storm = overload(site, _OVERLOAD_YEAR) if re.search(told.only, "overload") and not told.rounds else None
            print(f"overload: {storm}", flush=True)
        finally:
            site.discard()
    note(storm)
    wrong = sum(1 for outcome in outcomes if outcome.problems) + bool(storm and storm.problems)
    late = sum(1 for outcome in outcomes if not outcome.is_in_time) + bool(storm and not storm.is_in_bounds)
    print(f"seed {told.seed}: {len(outcomes)} faults, {wrong} with something lost or doubled, {late} later than promised")
    return 1 if wrong or late else 0


def _strike(site: Site, seed: int, year: int, fault: Fault, files_a_second: float) -> Outcome:
    outcome = run(site, seed, year, fault, files_a_second=files_a_second)
    print(outcome, flush=True)
    print("".join(f"  {problem}\n" for problem in outcome.problems), end="", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
