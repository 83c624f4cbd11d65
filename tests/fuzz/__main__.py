"""Fuzz every target: `python -m tests.fuzz [--inputs 1000000] [--seconds 0] [TARGET ...]`; make fuzz.

All inputs are shared out among the targets. A target that raises, hangs or holds too much memory fails, and its input lies in the
folder that is named; put into tests/fuzz/corpus/TARGET, it is tried first from then on, and by the unit tests.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

# Of a hundred inputs. A document takes the fuzzer a hundred times as long as a cursor.
SHARES: Final = {"x12": 22, "json_bodies": 15, "events": 20, "jwt": 15, "uploads": 3, "tables": 10, "texts": 15}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz every target.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(SHARES))
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many, all targets together")
    parser.add_argument("--seconds", type=int, default=0, help="at most so long for each target; 0: as long as it takes")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time, which is told")
    told = parser.parse_args()
    if not set(told.targets) <= set(SHARES):
        parser.error(f"the targets are {', '.join(SHARES)}")
    seed = told.seed or int.from_bytes(os.urandom(3), "big")
    folder = Path(tempfile.mkdtemp(prefix="recours-fuzz-"))
    done = [fuzz(target, told.inputs * SHARES[target] // 100, told.seconds, seed, folder) for target in told.targets or SHARES]
    print(f"{sum(inputs for inputs, _ in done):,} inputs, seed {seed}; what was found on the way lies in {folder}")
    sys.exit(any(failed for _, failed in done))


def fuzz(target: str, inputs: int, seconds: int, seed: int, folder: Path) -> tuple[int, bool]:
    """Fuzz one target and tell how it went; return how many inputs it took and whether it failed."""
    command = [sys.executable, "-m", "tests.fuzz.run", target, str(inputs), str(seconds), str(seed), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", done.stderr))
    tried = int(stats.get("number_of_executed_units", 0))
    failed = done.returncode != 0 or not tried
    print(f"{target:<12} {tried:>9,} inputs  {stats.get('peak_rss_mb', '?'):>5} MiB  {'FAILED' if failed else 'sound'}", flush=True)
    if failed:
        print("\n".join(done.stderr.strip().splitlines()[-40:]), file=sys.stderr)
    return tried, failed


if __name__ == "__main__":
    main()
