"""`recours retention`: how long what is kept, in every service."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct

from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service, json_body

_COLUMNS: Final = (
    *(Column(title) for title in ("service", "kind", "days", "default", "least", "by", "at")),
    Column("what", min_width=20),
)


class Kept(Struct, frozen=True):
    kind: str
    about: str
    days: int
    default_days: int
    least_days: int
    changed_by: str | None
    changed_at: datetime | None


class _All(Struct, frozen=True):
    items: tuple[Kept, ...]


def show(names: Sequence[str], *, as_lines: bool) -> None:
    """List what each service keeps for how long. Errors: ClientError."""
    rows = []
    for name in names:
        with Service(name) as service:
            answer = service.get("/v1/retention", _All)
        if as_lines:
            print_json({"service": name, "retention": Raw(answer.raw)})
        rows += [_row(name, each) for each in answer.value.items]
    if not as_lines:
        print_rows(output(), _COLUMNS, rows)


def put(name: str, kind: str, days: int | None, *, as_json: bool) -> None:
    """Say how long a service keeps a kind; None: as long as for whoever says nothing. Errors: ClientError."""
    with Service(name) as service:
        answer = service.put(f"/v1/retention/{quote(kind, safe='')}", Kept, json_body({"days": days}))
    if as_json:
        print_json(Raw(answer.raw))
    else:
        output(errors=True).print(f"{name} keeps {plain(answer.value.kind)} for {answer.value.days} days.")


def _row(service: str, each: Kept) -> list[str]:
    at = "" if each.changed_at is None else each.changed_at.astimezone(UTC).strftime("%Y-%m-%d")
    days = (str(each.days), str(each.default_days), str(each.least_days))
    return [service, each.kind, *days, plain(each.changed_by or ""), at, each.about]
