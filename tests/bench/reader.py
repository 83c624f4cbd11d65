"""The 835 reader alone: against the bare floor and oxedi in one run, and its memory from 2 to 200 MB.

`python -m tests.bench.reader [--claims N] [--rounds N] [--out FILE]`
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

from libs.x12 import InterchangeReader, Remit, TransactionClosed
from tests.bench import floor

CHUNK_BYTES = 1024 * 1024


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
                    f"CAS*CO*45*{(second - second * 3 // 5) / 100:.2f}~REF*6R*{number}B~AMT*B6*{second * 3 // 5 / 100:.2f}~LQ*HE*N362~"
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


def read_oxedi(path: Path) -> tuple[int, int, int]:
    """Read with oxedi (Rust), its rows seen by Python."""
    import oxedi  # noqa: PLC0415 - a peer, wanted here alone

    claims = paid_cents = adjustment_cents = 0
    document = oxedi.parse(path.read_bytes())
    for row in document.rows():
        claims += 1
        paid_cents += row.paid
    return claims, paid_cents, adjustment_cents


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
    script = "import sys, resource; from pathlib import Path; from tests.bench.reader import read_ours\n{}\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    peaks = []
    for work in ("", f"read_ours(Path({str(path)!r}))"):
        done = subprocess.run([sys.executable, "-c", script.format(work)], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    return peaks[1] - peaks[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--claims", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    readers = {"floor": floor.read, "ours": read_ours}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.835"
        write_file(path, options.claims)
        seconds: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(options.rounds):
            results = set()
            for name, read in readers.items():
                taken, result = timed(read, path)
                seconds[name].append(taken)
                results.add(result[:2])
            assert len(results) == 1, results
        rates = {name: options.claims / statistics.median(taken) for name, taken in seconds.items()}
        report = {
            "claims": options.claims,
            "bytes": path.stat().st_size,
            "claims_per_second": {name: round(rate) for name, rate in rates.items()},
            "of_the_floor": {name: round(rate / rates["floor"], 2) for name, rate in rates.items()},
        }
    print(json.dumps(report, indent=2))
    if options.out:
        options.out.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
