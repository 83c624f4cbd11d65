"""`recours reference`: which tables are loaded, and loading one."""

from contextlib import ExitStack
from typing import Final

from msgspec import Raw
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from libs.client import services, sources
from libs.client.shapes import Release
from libs.client.show import Column, output, print_json, print_rows
from libs.client.transport import Service

_COLUMNS: Final = (Column("set"), Column("quarter"), Column("holds from"), Column("rows", "right"), Column("loaded"))


def show(*, as_json: bool) -> None:
    """Show what is loaded."""
    with Service("ingest") as ingest:
        answer = services.get_reference(ingest)
    if as_json:
        print_json(Raw(answer.raw))
        return
    _print(answer.value.releases)
    if answer.value.not_loaded:
        output(errors=True).print(f"Nothing is loaded of {', '.join(answer.value.not_loaded)}.")


def load(name: str, files: list[str], quarter: str | None, *, smaller: bool) -> None:
    """Load the files of one release, one after the other as one."""
    errors = output(errors=True)
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with ExitStack() as open_, Service("ingest") as ingest, Progress(*parts, console=errors, transient=True) as bars:
        opened = [open_.enter_context(source.open()) for source in sources.find(files)]
        body = sources.joined(opened, lambda sent: bars.update(task, completed=sent))
        task = bars.add_task(f"sending {name}", total=body.size_bytes)
        answer = services.load_reference(ingest, name, body, {"quarter": quarter, "smaller": smaller or None})
    _print([answer.value])


def _print(releases: list[Release]) -> None:
    rows = [
        (each.name, each.quarter, each.begins_on.isoformat(), f"{each.rows:,}", f"{each.loaded_at:%Y-%m-%d %H:%M}")
        for each in releases
    ]
    print_rows(output(), _COLUMNS, rows)
