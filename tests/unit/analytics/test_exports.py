"""Files of any size that no spreadsheet takes for a program."""

import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow.parquet as pq
import pytest

from libs.common import table_files as writing
from libs.common.table_files import Kind, as_csv, as_parquet, as_xlsx

COLUMNS: Mapping[str, Kind] = {"name": "text", "cents": "whole", "share": "number", "on": "day"}
ROWS: list[Sequence[Any]] = [("=1+1", -5, 0.5, date(2026, 1, 2)), ('é,\n"x"', 7, None, None), ("plain", None, 1.0, None)]


async def told(*parts: Sequence[Sequence[Any]]) -> AsyncIterator[Sequence[Sequence[Any]]]:
    for part in parts:
        yield part


async def made(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_a_text_that_begins_like_a_formula_is_escaped(cell: str) -> None:
    assert writing.harmless(cell) == f"'{cell}"


async def test_csv_has_its_header_and_numbers_stay_numbers() -> None:
    text = (await made(as_csv(COLUMNS, told(ROWS[:1], ROWS[1:])))).decode()
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [list(COLUMNS), ["'=1+1", "-5", "0.5", "2026-01-02"], ['é,\n"x"', "7", "", ""], ["plain", "", "1.0", ""]]
    assert (await made(as_csv(COLUMNS, told()))).decode().strip() == "name,cents,share,on"


async def test_parquet_is_what_was_written_group_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_GROUP_ROWS", 2)
    file = pq.ParquetFile(io.BytesIO(await made(as_parquet(COLUMNS, told(ROWS[:2], ROWS[2:])))))
    assert [tuple(row.values()) for row in file.read().to_pylist()] == ROWS
    assert file.num_row_groups == 2
    assert pq.read_table(io.BytesIO(await made(as_parquet(COLUMNS, told())))).num_rows == 0


async def test_a_workbook_holds_no_formula_and_goes_on_in_another_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHEET_ROWS_MAX", 3)
    book = zipfile.ZipFile(io.BytesIO(await made(as_xlsx(COLUMNS, told(ROWS)))))
    sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")]
    assert [len(re.findall("<row ", sheet)) for sheet in sheets] == [3, 2]
    assert not any("<f>" in sheet for sheet in sheets)
    assert "=1+1" in sheets[0]
