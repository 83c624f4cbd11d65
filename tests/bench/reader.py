"""The 835 reader alone: against the bare floor and oxedi in one run, and its memory at 2, 20 and 200 MB.

`python -m tests.bench reader [--claims N] [--rounds N] [--sizes 2,20,200]`

oxedi runs in Rust; what is compared is its rows as Python sees them, through Arrow, since the floor and our reader hand Python
every claim, line and adjustment: all columns of its three tables, then only those that the floor reads, then its parse alone.
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import nanoarrow
import oxedi

from libs.x12 import InterchangeReader, Remit, TransactionClosed
from tests.bench import floor
from tests.bench.files import CLAIM_BYTES, write_file
from tests.bench.meter import keep

CHUNK_BYTES = 1024 * 1024
_OXEDI_ROWS: Final = {
    "claims": ("claim_id", "claim_status", "charge_amount", "payment_amount"),
    "services": ("claim", "procedure_code", "charge_amount", "payment_amount"),
    "adjustments": ("claim", "service", "group_code", "reason_code", "amount"),
}


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def read_ours(path: Path) -> tuple[int, int, int]:
    """Read claims, adjustments and all three balances, every claim seen by Python."""
    claims = paid_cents = adjustment_cents = 0
    reader = InterchangeReader()
    for chunk in chunks(path):
        for item in reader.feed(chunk):
            if type(item) is Remit:
                claims += 1
                paid_cents += item.paid_cents
                adjustment_cents += item.adjustment_cents
    closed = [item for item in reader.close() if isinstance(item, TransactionClosed)]
    assert closed == []
    return claims, paid_cents, adjustment_cents


def parse_oxedi(path: Path) -> int:
    """Parse and check with oxedi; its rows stay in Rust, only their number is asked for."""
    return int(oxedi.parse(path.read_bytes()).count_claims())


def read_oxedi(path: Path) -> int:
    """Parse and check with oxedi, and see its rows; return the number of claims."""
    tables = oxedi.parse(path.read_bytes()).tables
    seen = {name: sum(1 for _ in nanoarrow.ArrayStream(tables[name]).iter_tuples()) for name in _OXEDI_ROWS}
    return seen["claims"]


def read_oxedi_narrowly(path: Path) -> int:
    """Parse and check with oxedi, and see what the floor reads of its rows; return the number of claims."""
    tables = oxedi.parse(path.read_bytes()).tables
    seen = {}
    for name, wanted in _OXEDI_ROWS.items():
        table, columns = nanoarrow.Array(tables[name]), tables[name].columns
        rows = zip(*(table.child(columns.index(column)).iter_py() for column in wanted), strict=True)
        seen[name] = sum(1 for _ in rows)
    return seen["claims"]


def timed(read: Callable[[Path], Any], path: Path) -> tuple[float, Any]:
    gc.collect()
    gc.disable()  # what every worker does around a batch
    began = time.process_time()
    result = read(path)
    seconds = time.process_time() - began
    gc.enable()
    return seconds, result


def peak_mib(path: Path) -> float:
    """Return how far a process that reads the file peaks above one that only imports the reader."""
    script = (
        "from pathlib import Path; from tests.bench.reader import read_ours\n"
        "{}\n"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"  # getrusage would tell the parent's, too
    )
    peaks = []
    for work in ("", f"read_ours(Path({str(path)!r}))"):
        done = subprocess.run([sys.executable, "-c", script.format(work)], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    return peaks[1] - peaks[0]


def measure_speed(path: Path, claims: int, rounds: int) -> dict[str, Any]:
    """Time every reader in turn, round by round: the ratios matter, other work may share the machine."""
    write_file(path, claims)
    readers: dict[str, Callable[[Path], Any]] = {
        "floor": floor.read,
        "ours": read_ours,
        "oxedi_rows": read_oxedi,
        "oxedi_parse": parse_oxedi,
    }
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        results = {}
        for name, read in readers.items():
            taken, results[name] = timed(read, path)
            seconds[name].append(taken)
        assert results["floor"] == results["ours"], results
        assert {results[name] for name in readers if name.startswith("oxedi")} == {claims}, results
    rates = {name: claims / statistics.median(taken) for name, taken in seconds.items()}
    ratios = {name: [base / own for base, own in zip(seconds["floor"], taken, strict=True)] for name, taken in seconds.items()}
    return {
        "claims": claims,
        "bytes": path.stat().st_size,
        "claims_per_second": {name: round(rate) for name, rate in rates.items()},
        "of_the_floor": {name: round(statistics.median(each), 2) for name, each in ratios.items()},
    }


def measure_memory(path: Path, sizes_mb: list[int]) -> dict[str, float]:
    """Return the peak memory by the size of the file: it must not grow with it."""
    peaks = {}
    for size_mb in sizes_mb:
        write_file(path, size_mb * 1_000_000 // CLAIM_BYTES)
        peaks[f"{size_mb}_mb"] = round(peak_mib(path), 1)
    return peaks


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench reader")
    parser.add_argument("--claims", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="2,20,200", help="sizes of the files in MB whose peak memory is measured")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.835"
        report = measure_speed(path, options.claims, options.rounds)
        report["peak_mib"] = measure_memory(path, [int(size) for size in options.sizes.split(",") if size])
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('reader', report)}")
