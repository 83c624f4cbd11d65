"""835 files for the benchmarks: written in a blink, of any size, about 400 bytes a claim of two lines, the same every time."""

from pathlib import Path
from typing import Final

CLAIM_BYTES: Final = 400
LINES: Final = 2
DENIED_EVERY: Final = 8  # about what payers deny
_DENIALS: Final = ("197", "50", "29", "16", "18")  # authorization, necessity, filing limit, information, duplicate
_REMARKS: Final = {"16": "LQ*HE*M127~"}

_HEAD = (
    "ISA*00*          *00*          *ZZ*PAYER          *ZZ*CLINIC         *260110*1200*^*00501*000000001*0*P*:~"
    "GS*HP*PAYER*CLINIC*20260110*1200*1*X*005010X221A1~ST*835*0001~BPR*I*1*C*ACH************20260110~TRN*1*{trace}*1999999999~"
    "N1*PR*PAYER~N1*PE*CLINIC*XX*1999999984~LX*1~"
)
_TAIL = b"SE*1*0001~GE*1*1~IEA*1*000000001~"


def write_file(path: Path, claims: int, *, first: int = 0, trace: str = "T1", lines: int = LINES) -> None:
    """Write an 835 with one payment: claims of two lines or more and three or four adjustments, with the usual references.

    `first` numbers the first claim; every eighth number is a denied one (`is_denied`). Lines after the second are paid in full.
    """
    with path.open("wb") as file:
        file.write(_HEAD.format(trace=trace).encode())
        for number in range(first, first + claims):
            file.write(_claim(number, lines - LINES).encode())
        file.write(_TAIL)


def is_denied(number: int) -> bool:
    """Say whether the payer refuses the second line of the claim with this number."""
    return number % DENIED_EVERY == 0


def patient_control_number(number: int) -> str:
    return f"PCN{number:010d}"


def _claim(number: int, more: int) -> str:
    first, second = 10_000 + number % 7_919, 5_000 + number % 4_999
    allowed, copay = first * 3 // 5, 2_500
    denied = is_denied(number)
    second_paid = 0 if denied else second * 3 // 5
    carc = _DENIALS[number // DENIED_EVERY % len(_DENIALS)] if denied else "45"
    remark = _REMARKS.get(carc, "") if denied else "LQ*HE*N362~"
    others = [1_000 + (number * 31 + line * 977) % 9_973 for line in range(more)]
    rest = sum(others)
    paid = allowed - copay + second_paid + rest
    return (
        f"CLP*{patient_control_number(number)}*1*{(first + second + rest) / 100:.2f}*{paid / 100:.2f}*25*12*{number:014d}*11*1~"
        f"NM1*QC*1*FAMILY*GIVEN****MI*M{number:09d}~NM1*82*2*CLINIC*****XX*1999999984~REF*EA*{number:09d}~"
        f"DTM*232*20260105~DTM*233*20260105~"
        f"SVC*HC:G0283*{first / 100:.2f}*{(allowed - copay) / 100:.2f}**1~DTM*472*20260105~"
        f"CAS*CO*45*{(first - allowed) / 100:.2f}~CAS*PR*3*25~REF*6R*{number}A~AMT*B6*{allowed / 100:.2f}~"
        f"SVC*HC:A4253:NU*{second / 100:.2f}*{second_paid / 100:.2f}**2~DTM*472*20260105~"
        f"CAS*CO*{carc}*{(second - second_paid) / 100:.2f}~REF*6R*{number}B~AMT*B6*{second_paid / 100:.2f}~{remark}"
    ) + "".join(
        f"SVC*HC:A4253*{cents / 100:.2f}*{cents / 100:.2f}**1~DTM*472*20260105~REF*6R*{number}C{line}~AMT*B6*{cents / 100:.2f}~"
        for line, cents in enumerate(others)
    )
