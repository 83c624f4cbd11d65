"""`recours reference`: which tables are loaded, and loading one."""

import time
from contextlib import ExitStack
from typing import Final

from msgspec import Raw
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from libs.client import services, sources
from libs.client.errors import ClientError, Unreachable
from libs.client.shapes import Load, Release
from libs.client.show import Column, output, print_json, print_rows
from libs.client.transport import Answer, Service

_FINAL: Final = frozenset({"live", "refused", "failed"})
_POLL_SECONDS: Final = (0.1, 1.0)
_STILL_SECONDS: Final = 300
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


def load(name: str, files: list[str], quarter: str | None, *, smaller: bool, as_json: bool) -> None:
    """Load the files of one release, one after the other as one."""
    errors = output(errors=True)
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with ExitStack() as open_, Service("ingest") as ingest, Progress(*parts, console=errors, transient=True) as bars:
        opened = [open_.enter_context(source.open()) for source in sources.find(files)]
        body = sources.joined(opened, lambda sent: bars.update(task, completed=sent))
        task = bars.add_task(f"sending {name}", total=body.size_bytes)
        answer = services.load_reference(ingest, name, body, {"quarter": quarter, "smaller": smaller or None})
        bars.remove_task(task)
        answer = _watch(ingest, answer, bars)
        load = answer.value
        if load.status != "live":
            at = "" if load.line is None else f" Line {load.line}."
            raise ClientError(f"The table was {load.status}: {load.message}{at}")
        releases = services.get_reference(ingest).value.releases
    if as_json:
        print_json(Raw(answer.raw))
        return
    _print([each for each in releases if (each.name, each.quarter) == (load.name, load.quarter)])


def _watch(ingest: Service, answer: Answer[Load], bars: Progress) -> Answer[Load]:
    """Ask how far a load is until it has ended. Errors: Unreachable when nothing moves for long."""
    task = bars.add_task(f"loading {answer.value.name}", total=answer.value.progress.bytes_total)
    location, pause, moved_at = answer.location, _POLL_SECONDS[0], time.monotonic()
    while location is not None and answer.value.status not in _FINAL:
        bars.update(task, completed=answer.value.progress.bytes_read)
        if time.monotonic() - moved_at > _STILL_SECONDS:
            raise Unreachable(
                f"ingest has not read on for {_STILL_SECONDS} s; what it received is safe, ask {ingest.url}{location}."
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _POLL_SECONDS[1])
        before, answer = answer, services.get_load(ingest, location)
        if answer.raw != before.raw:
            moved_at = time.monotonic()
    return answer


def _print(releases: list[Release]) -> None:
    rows = [
        (each.name, each.quarter, each.begins_on.isoformat(), f"{each.rows:,}", f"{each.loaded_at:%Y-%m-%d %H:%M}")
        for each in releases
    ]
    print_rows(output(), _COLUMNS, rows)
