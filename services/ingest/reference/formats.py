"""The public files of reference tables, read row by row: ICD-10-CM order file, HCPCS, NUCC taxonomy, NCCI PTP and MUE.

Before the first row of data stand titles, a notice and headings, in any number; after it each row must be whole, or be one of those
again where several files of a release were put together. Anything else means that the file is cut or is another one.
Sources: the record layouts that CMS, NUCC and NCCI publish beside their files.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import IO, Any, Final

from services.ingest.checks.reference import FEE_SCHEDULE, HCPCS, ICD10CM, MODIFIER, MUE_SETS, PTP_SETS, TAXONOMY
from services.ingest.reference.broken import BrokenTable
from services.ingest.reference.fee_schedule import read_fees
from services.ingest.reference.quarter import Quarter

Row = tuple[Any, ...]

_PROCEDURE = re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]")
_MODIFIER = re.compile(r"[0-9A-Z]{2}")
_TAXONOMY = re.compile(r"[0-9A-Z]{9}X")
_DIAGNOSIS = re.compile(r"[A-Z][0-9][0-9A-Z]{1,5}")
_ORDER = re.compile(r"[0-9]{5} ")
_PTP_CELLS, _MUE_CELLS, _NUCC_CELLS = 7, 4, 4
_ICD_WIDTH, _HCPCS_WIDTH = 78, 292  # up to the long text, up to the day on which a code ended
_NO_DATE = frozenset({"", "*", "00000000"})


def read_rows(name: str, file: IO[str], quarter: Quarter) -> Iterator[Row]:
    """Yield the rows of a set as its table has them: codes (code, billable, from, to), PTP (column 1, column 2, from, to,
    indicator), MUE (code, units, indicator), fee schedule (payer, procedure, modifier, cents, from, to).

    `file` is text opened with newline="". Errors: BrokenTable.
    """
    found = False
    for row in _READERS[name](file, quarter):
        found = True
        yield row
    if not found:
        raise BrokenTable("no_rows", 0)


def _day(told: str, line: int) -> date | None:
    told = told.strip()
    if told in _NO_DATE:
        return None
    try:
        return date.fromisoformat(f"{told[:4]}-{told[4:6]}-{told[6:]}")
    except ValueError as error:
        raise BrokenTable("bad_date", line) from error


def _icd10cm(file: Iterable[str], _: Quarter) -> Iterator[Row]:
    """Read the order file: number 1-5, code 7-13, header or not 15, short text 17-76, long text from 78."""
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        code = text[6:13].strip()
        if (
            not _ORDER.match(text)
            or text[14:15] not in ("0", "1")
            or not _DIAGNOSIS.fullmatch(code)
            or len(text.rstrip()) < _ICD_WIDTH
        ):
            raise BrokenTable("broken_row", line)
        yield code, text[14] == "1", None, None


def _hcpcs(file: Iterable[str], _: Quarter) -> Iterator[Row]:
    """Read the contractor file: code 1-5 (a modifier stands in 4-5), kind of record 11, added 269, effective 277, ended 285.

    The kinds: 3 a procedure's first record, 7 a modifier's, 4 and 8 more of the text.
    """
    modifiers = False
    for line, text in enumerate(file, start=1):
        kind = text[10:11]
        if not text.strip() or kind in ("4", "8"):
            continue
        shape, code = (_MODIFIER, text[:5].strip()) if kind == "7" else (_PROCEDURE, text[:5])
        if kind not in ("3", "7") or not shape.fullmatch(code) or len(text.rstrip("\r\n")) < _HCPCS_WIDTH:
            raise BrokenTable("broken_row", line)
        if kind == "7":
            if not modifiers:
                yield MODIFIER, False, None, None
            modifiers, code = True, MODIFIER + code
        yield code, True, _day(text[268:276], line), _day(text[284:292], line)


def _delimited(file: IO[str], is_first: Callable[[list[str]], bool]) -> Iterator[tuple[int, list[str]]]:
    """Yield rows from the first that is data on; headings that come again are passed over."""
    front = file.read(4096)
    file.seek(0)
    reader = csv.reader(file, delimiter="\t" if "\t" in front else ",")
    headings: set[tuple[str, ...]] = set()
    begun = False
    try:
        for cells in reader:
            begun = begun or is_first(cells)
            if not begun:
                headings.add(tuple(cells))
            elif any(cells) and tuple(cells) not in headings:
                yield reader.line_num, cells
    except csv.Error as error:
        raise BrokenTable("broken_row", reader.line_num) from error


def _is_procedure(cells: list[str]) -> bool:
    return bool(cells) and _PROCEDURE.fullmatch(cells[0].strip()) is not None


def _is_taxonomy(cells: list[str]) -> bool:
    return bool(cells) and _TAXONOMY.fullmatch(cells[0].strip()) is not None


def _taxonomy(file: IO[str], _: Quarter) -> Iterator[Row]:
    for line, cells in _delimited(file, _is_taxonomy):
        if not _is_taxonomy(cells) or len(cells) < _NUCC_CELLS:
            raise BrokenTable("broken_row", line)
        yield cells[0].strip(), True, None, None


def _ptp(file: IO[str], quarter: Quarter) -> Iterator[Row]:
    last = quarter.ends_on
    for line, cells in _delimited(file, _is_procedure):
        if len(cells) < _PTP_CELLS or not _is_procedure(cells) or not _PROCEDURE.fullmatch(cells[1].strip()):
            raise BrokenTable("broken_row", line)
        begins_on, indicator = _day(cells[3], line), cells[5].strip()[:1]
        if begins_on is None or indicator not in ("0", "1", "9"):
            raise BrokenTable("broken_row", line)
        if begins_on > last:
            raise BrokenTable("wrong_quarter", line)
        yield cells[0].strip(), cells[1].strip(), begins_on, _day(cells[4], line), indicator


def _mue(file: IO[str], _: Quarter) -> Iterator[Row]:
    for line, cells in _delimited(file, _is_procedure):
        if len(cells) < _MUE_CELLS or not _is_procedure(cells):
            raise BrokenTable("broken_row", line)
        units, indicator = cells[1].strip(), cells[2].strip()[:1]
        if not (units.isascii() and units.isdecimal()) or indicator not in ("1", "2", "3"):
            raise BrokenTable("broken_row", line)
        yield cells[0].strip(), int(units), indicator


_READERS: Final[Mapping[str, Callable[[IO[str], Quarter], Iterator[Row]]]] = {
    ICD10CM: _icd10cm,
    HCPCS: _hcpcs,
    TAXONOMY: _taxonomy,
    **dict.fromkeys(PTP_SETS, _ptp),
    **dict.fromkeys(MUE_SETS, _mue),
    FEE_SCHEDULE: lambda file, _: read_fees(file),
}
