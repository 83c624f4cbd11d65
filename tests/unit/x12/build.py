"""Small X12 files for the tests of the reader, and short ways to read them."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from libs.x12 import Finding, InterchangeReader, Item, Remit

T = TypeVar("T")

LINE = ("SVC*HC:G0283*100*80**1", "DTM*472*20260105", "CAS*CO*45*20")
CLAIM = ("CLP*PCN1*1*100*80**12*ICN1*11*1", "NM1*QC*1*FAMILY*GIVEN****MI*M1", *LINE)
HEAD = (
    "BPR*I*80*C*ACH************20260110",
    "TRN*1*TRACE1*1999999999",
    "DTM*405*20260109",
    "N1*PR*PAYER",
    "N1*PE*CLINIC*XX*1999999984",
    "LX*1",
)


def isa(control: str = "000000001", *, element: str = "*", component: str = ":") -> str:
    """Return an ISA of 105 bytes: the terminator is the 106th."""
    values = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{'PAYER':<15}", "ZZ", f"{'CLINIC':<15}",
        "260110", "1200", "^", "00501", control, "0", "P", component,
    ]  # fmt: skip
    return element.join(values)


def transaction(body: Iterable[str] = CLAIM, *, head: Sequence[str] = HEAD, control: str = "0001", kind: str = "835") -> list[str]:
    """Return ST to SE around a head and a body, with a true count."""
    segments = [f"ST*{kind}*{control}", *head, *body]
    return [*segments, f"SE*{len(segments) + 1}*{control}"]


def group(*transactions: Sequence[str], control: str = "1", functional: str = "HP") -> list[str]:
    """Return GS to GE around transactions."""
    inside = [segment for each in transactions for segment in each]
    opened = f"GS*{functional}*PAYER*CLINIC*20260110*1200*{control}*X*005010X221A1"
    return [opened, *inside, f"GE*{len(transactions)}*{control}"]


def interchange(*groups: Sequence[str], control: str = "000000001") -> list[str]:
    """Return ISA to IEA around groups."""
    inside = [segment for each in groups for segment in each]
    return [isa(control), *inside, f"IEA*{len(groups)}*{control}"]


def one(*body: str, head: Sequence[str] = HEAD) -> list[str]:
    """Return the segments of a whole file with one transaction, of this body (else one claim that balances)."""
    return interchange(group(transaction(body or CLAIM, head=head)))


def encode(segments: Iterable[str], *, terminator: str = "~", end: str = "", element: str = "*", component: str = ":") -> bytes:
    """Join segments, in other delimiters if asked."""
    changed = (segment.replace("*", element).replace(":", component) for segment in segments)
    return "".join(segment + terminator + end for segment in changed).encode("latin-1")


def read(data: bytes, *, chunk: int | None = None) -> list[Item]:
    """Read a file to its end, in pieces of a size."""
    reader = InterchangeReader()
    size = chunk or max(1, len(data))
    items: list[Item] = []
    for start in range(0, len(data), size):
        items += reader.feed(data[start : start + size])
    return items + reader.close()


def of(kind: type[T], items: Iterable[object]) -> list[T]:
    """Return the items of one kind."""
    return [item for item in items if isinstance(item, kind)]


def claims(items: Iterable[Item]) -> list[Remit]:
    return of(Remit, items)


def codes(items: Iterable[Item]) -> list[str]:
    """Return what was found, by code, in order."""
    return [finding.code for finding in of(Finding, items)]


def only(code: str, items: Iterable[Item]) -> Finding:
    """Return the one finding of a code."""
    (found,) = [finding for finding in of(Finding, items) if finding.code == code]
    return found


def pcns(items: Iterable[Item]) -> list[str]:
    return [remit.patient_control_number for remit in claims(items)]
