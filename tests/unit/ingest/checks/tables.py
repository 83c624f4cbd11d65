"""Small files in the shapes in which reference tables are published; codes and texts are invented."""

from collections.abc import Iterable

PTP_HEAD = (
    "Notice of a licence that is none\t\t\t\t\t\t\n"
    "Column1/Column2 Edits\t\t\t\t\t\t\n"
    "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tRationale\n"
    "\t\tprior to 1996\tDate\tDate\t0=not allowed\t\n"
)
MUE_HEAD = (
    '"A notice\nover two lines",,,\nHCPCS/CPT Code,Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale\n'
)
NUCC_HEAD = "Code,Grouping,Classification,Specialization,Definition,Notes\n"


def ptp(*rows: tuple[str, str, str, str, str]) -> bytes:
    """Rows: column 1, column 2, effective, deleted (* is never), indicator."""
    told = "".join(f"{a}\t{b}\t\t{begins}\t{ends}\t{indicator}\tour own reason\n" for a, b, begins, ends, indicator in rows)
    return (PTP_HEAD + told).encode()


def mue(*rows: tuple[str, int, str]) -> bytes:
    return (MUE_HEAD + "".join(f"{code},{units},{told},Our own reason\n" for code, units, told in rows)).encode()


def icd10cm(*rows: tuple[str, bool]) -> bytes:
    lines = (
        f"{place:05} {code:<7} {int(billable)} {'short text':<60} a longer text\r\n"
        for place, (code, billable) in enumerate(rows, 1)
    )
    return "".join(lines).encode()


def hcpcs(*rows: tuple[str, str, str]) -> bytes:
    """Rows: code, day on which it was added, day on which it ended or nothing; each with a second record of text."""
    return "".join(_hcpcs(rows)).encode()


def modifiers(*rows: tuple[str, str, str]) -> bytes:
    """Rows of modifiers as they stand in the same file: two characters in the last places of the code."""
    told = "".join(_hcpcs((f"{code:>5}", added, ended) for code, added, ended in rows))
    return told.replace("001003", "001007").replace("002004", "002008").encode()


def _hcpcs(rows: Iterable[tuple[str, str, str]]) -> Iterable[str]:
    for code, added, ended in rows:
        first = f"{code}001003{'a text':<80}{'short':<28}"
        yield f"{first:<268}{added:<8}{added:<8}{ended:<8}N{'':<27}\n"
        yield f"{code}002004{'and more of it':<309}\n"


def nucc(*codes: str) -> bytes:
    return (NUCC_HEAD + "".join(f'{code},Group,Class,,"A definition\nover two lines",\n' for code in codes)).encode()
