"""`recours audits`: samples planned, reviewed and read; `recours export`: tables as files."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from msgspec import Raw, Struct, field

from libs.client.errors import ClientError
from libs.client.fetching import part_of
from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service, json_body
from libs.common.money import dollars

_POLL_SECONDS: Final = 0.5
_AUDITS: Final = (
    Column("audit", width=36),
    Column("state"),
    Column("method"),
    Column("as of"),
    Column("denials", "right"),
    Column("final", "right"),
)
_SCHEDULES: Final = (Column("schedule", width=36), Column("cadence"), Column("method"), Column("next"))
_ITEMS: Final = (
    Column("item", "right"),
    Column("state"),
    Column("denial", width=36),
    Column("category"),
    Column("action"),
    Column("denied", "right"),
    Column("payer"),
)
_ESTIMATES: Final = (
    Column("error"),
    Column("found", "right"),
    Column("of denials", "right"),
    Column("of dollars", "right"),
    Column("dollars", "right"),
)


class Plan(Struct, frozen=True):
    method: str
    reviewers: list[str]


class Audit(Struct, frozen=True):
    audit_id: UUID
    state: str
    reason: str | None
    plan: Plan
    as_of: str
    denials: int
    items: int
    items_final: int


class Schedule(Struct, frozen=True):
    schedule_id: UUID
    cadence: str
    plan: Plan
    next_on: str


class Item(Struct, frozen=True):
    item: int
    state: str
    denial_id: UUID
    category: str
    action: str
    denied_cents: int
    payer: str


class Share(Struct, frozen=True):
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%})"


class Estimate(Struct, frozen=True):
    finding: str
    errors: int
    rate: Share | None
    dollar_rate: Share
    dollars_cents: int
    dollars_low_cents: int
    dollars_high_cents: int


class Agreement(Struct, frozen=True):
    question: str
    items: int
    agreed: int
    kappa: float | None


class Results(Struct, frozen=True):
    estimates: list[Estimate]
    agreement: list[Agreement] = field(default_factory=list)


def filter_of(told: Sequence[str]) -> dict[str, list[str]]:
    """Return filters by dimension as a plan has them. Errors: ClientError where one names no dimension."""
    found: dict[str, list[str]] = {}
    for each in told:
        dimension, colon, value = each.partition(":")
        if not colon:
            raise ClientError("--filter is dimension:value, such as payer:1999999999.")
        found.setdefault(dimension, []).append(value)
    return found


def plan(told: Mapping[str, Any], *, as_json: bool) -> int:
    """Plan an audit and wait until its sample is drawn; return 1 where there is none."""
    known = {name: value for name, value in told.items() if value is not None}
    with Service("analytics") as analytics:
        body = json_body(known, {"Idempotency-Key": str(uuid4())})
        answer = analytics.post_again("/v1/audits", Audit, body)
        while answer.value.state == "drawing":
            time.sleep(_POLL_SECONDS)
            answer = analytics.get(f"/v1/audits/{answer.value.audit_id}", Audit)
    if as_json:
        print_json(Raw(answer.raw))
    else:
        print_rows(output(), _AUDITS, [_row(answer.value)])
        if answer.value.reason:
            output(errors=True).print(f"Nothing was drawn: {plain(answer.value.reason)}.")
    return int(answer.value.state == "failed")


def show_list(limit: int, *, as_lines: bool) -> None:
    """Show audits, newest first."""
    with Service("analytics") as analytics:
        found = list(list_items(analytics, "/v1/audits", Audit, {}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    print_rows(output(), _AUDITS, [_row(audit) for audit, _ in found])


def _row(audit: Audit) -> tuple[str, ...]:
    final = f"{audit.items_final:,} of {audit.items:,}"
    return (str(audit.audit_id), audit.state, audit.plan.method, audit.as_of, f"{audit.denials:,}", final)


def cancel(audit_id: UUID, *, as_json: bool) -> None:
    """End an audit that is under way."""
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/audits/{audit_id}:cancel", Audit, json_body({}))
    _changed(answer.raw, answer.value, as_json=as_json)


def reassign(audit_id: UUID, reviewer: str, successor: str, *, as_json: bool) -> None:
    """Put another person in the place of a reviewer."""
    told = json_body({"reviewer": reviewer, "successor": successor})
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/audits/{audit_id}:reassign", Audit, told)
    _changed(answer.raw, answer.value, as_json=as_json)


def _changed(raw: bytes, audit: Audit, *, as_json: bool) -> None:
    if as_json:
        print_json(Raw(raw))
    else:
        output().print(f"{audit.audit_id} is {audit.state}; reviewers: {plain(', '.join(audit.plan.reviewers))}.", soft_wrap=True)


def schedule(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Have an audit drawn for each period."""
    with Service("analytics") as analytics:
        answer = analytics.post_again("/v1/audit-schedules", Schedule, json_body(told, {"Idempotency-Key": str(uuid4())}))
    if as_json:
        print_json(Raw(answer.raw))
        return
    output().print(f"{answer.value.schedule_id}: the first one is drawn on {answer.value.next_on}.")


def show_schedules(limit: int, *, as_lines: bool) -> None:
    """Show schedules, newest first."""
    with Service("analytics") as analytics:
        found = list(list_items(analytics, "/v1/audit-schedules", Schedule, {}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    rows = [(str(each.schedule_id), each.cadence, each.plan.method, each.next_on) for each, _ in found]
    print_rows(output(), _SCHEDULES, rows)


def show_items(audit_id: UUID, state: str | None, limit: int, *, as_lines: bool) -> None:
    """Show a sample, as it was drawn."""
    with Service("analytics") as analytics:
        found = list(list_items(analytics, f"/v1/audits/{audit_id}/items", Item, {"state": state}, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    rows = [
        (str(each.item), each.state, str(each.denial_id), each.category, each.action, dollars(each.denied_cents), plain(each.payer))
        for each, _ in found
    ]
    print_rows(output(), _ITEMS, rows)


def review(audit_id: UUID, item: int, form: Mapping[str, Any], *, as_json: bool) -> None:
    """Fill in the review form of an item."""
    with Service("analytics") as analytics:
        answer = analytics.put(f"/v1/audits/{audit_id}/items/{item}/review", Item, json_body(form))
    _told(answer.raw, answer.value, as_json=as_json)


def settle(audit_id: UUID, item: int, form: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what holds of an item in which two reviews differ."""
    with Service("analytics") as analytics:
        answer = analytics.put(f"/v1/audits/{audit_id}/items/{item}/settlement", Item, json_body(form))
    _told(answer.raw, answer.value, as_json=as_json)


def _told(raw: bytes, item: Item, *, as_json: bool) -> None:
    if as_json:
        print_json(Raw(raw))
    else:
        output().print(f"Item {item.item} is {item.state}.")


def show_results(audit_id: UUID, *, as_json: bool) -> None:
    """Show what an audit found."""
    with Service("analytics") as analytics:
        answer = analytics.get(f"/v1/audits/{audit_id}/results", Results)
    if as_json:
        print_json(Raw(answer.raw))
        return
    rows = [
        (
            each.finding,
            f"{each.errors:,}",
            "-" if each.rate is None else str(each.rate),
            str(each.dollar_rate),
            f"{dollars(each.dollars_cents)} ({dollars(each.dollars_low_cents)} to {dollars(each.dollars_high_cents)})",
        )
        for each in answer.value.estimates
    ]
    console = output()
    print_rows(console, _ESTIMATES, rows)
    for agreed in answer.value.agreement:
        kappa = "" if agreed.kappa is None else f", kappa {agreed.kappa:.2f}"
        console.print(f"{agreed.question}: {agreed.agreed:,} of {agreed.items:,} alike{kappa}")


def fetch(path: str, query: Mapping[str, Any], to: Path, *, as_json: bool, service: str = "analytics") -> None:
    """Fetch a file, under another name until it is whole."""
    part = part_of(to)
    with Service(service) as asked, part.open("wb") as file:
        size_bytes = asked.download(path, query, file)
    part.replace(to)
    if as_json:
        print_json(Raw(json.dumps({"file": str(to), "size_bytes": size_bytes}).encode()))
    else:
        output(errors=True).print(f"{plain(str(to))}: {size_bytes:,} bytes.", soft_wrap=True)
