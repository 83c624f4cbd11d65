"""`recours reports`: exports made by schedule, fetched; and the schedules."""

from datetime import date
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from libs.client.services import list_items
from libs.client.show import Column, output, print_json, print_rows
from libs.client.transport import Service, json_body

_REPORTS: Final = (
    Column("report", width=36),
    Column("what"),
    Column("format"),
    Column("shared"),
    Column("first day", width=10),
    Column("last day", width=10),
    Column("bytes", "right"),
)
_SCHEDULES: Final = (
    Column("schedule", width=36),
    Column("what"),
    Column("format"),
    Column("cadence"),
    Column("shared"),
    Column("next", width=10),
)


class Report(Struct, frozen=True):
    report_id: UUID
    what: str
    format: str
    shared: bool
    first_on: date
    last_on: date
    size_bytes: int | None


class Schedule(Struct, frozen=True):
    schedule_id: UUID
    what: str
    format: str
    cadence: str
    shared: bool
    next_on: date


def show_list(limit: int, *, as_lines: bool) -> None:
    """Show what schedules made, newest first."""
    with Service("analytics") as analytics:
        found = list(list_items(analytics, "/v1/reports", Report, {}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    rows = [
        (
            str(each.report_id),
            each.what,
            each.format,
            _word(each.shared),
            each.first_on.isoformat(),
            each.last_on.isoformat(),
            "too large" if each.size_bytes is None else f"{each.size_bytes:,}",
        )
        for each, _ in found
    ]
    print_rows(output(), _REPORTS, rows)


def schedule(told: dict[str, Any], *, as_json: bool) -> None:
    """Have a report made for each period."""
    with Service("analytics") as analytics:
        body = json_body(told, {"Idempotency-Key": str(uuid4())})
        answer = analytics.post_again("/v1/report-schedules", Schedule, body)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    output().print(f"{answer.value.schedule_id}: the first one is made on {answer.value.next_on}.")


def show_schedules(limit: int, *, as_lines: bool) -> None:
    with Service("analytics") as analytics:
        found = list(list_items(analytics, "/v1/report-schedules", Schedule, {}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    rows = [
        (str(each.schedule_id), each.what, each.format, each.cadence, _word(each.shared), each.next_on.isoformat())
        for each, _ in found
    ]
    print_rows(output(), _SCHEDULES, rows)


def _word(shared: bool) -> str:
    return "shared" if shared else ""


def unschedule(path: str, schedule_id: UUID, kept: str, *, as_json: bool) -> None:
    """End a schedule, of reports or of audits."""
    with Service("analytics") as analytics:
        analytics.delete(f"{path}/{schedule_id}")
    if as_json:
        print_json({"schedule_id": str(schedule_id), "ended": True})
    else:
        output().print(f"{schedule_id} has ended; {kept}")
