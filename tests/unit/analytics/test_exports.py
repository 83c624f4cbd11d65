"""Files of any size that no spreadsheet takes for a program."""

import csv
import io
import json
import random
import re
import tempfile
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import table_files as writing
from libs.common.table_files import Kind, as_csv, as_parquet, as_xlsx
from libs.common.workbooks import Workbook, letters
from tests.support.workbooks import sheets

COLUMNS: Mapping[str, Kind] = {"name": "text", "cents": "whole", "share": "number", "on": "day"}
ROWS: list[Sequence[Any]] = [("=1+1", -5, 0.5, date(2026, 1, 2)), ('é,\n"x"', 7, None, None), ("plain", None, 1.0, None)]


async def told(*parts: Sequence[Sequence[Any]]) -> AsyncIterator[Sequence[Sequence[Any]]]:
    for part in parts:
        yield part


async def made(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


_ESCAPED = (
    {"=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "'\t'=1", "\r=1": "'\r'=1", "\nx": "'\nx", " =1": " '=1"}
    | {"\uff1d1": "'\uff1d1", "X;=1+1": "X;'=1+1", 'X; "=1': "X; \"'=1", "a\t-5": "a\t'-5", "a\r\n@x": "a\r\n'@x"}
    | {same: same for same in ("", "a;b", "a, =1", "a -5", "a-b; c-d", '{"cents":-5}', "'=1")}
)


@pytest.mark.parametrize(("cell", "told"), _ESCAPED.items())
def test_a_text_that_begins_like_a_formula_is_escaped(cell: str, told: str) -> None:
    assert writing.harmless(cell) == told


def test_what_is_no_text_stays_what_it_is_and_no_text_keeps_anybody_busy() -> None:
    assert [writing.harmless(cell) for cell in (-5, None, 0.5, date(2026, 1, 2))] == [-5, None, 0.5, date(2026, 1, 2)]
    assert writing.harmless("\t" * 300_000 + ";x") == "'" + "\t" * 300_000 + ";x"
    assert len(writing.harmless(";=" * 100_000)) == 300_000


def opened(text: str, separator: str, *, with_quotes: bool = True) -> list[str]:
    """Return the cells of a file as a spreadsheet takes them: a quote means something at the beginning of a cell alone."""
    cells, place = [""], 0
    while place < len(text):
        if with_quotes and not cells[-1] and text[place] == '"':
            place += 1
            while place < len(text) and (text[place] != '"' or text[place : place + 2] == '""'):
                cells[-1] += text[place]
                place += 1 + (text[place] == '"')
            cells[-1] += "\0"  # it is begun, also where it is empty
        elif text[place] in (separator, "\r", "\n"):
            cells.append("")
        else:
            cells[-1] += text[place]
        place += 1
    return cells


texts = st.text(st.sampled_from("=+-@;,\t\r\n\" 'aX1\uff1d"), max_size=12)


@given(st.lists(st.tuples(texts, st.just(-5), texts, texts), min_size=1, max_size=3), st.sampled_from(",;\t"), st.booleans())
async def test_no_cell_is_a_formula_whichever_separator_a_program_takes(
    rows: list[tuple[Any, ...]], separator: str, with_quotes: bool
) -> None:
    text = (await made(as_csv(dict.fromkeys("abcd", "text"), told(rows)))).decode()
    cells = opened(text, separator, with_quotes=with_quotes or separator == ",")
    assert [cell for cell in cells if cell.lstrip('" \0')[:1] in tuple("=+-@\uff1d") and cell != "-5"] == []
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [[str(writing.harmless(cell)) for cell in row] for row in rows]


async def test_duckdb_reads_what_was_written(tmp_path: Path) -> None:
    rows = [("X;=1+1", -5, 0.5, date(2026, 1, 2)), ('é,\n"x";\t-1', 7, None, None), ("\u96ea", None, 1.0, None)]
    path = tmp_path / "made.csv"
    path.write_bytes(await made(as_csv(COLUMNS, told(rows))))
    with duckdb.connect() as connection:
        read = connection.execute(f"FROM read_csv('{path}', header = true, delim = ',', quote = '\"', escape = '\"')").fetchall()
    assert read == [(writing.harmless(name), *rest) for name, *rest in rows]


def test_tables_are_written_as_csv_in_one_place_alone() -> None:
    """What is escaped there is escaped in all four services, and by the client."""
    root = Path(writing.__file__).parents[2]
    found = [path for folder in ("libs", "services") for path in (root / folder).rglob("*.py")]
    writers = [
        path.relative_to(root).as_posix() for path in found if re.search(r"csv\.(writer|DictWriter)|to_csv", path.read_text())
    ]
    assert writers == ["libs/common/table_files.py"]


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


def book(rows: Sequence[Sequence[Any]], **limits: int) -> list[list[list[Any]]]:
    file = io.BytesIO()
    with Workbook(file, tuple(COLUMNS), **limits) as made_:
        made_.write(rows)
    return [sheet[1:] if sheet[0] == list(COLUMNS) else [] for sheet in sheets(file.getvalue())]


async def test_a_workbook_holds_no_formula_and_goes_on_in_another_sheet() -> None:
    (sheet,) = sheets(await made(as_xlsx(COLUMNS, told(ROWS[:1], ROWS[1:]))))
    assert sheet == [list(COLUMNS), ["=1+1", -5, 0.5, date(2026, 1, 2)], ['é,\n"x"', 7], ["plain", None, 1.0]]
    assert book(ROWS, rows_max=3) == [sheet[1:3], sheet[3:]]
    assert book(ROWS, bytes_max=1) == [[], [sheet[1]], [sheet[2]], [sheet[3]]]
    assert book([]) == [[]]


@pytest.mark.parametrize(
    "text",
    ["", " a\n b\t", "\r\n", "\x01\x1f", "_x000D_", "<&>", "\ufffe", "ゆき 雪 \U0001f600", "a" * 32_767, "\U0001f600" * 16_383],
)
def test_a_cell_holds_any_text(text: str) -> None:
    assert book([(text,)]) == [[[text]]]


def test_a_text_that_no_cell_can_hold_goes_on_to_the_right_of_the_table() -> None:
    long, wide = json.dumps(["CO-45"] * 9_000), "\U0001f600" * 16_384
    ((first, second),) = book([(long, 5, None, None), (wide, None, 0.5, date(2026, 1, 2))])
    assert ([len(str(first[0])), *first[1:5]], first[0] + "".join(first[5:])) == ([32_767, 5, None, None, "name"], long)
    assert json.loads(first[0] + "".join(first[5:])) == ["CO-45"] * 9_000
    assert second == ["\U0001f600" * 16_383, None, 0.5, date(2026, 1, 2), "name", "\U0001f600"]


def test_days_that_its_calendar_lacks_are_texts_and_columns_have_their_names() -> None:
    days = [(None, None, None, date(1900, 2, 28)), (None, None, None, date(1900, 3, 1))]
    assert book(days) == [[[None, None, None, "1900-02-28"], [None, None, None, date(1900, 3, 1)]]]
    assert [letters(place) for place in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_file_beyond_what_a_zip_tells_in_32_bits_has_no_member_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 4_000)
    rows = [(random.Random(seed).randbytes(200).hex(), None, None, None) for seed in range(60)]
    assert [row for sheet in book(rows, bytes_max=2_000) for row in sheet] == [[row[0]] for row in rows]


async def test_no_file_is_made_and_what_is_read_is_sent_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    read = 0

    async def rows() -> AsyncIterator[Sequence[Sequence[Any]]]:
        nonlocal read
        for read in range(1, 60):
            yield [(random.Random(read).randbytes(500).hex(), read, 0.5, date(2026, 1, 2)) for _ in range(20)]
        raise ConnectionResetError

    pieces = as_xlsx(COLUMNS, rows())
    assert sum([len(await anext(pieces)) for _ in range(20)]) > 10_000
    assert read == 20
    assert not _inside(tmp_path)
    await cast("AsyncGenerator[bytes]", pieces).aclose()  # who asked has gone
    with pytest.raises(ConnectionResetError):  # the database has cut it off
        await made(as_xlsx(COLUMNS, rows()))
    assert not _inside(tmp_path)


def _inside(folder: Path) -> list[Path]:
    return list(folder.iterdir())
