"""`python -m tests.chaos --rounds N --seed S`: many faults against a stack of its own; exit status 1 when anything is lost."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from deploy.local.layout import Ports
from deploy.local.stack import Stack
from tests.chaos import faults
from tests.chaos.run import run
from tests.support import access
from tests.support.system import System

_ROUNDS_A_RUN = 40  # then everything is counted, and a new year begins
_FIRST_YEAR = 2040


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="faults in all")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(1_000_000), help="the same seed draws the same faults and files"
    )
    told = parser.parse_args()
    print(f"seed {told.seed}", flush=True)
    wrong = 0
    access.trust()
    with tempfile.TemporaryDirectory(prefix="recours-chaos-") as folder:
        stack = Stack(Path(folder) / "stack", Ports.free(), environment={"RECOURS_INFRA": "embedded"})
        stack.start()
        system = System(stack)
        try:
            for number, done in enumerate(range(0, told.rounds, _ROUNDS_A_RUN)):
                rounds = min(_ROUNDS_A_RUN, told.rounds - done)
                seed = told.seed + number
                outcome = run(system, seed, _FIRST_YEAR + number, faults.draw(seed, rounds))
                print(f"{outcome}: {len(outcome.problems)} problems", flush=True)
                print("".join(f"  {problem}\n" for problem in outcome.problems), end="", flush=True)
                wrong += len(outcome.problems)
        finally:
            system.close()
            stack.discard()
    print(f"seed {told.seed}: {'all is accounted for' if not wrong else f'{wrong} problems'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
