"""The 837 reader beside the 835 reader: CPU time a byte, on files of the same size.

`python -m tests.bench claims [--mb N] [--rounds N]`
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from libs.x12 import Claim, InterchangeReader, Remit
from tests.bench.files import CLAIM_BYTES, is_denied, write_file
from tests.bench.meter import keep
from tests.bench.reader import chunks, timed

_HEAD: Final = (
    "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *{day:%y%m%d}*1200*^*00501*000000001*0*P*:~"
    "GS*HC*CLINIC*PAYER*{day:%Y%m%d}*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~BHT*0019*00*B{first}*{day:%Y%m%d}*1200*CH~"
    "NM1*41*2*CLINIC*****46*S1~PER*IC*DESK*TE*5555550100~NM1*40*2*PAYER*****46*R1~"
    "HL*1**20*1~NM1*85*2*CLINIC*****XX*1999999984~N3*STREET 1~N4*CITY*NY*123450001~REF*EI*999999999~"
)
_TAIL: Final = b"SE*1*0001~GE*1*1~IEA*1*000000001~"


def claim(number: int) -> str:
    """Return a subscriber's level with one claim of two lines, as clinics send them; of every eighth, payers drop a modifier."""
    first, second = 10_000 + number % 7_919, 5_000 + number % 4_999
    modifier = ":GP" if is_denied(number) else ""
    return (
        f"HL*{number + 2}*1*22*0~SBR*P*18*******CI~NM1*IL*1*FAMILY*GIVEN****MI*M{number:09d}~N3*STREET {number}~N4*CITY*NY*12345~"
        f"DMG*D8*19610203*F~NM1*PR*2*PAYER*****PI*PAYER1~"
        f"CLM*PCN{number:010d}*{(first + second) / 100:.2f}***11:B:1*Y*A*Y*Y~REF*G1*A{number:09d}~HI*ABK:A000*ABF:B1990~"
        f"NM1*82*1*RENDERING*GIVEN****XX*1999999976~PRV*PE*PXC*207Q00000X~"
        f"LX*1~SV1*HC:G0283{modifier}*{first / 100:.2f}*UN*1***1:2~DTP*472*D8*20260105~REF*6R*{number}A~"
        f"LX*2~SV1*HC:A4253:NU*{second / 100:.2f}*UN*2***1~DTP*472*D8*20260105~REF*6R*{number}B~"
    )


def write_claims(path: Path, claims: int, *, first: int = 0, sent_on: date = date(2026, 1, 10)) -> None:
    """Write an 837P with so many claims, those that `write_file` answers; `first` numbers the first."""
    with path.open("wb") as file:
        file.write(_HEAD.format(first=first, day=sent_on).encode())
        for number in range(first, first + claims):
            file.write(claim(number).encode())
        file.write(_TAIL)


def read(path: Path) -> int:
    """Read a file as the worker does; return its claims."""
    reader = InterchangeReader()
    return sum(type(item) in (Claim, Remit) for chunk in chunks(path) for item in reader.feed(chunk))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench claims")
    parser.add_argument("--mb", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    size_bytes = options.mb * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        remits, claims = Path(folder) / "bench.835", Path(folder) / "bench.837"
        write_file(remits, size_bytes // CLAIM_BYTES)
        write_claims(claims, size_bytes // CLAIM_BYTES)
        ratios, counts = [], (0, 0)
        for _ in range(options.rounds):  # in turn: the ratio matters, other work may share the machine
            (slow, many), (fast, few) = timed(read, claims), timed(read, remits)
            ratios.append((slow / claims.stat().st_size) / (fast / remits.stat().st_size))
            counts = many, few
        report = {
            "bytes": {"837": claims.stat().st_size, "835": remits.stat().st_size},
            "claims": {"837": counts[0], "835": counts[1]},
            "time_a_byte_of_the_835": round(statistics.median(ratios), 2),
            "rounds": [round(ratio, 2) for ratio in ratios],
        }
    print(json.dumps(report, indent=2))
    print(f"kept as {keep('claims', report)}")
