"""Workbooks (XLSX) as somebody else reads them: cells with their types, by the standard alone."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from xml.etree import ElementTree as ET

Cell = str | int | float | date | None
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_FIRST_DAY: Final = date(1899, 12, 30)


def sheets(file: bytes) -> list[list[list[Cell]]]:
    """Return the rows of each sheet that the workbook names; what is not there is None. Errors: AssertionError on a formula."""
    book = zipfile.ZipFile(io.BytesIO(file))
    assert book.testzip() is None
    named = ET.fromstring(book.read("xl/workbook.xml")).iter(f"{_MAIN}sheet")  # noqa: S314 - our own file
    return [list(_rows(book.read(f"xl/worksheets/sheet{number}.xml"))) for number, _ in enumerate(named, start=1)]


def _rows(sheet: bytes) -> Iterator[list[Cell]]:
    for number, row in enumerate(ET.fromstring(sheet).iter(f"{_MAIN}row"), start=1):  # noqa: S314 - our own file
        assert row.get("r") == str(number)
        cells: dict[int, Cell] = {}
        for cell in row:
            name = re.fullmatch(rf"([A-Z]+){number}", cell.get("r", ""))
            assert name
            assert cell.find(f"{_MAIN}f") is None
            cells[_place(name[1])] = _value(cell)
        yield [cells.get(place) for place in range(max(cells, default=-1) + 1)]


def _place(name: str) -> int:
    place = 0
    for letter in name:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def _value(cell: ET.Element) -> Cell:
    if cell.get("t") == "inlineStr":
        text = cell.find(f"{_MAIN}is/{_MAIN}t")
        assert text is not None
        return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text.text or "")
    told = cell.findtext(f"{_MAIN}v", "")
    if cell.get("s") == "1":  # the style of days
        return _FIRST_DAY + timedelta(days=int(told))
    return float(told) if "." in told or "e" in told else int(told)
