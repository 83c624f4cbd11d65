"""Workbooks (XLSX) as another program reads them."""

import io
import re
from datetime import date, datetime
from typing import Any

from openpyxl import load_workbook

Cell = str | int | float | date | None


def sheets(file: bytes) -> list[list[list[Cell]]]:
    """Return the rows of each sheet; cells behind a row's last one are left out. Errors: AssertionError on a formula."""
    return [[_trimmed([_value(cell) for cell in row]) for row in sheet.iter_rows()] for sheet in load_workbook(io.BytesIO(file))]


def _trimmed(row: list[Cell]) -> list[Cell]:
    while row and row[-1] is None:
        row.pop()
    return row


def _value(cell: Any) -> Cell:
    assert cell.data_type != "f"
    value: Cell = cell.value
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):  # what XML cannot hold is written so by the standard, and left so by openpyxl
        return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), value)
    return value
