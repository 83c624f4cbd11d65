"""Tables written as files, piece by piece: what is read is written and let go, whatever the size."""

import csv
import io
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
    """Yield a workbook of as many sheets as its rows need."""
    sink = Sink()
    with Workbook(sink, tuple(columns)) as book:
        async for some in rows:
            book.write(some)
            yield sink.drain()
    yield sink.drain()


WRITERS: Final = {"csv": as_csv, "xlsx": as_xlsx, "parquet": as_parquet}
