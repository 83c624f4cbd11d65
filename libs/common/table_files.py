"""Tables written as files, piece by piece: what is read is written and let go, whatever the size."""

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Literal

from libs.common.sink import Sink
from libs.common.workbooks import Workbook

Kind = Literal["text", "whole", "number", "day"]
Rows = AsyncIterator[Sequence[Sequence[Any]]]
Format = Literal["csv", "xlsx", "parquet"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
_GROUP_ROWS: Final = 20_000
# What a formula begins with, also in the wide forms of East Asian keyboards.
_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# What a spreadsheet may take for the end of a cell, where it took no quote before it for one: `;` where a comma is in numbers (as
# in French), a tab where somebody says so, the end of a line. Behind it blanks and quotes are taken away: they hide no formula.
_ENDS: Final = (";", "\t", "\r", "\n")
_BETWEEN: Final = r'\s\x00-\x1f";'
_BEFORE_FORMULA: Final = re.compile(rf"(?<![{_BETWEEN}])[{_BETWEEN}]*+(?=[{_FORMULA}])")  # in one pass, whatever the text
_SUSPECT: Final = re.compile(rf"[{_BETWEEN}{_FORMULA}]|[^;\t\r\n]*+[;\t\r\n]")  # nearly no text is


def harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula, nor for several of which one is, whichever separator it reads by.

    An apostrophe stands before what would begin one, and before a text that begins with a tab or the end of a line.
    """
    if not isinstance(cell, str) or not _SUSPECT.match(cell):
        return cell
    told = _BEFORE_FORMULA.sub(_guarded, cell)
    return f"'{told}" if told.startswith(_ENDS[1:]) else told


def _guarded(found: re.Match[str]) -> str:
    return f"{found[0]}'" if found.start() == 0 or any(end in found[0] for end in _ENDS) else found[0]


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
    """Yield a workbook of as many sheets as its rows need."""
    sink = Sink()
    with Workbook(sink, tuple(columns)) as book:
        async for some in rows:
            book.write(some)
            yield sink.drain()
    yield sink.drain()


WRITERS: Final = {"csv": as_csv, "xlsx": as_xlsx, "parquet": as_parquet}
