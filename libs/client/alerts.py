"""`recours alerts`: payers that refuse more than usual."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.client import services
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service, json_body
from libs.common.money import dollars

_SHOWN_DAYS: Final = 20
_LIST: Final = (
    Column("since", width=10),
    Column("status", width=12),
    Column("payer", width=24),
    Column("category", width=24),
    Column("rate", "right"),
    Column("usual", "right"),
    Column("beyond usual", "right"),
    Column("id", width=36),
)
_POINTS: Final = (
    Column("day", width=10),
    Column("claims", "right"),
    Column("denied", "right"),
    Column("usual", "right"),
    Column("limit", "right"),
    Column("evidence", "right"),
    Column("state"),
)


class Alert(Struct, frozen=True):
    alert_id: UUID
    payer_id: str
    payer_name: str | None
    category: str | None
    status: str
    began_on: date
    denial_rate: float
    usual_rate: float
    excess_cents: int
    summary: str
    resolution: str | None
    version: int


class Point(Struct, frozen=True):
    on: date
    claims: int
    denied: int
    expected: float | None
    upper_limit: float | None
    evidence: float
    state: str


class Chart(Struct, frozen=True):
    payer_name: str | None
    state: str
    points: list[Point]


class LifeStep(Struct, frozen=True):
    what: str
    who: str
    at: datetime
    note: str | None


class AlertDetail(Alert, frozen=True):
    points: list[Point]
    history: list[LifeStep]


def show_list(filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show alerts."""
    with Service("analytics") as analytics:
        found = list(services.list_items(analytics, "/v1/alerts", Alert, filters, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
    elif found:
        print_rows(output(), _LIST, [_row(alert) for alert, _ in found])
    else:
        output(errors=True).print("Nobody refuses more than usual.")


def _row(each: Alert) -> list[str]:
    return [
        each.began_on.isoformat(),
        each.resolution or each.status,
        plain(each.payer_name or each.payer_id),
        plain(each.category or "all"),
        f"{each.denial_rate:.1%}",
        f"{each.usual_rate:.1%}",
        dollars(each.excess_cents),
        str(each.alert_id),
    ]


def show(alert_id: UUID, *, as_json: bool) -> None:
    """Show one alert."""
    with Service("analytics") as analytics:
        _print(analytics.get(f"/v1/alerts/{alert_id}", AlertDetail), as_json=as_json)


def take(alert_id: UUID, step: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    """Take a step with an alert as it stands now: whoever changed it meanwhile is not overruled."""
    with Service("analytics") as analytics:
        version = analytics.get(f"/v1/alerts/{alert_id}", AlertDetail).value.version
        body = json_body({name: value for name, value in told.items() if value is not None}, {"If-Match": f'"{version}"'})
        _print(analytics.post_again(f"/v1/alerts/{alert_id}:{step}", AlertDetail, body), as_json=as_json)


def chart(payer: str, category: str | None, *, as_json: bool) -> None:
    """Show a payer's chart, whether it has an alert or not."""
    with Service("analytics") as analytics:
        answer = analytics.get("/v1/charts", Chart, {"payer": payer, "category": category})
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    output().print(plain(f"{answer.value.payer_name or payer}, {category or 'all refusals'}: {answer.value.state}"))
    print_rows(output(), _POINTS, [_point(each) for each in answer.value.points[-_SHOWN_DAYS:]])


def _print(answer: Answer[AlertDetail], *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    alert, console = answer.value, output()
    console.print(plain(alert.summary))
    console.print(f"{alert.status}{f' ({alert.resolution})' if alert.resolution else ''}", style="dim")
    print_rows(console, _POINTS, [_point(each) for each in alert.points[-_SHOWN_DAYS:]])
    for each in alert.history:
        console.print(f"{each.at:%Y-%m-%d %H:%M} {each.what} by {plain(each.who)}{f': {plain(each.note)}' if each.note else ''}")


def _point(each: Point) -> list[str]:
    shares = ["" if share is None else f"{share:.1%}" for share in (each.expected, each.upper_limit)]
    return [each.on.isoformat(), f"{each.claims:,}", f"{each.denied:,}", *shares, f"{each.evidence:.1f}", each.state]
