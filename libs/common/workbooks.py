"""Workbooks (XLSX) written as they go: rows in, pieces of a file out; nothing is held but a row, and nothing lies on the disk.

A workbook is a ZIP of XML. Its sheets are written first, one behind the other, and what names them at the end, when it is known how
many there are. Of what a sheet cannot hold nothing is lost: rows beyond its last go on in another sheet, and what is longer than a
cell goes on to the right of the table.
Source: ECMA-376 parts 1 (SpreadsheetML) and 2 (packages); Excel specifications and limits.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from io import RawIOBase
from typing import IO, Any, Final, Self, cast
from zipfile import ZIP_DEFLATED, ZipFile

SHEET_ROWS_MAX: Final = 1_048_576  # of the format, the header included
SHEET_BYTES_MAX: Final = 1 << 30  # a member of 2 GiB asks for ZIP64, with which Excel does not open one that is written as it goes
CELL_SIGNS_MAX: Final = 32_767
_LEVEL: Final = 3  # half the time of the usual 6, for a file some percent larger
_WIDE: Final = "\uffff"  # what is beyond counts as two signs
_FIRST_DAY: Final = date(1899, 12, 30)
_CALENDAR_BEGINS: Final = date(1900, 3, 1)  # before, Excel's has a day that never was

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPES: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_ROOT: Final = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_PLAIN: Final = 'numFmtId="0" fontId="0" fillId="0" borderId="0"'
_STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    f'<cellStyleXfs count="1"><xf {_PLAIN}/></cellStyleXfs><cellXfs count="2"><xf {_PLAIN} xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_SHEET_BEGIN: Final = f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode()
_SHEET_END: Final = b"</sheetData></worksheet>"
# What XML cannot hold, or would read as something else, and what would be read as such an escape.
_TO_ESCAPE: Final = re.compile(r"[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Workbook:
    """A workbook of one table, written to a file that may be unable to seek. It is whole when it is left without an error."""

    def __init__(
        self, file: IO[bytes] | RawIOBase, columns: Sequence[str], rows_max: int = SHEET_ROWS_MAX, bytes_max: int = SHEET_BYTES_MAX
    ) -> None:
        self._columns = columns
        self._letters = [letters(place) for place in range(len(columns))]
        self._rows_max, self._bytes_max = rows_max, bytes_max
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._zip.writestr("_rels/.rels", _ROOT)  # first, since by it programs tell such a file from another ZIP
        self._sheets = self._rows = self._bytes = 0
        self._sheet: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        sheets = range(1, self._sheets + 1)
        self._zip.writestr("xl/styles.xml", _STYLES)
        self._zip.writestr("xl/workbook.xml", _workbook(sheets))
        self._zip.writestr("xl/_rels/workbook.xml.rels", _relations(sheets))
        self._zip.writestr("[Content_Types].xml", _content_types(sheets))
        self._zip.close()

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows of texts, numbers, days and nothing (None)."""
        for row in rows:
            if self._rows >= self._rows_max or self._bytes >= self._bytes_max:
                self._end()
                self._begin()
            self._add(row)

    def _begin(self) -> None:
        self._sheets += 1
        self._rows = self._bytes = 0
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        self._sheet.write(_SHEET_BEGIN)
        self._add(self._columns)

    def _end(self) -> None:
        cast("IO[bytes]", self._sheet).write(_SHEET_END)
        cast("IO[bytes]", self._sheet).close()

    def _add(self, row: Sequence[Any]) -> None:
        self._rows += 1
        number, over = self._rows, list[str]()
        cells = []
        for place, cell in enumerate(row):
            if cell is None:
                continue
            if isinstance(cell, str) and len(cell) > CELL_SIGNS_MAX // 2:
                cell, *more = _cut(cell)  # noqa: PLW2901 - what its own cell holds of it
                over += [self._columns[place], *more] if more else []
            cells.append(_cell(f"{self._letters[place]}{number}", cell))
        cells += [_cell(f"{letters(place)}{number}", cell) for place, cell in enumerate(over, len(row))]
        told = f'<row r="{number}">{"".join(cells)}</row>'.encode()
        self._bytes += len(told)
        cast("IO[bytes]", self._sheet).write(told)


def letters(place: int) -> str:
    """Return the name of a column, from 0: A, B, ..., Z, AA, ..."""
    name = ""
    place += 1
    while place:
        place, last = divmod(place - 1, 26)
        name = chr(ord("A") + last) + name
    return name


def _cut(text: str) -> list[str]:
    """Cut a text into what cells hold, which count in UTF-16: a sign beyond the first plane is two there, and stays whole."""
    most = CELL_SIGNS_MAX if max(text) <= _WIDE else CELL_SIGNS_MAX // 2
    return [text[place : place + most] for place in range(0, len(text), most)]


def _cell(name: str, cell: Any) -> str:
    if isinstance(cell, date):
        if cell >= _CALENDAR_BEGINS:
            return f'<c r="{name}" s="1"><v>{(cell - _FIRST_DAY).days}</v></c>'
        cell = cell.isoformat()
    if isinstance(cell, str):
        kept = "" if cell == cell.strip() else ' xml:space="preserve"'
        return f'<c r="{name}" t="inlineStr"><is><t{kept}>{_TO_ESCAPE.sub(_escape, cell)}</t></is></c>'
    return f'<c r="{name}"><v>{cell}</v></c>'


def _escape(found: re.Match[str]) -> str:
    sign = found[0]
    return _ENTITIES.get(sign) or f"_x{ord(sign):04X}_"


def _listed(sheets: Iterable[int], line: str) -> Iterator[str]:
    return (line.format(number) for number in sheets)


def _workbook(sheets: Iterable[int]) -> str:
    told = "".join(_listed(sheets, '<sheet name="Sheet{0}" sheetId="{0}" r:id="rId{0}"/>'))
    return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{told}</sheets></workbook>'


def _relations(sheets: Sequence[int]) -> str:
    line = f'<Relationship Id="rId{{0}}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{{0}}.xml"/>'
    styles = f'<Relationship Id="rId{len(sheets) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{"".join(_listed(sheets, line))}{styles}</Relationships>'


def _content_types(sheets: Iterable[int]) -> str:
    line = f'<Override PartName="/xl/worksheets/sheet{{0}}.xml" ContentType="{_TYPES}.worksheet+xml"/>'
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>{"".join(_listed(sheets, line))}</Types>'
    )
