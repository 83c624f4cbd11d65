"""Tables written as files, piece by piece: what is read is written and let go, whatever the size."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

from libs.common.sink import Sink

Kind = Literal["text", "whole", "number", "day"]
Rows = AsyncIterator[Sequence[Sequence[Any]]]
Format = Literal["csv", "xlsx", "parquet"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
SHEET_ROWS_MAX: Final = 1_048_576  # of the format, the header included
_PIECE_BYTES: Final = 256 * 1024
_GROUP_ROWS: Final = 20_000
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: a text that begins like one gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA) else cell


async def as_csv(columns: Mapping[str, Kind], rows: Rows) -> AsyncIterator[bytes]:
    """Yield CSV (RFC 4180, UTF-8)."""
    held = io.StringIO(newline="")
    writer = csv.writer(held)
    writer.writerow(columns)
    async for some in rows:
        writer.writerows([[harmless(cell) for cell in row] for row in some])
        yield held.getvalue().encode()
        held.seek(0)
        held.truncate()
    yield held.getvalue().encode()


async def as_parquet(columns: Mapping[str, Kind], rows: Rows) -> AsyncIterator[bytes]:
    """Yield Parquet, a row group for every 20,000 rows."""
    import pyarrow as pa  # noqa: PLC0415 - 60 MB that only a Parquet export has a use for
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "day": pa.date32()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    sink = Sink()
    waiting: list[Sequence[Any]] = []
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        async for some in rows:
            waiting += some
            if len(waiting) >= _GROUP_ROWS:
                writer.write_table(_table(pa, schema, waiting))
                waiting = []
                yield sink.drain()
        if waiting:
            writer.write_table(_table(pa, schema, waiting))
    yield sink.drain()


def _table(pa: Any, schema: Any, rows: Sequence[Sequence[Any]]) -> Any:
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)], schema=schema
    )


async def as_xlsx(columns: Mapping[str, Kind], rows: Rows) -> AsyncIterator[bytes]:
    """Yield a workbook of as many sheets as its rows need. It is a ZIP with its directory at the end, made on disk first."""
    import xlsxwriter  # noqa: PLC0415 - as above

    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet, place = _sheet(book, columns), 1
        async for some in rows:
            for row in some:
                if place >= SHEET_ROWS_MAX:
                    sheet, place = _sheet(book, columns), 1
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(place, column, cell)  # never a formula, whatever it begins with
                    elif isinstance(cell, date):
                        sheet.write_datetime(place, column, cell, day)
                    elif cell is not None:
                        sheet.write_number(place, column, cell)
                place += 1
        await asyncio.to_thread(book.close)  # packs the whole workbook: seconds, if it is large
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _sheet(book: Any, columns: Mapping[str, Kind]) -> Any:
    sheet = book.add_worksheet()
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name)
    return sheet


WRITERS: Final = {"csv": as_csv, "xlsx": as_xlsx, "parquet": as_parquet}
