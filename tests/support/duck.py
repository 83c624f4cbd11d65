"""Key figures counted by DuckDB over the raw events, without any code of the services (figures.sql)."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

_SQL = Path(__file__).with_name("figures.sql")


def figures(records: Iterable[Any], folder: Path, tenant: str = "local") -> dict[str, tuple[int, int | None]]:
    """Return (above, below) of each key figure from all records of all topics; `folder` takes them as a file."""
    file = folder / "events.ndjson"
    with file.open("w") as lines:
        for record in records:
            headers = dict(record.headers)
            if headers.get("ce_tenantid") == tenant.encode():  # a record that nobody can read has none
                told = {"topic": record.topic, "sequence": int(headers["ce_sequence"]), "data": json.loads(record.value)}
                lines.write(json.dumps(told) + "\n")
    with duckdb.connect() as connection:
        columns = "{topic: 'VARCHAR', sequence: 'BIGINT', data: 'JSON'}"
        read = f"read_json(?, format = 'newline_delimited', columns = {columns}, maximum_object_size = 8388608)"
        connection.execute(f"CREATE TABLE raw AS FROM {read}", [str(file)])
        connection.execute(_SQL.read_text())
        rows = connection.execute("SELECT kpi, coalesce(above, 0), below FROM figures").fetchall()
    return {kpi: (int(above), None if below is None else int(below)) for kpi, above, below in rows}
