"""The 835 reader alone: against the bare floor and oxedi in one run, and its memory at 2, 20 and 200 MB.

`python -m tests.bench.reader [--claims N] [--rounds N] [--sizes 2,20,200] [--out FILE]`

Of oxedi only the parse with its checks is timed: it runs in Rust and hands Python two totals, while the floor and our reader hand
Python every claim, line and adjustment. Its rows reach Python through a data frame library, which is not among our dependencies.
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oxedi

from libs.x12 import InterchangeReader, Remit, TransactionClosed
from tests.bench import floor

CHUNK_BYTES = 1024 * 1024
_CLAIM_BYTES = 440


def write_file(path: Path, claims: int) -> None:
    """Write an 835 of about 440 bytes a claim: two lines, four adjustments, the usual references."""
    with path.open("wb") as file:
        file.write(_HEAD)
        total = 0
        for number in range(claims):
            first, second = 10_000 + number % 7_919, 5_000 + number % 4_999
            allowed, copay = first * 3 // 5, 2_500
            paid = allowed - copay + second * 3 // 5
            total += paid
            file.write(
                (
                    f"CLP*PCN{number:010d}*1*{(first + second) / 100:.2f}*{paid / 100:.2f}*25*12*{number:014d}*11*1~"
                    f"NM1*QC*1*FAMILY*GIVEN****MI*M{number:09d}~NM1*82*2*CLINIC*****XX*1999999984~REF*EA*{number:09d}~"
                    f"DTM*232*20260105~DTM*233*20260105~"
                    f"SVC*HC:G0283*{first / 100:.2f}*{(allowed - copay) / 100:.2f}**1~DTM*472*20260105~"
                    f"CAS*CO*45*{(first - allowed) / 100:.2f}~CAS*PR*3*25~REF*6R*{number}A~AMT*B6*{allowed / 100:.2f}~"
                    f"SVC*HC:A4253:NU*{second / 100:.2f}*{second * 3 // 5 / 100:.2f}**2~DTM*472*20260105~"
                    f"CAS*CO*45*{(second - second * 3 // 5) / 100:.2f}~REF*6R*{number}B~AMT*B6*{second * 3 // 5 / 100:.2f}~"
                    f"LQ*HE*N362~"
                ).encode()
            )
        file.write(_TAIL)


_HEAD = (
    b"ISA*00*          *00*          *ZZ*PAYER          *ZZ*CLINIC         *260110*1200*^*00501*000000001*0*P*:~"
    b"GS*HP*PAYER*CLINIC*20260110*1200*1*X*005010X221A1~ST*835*0001~BPR*I*1*C*ACH************20260110~TRN*1*T1*1999999999~"
    b"N1*PR*PAYER~N1*PE*CLINIC*XX*1999999984~LX*1~"
)
_TAIL = b"SE*1*0001~GE*1*1~IEA*1*000000001~"


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


def read_oxedi(path: Path) -> tuple[int, int]:
    """Parse and check with oxedi; its rows stay in Rust, only their number is asked for."""
    result = oxedi.parse(path.read_bytes())
    return result.count_claims(), len(result.tables["adjustments"])


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
    readers: dict[str, Callable[[Path], Any]] = {"floor": floor.read, "ours": read_ours, "oxedi_parse_only": read_oxedi}
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        results = {}
        for name, read in readers.items():
            taken, results[name] = timed(read, path)
            seconds[name].append(taken)
        assert results["floor"] == results["ours"], results
        assert results["oxedi_parse_only"][0] == claims, results
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
        write_file(path, size_mb * 1_000_000 // _CLAIM_BYTES)
        peaks[f"{size_mb}_mb"] = round(peak_mib(path), 1)
    return peaks


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--claims", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="2,20,200", help="sizes of the files in MB whose peak memory is measured")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.835"
        report = measure_speed(path, options.claims, options.rounds)
        report["peak_mib"] = measure_memory(path, [int(size) for size in options.sizes.split(",") if size])
    print(json.dumps(report, indent=2))
    if options.out:
        options.out.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
