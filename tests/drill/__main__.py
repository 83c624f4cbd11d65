"""`python -m tests.drill`: a backup under load, everything lost, restored and counted; exit status 1 when anything is missing."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.drill.run import Drill
from tests.support import access


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load before the base backup, after it, and after the point")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="draws the files")
    told = parser.parse_args()
    access.trust()
    print(f"seed {told.seed}", flush=True)
    # PostgreSQL's programs run without rights and must reach it: a private home would keep them out.
    with tempfile.TemporaryDirectory(prefix="recours-drill-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o711)
        drill = Drill(folder, told.seed, tell=lambda line: print(line, flush=True))
        drill.run(told.seconds)
    for problem in drill.problems:
        print(f"  WRONG: {problem}")
    print("Something is lost or differs." if drill.problems else "Nothing is lost; the four ledgers agree to the cent.")
    return 1 if drill.problems else 0


if __name__ == "__main__":
    sys.exit(main())
