"""`recours root-causes plan|actions|step|effect|rule`: what is done about root causes, and whether it worked."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service, json_body

_ACTIONS: Final = (
    Column("action", width=36),
    Column("state", width=9),
    Column("due", width=10),
    Column("owner", min_width=12),
    Column("what is changed", min_width=30),
)


class Action(Struct, frozen=True):
    """What is read of an action."""

    action_id: UUID
    state: str
    next_steps: list[str]
    owner: str
    due_on: date
    change: str


class Counts(Struct, frozen=True):
    claims: int
    refused: int
    rate: float | None


class Observed(Struct, frozen=True):
    before: Counts
    after: Counts


class Effect(Struct, frozen=True):
    """What is read of an action's effect."""

    verdict: str
    difference: float | None
    low: float | None
    high: float | None
    avoided_claims: float | None
    apart_before: bool | None
    with_cause: Observed
    beside: Observed


class Rule(Struct, frozen=True):
    """What is read of a rule that was tried or made live."""

    payer_id: str
    rule: dict[str, Any]
    state: str
    version: int
    dry_run: dict[str, Any] | None


def plan(root_cause_id: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    body = json_body({name: value for name, value in told.items() if value is not None}, {"Idempotency-Key": str(uuid4())})
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/root-causes/{quote(root_cause_id, safe='')}/actions", Action, body)
    _print(answer, as_json=as_json)


def step(action_id: UUID, told: Mapping[str, Any], *, as_json: bool) -> None:
    body = json_body({name: value for name, value in told.items() if value is not None})
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/root-cause-actions/{action_id}/steps", Action, body)
    _print(answer, as_json=as_json)


def _print(answer: Answer[Action], *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    action = answer.value
    output().print(f"{action.action_id}: {action.state}; next: {', '.join(action.next_steps) or 'nothing'}.")


def show_list(asked: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    told = {name: value for name, value in asked.items() if value is not None}
    with Service("analytics") as analytics:
        found = list(list_items(analytics, "/v1/root-cause-actions", Action, told, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
        return
    rows = [[str(each.action_id), each.state, each.due_on.isoformat(), plain(each.owner), plain(each.change)] for each, _ in found]
    print_rows(output(), _ACTIONS, rows)


def show_effect(action_id: UUID, days: int, *, as_json: bool) -> None:
    with Service("analytics") as analytics:
        answer = analytics.get(f"/v1/root-cause-actions/{action_id}/effect", Effect, {"days": days})
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    console, found = output(), answer.value
    console.print(found.verdict.replace("_", " "))
    if found.difference is not None and found.low is not None and found.high is not None:
        points = f"{100 * found.difference:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
        console.print(f"{points} beside what changed anyway; {found.avoided_claims:,.0f} claims not refused because of it")
    for name, each in (("with the cause", found.with_cause), ("beside it", found.beside)):
        console.print(f"{name}: {_rate(each.before)} before, {_rate(each.after)} after", style="dim")
    if found.apart_before:
        console.print("The two moved apart before the action already: doubt the comparison.")


def _rate(each: Counts) -> str:
    return "no claims" if each.rate is None else f"{each.rate:.1%} of {each.claims:,}"


def make_rule(root_cause_id: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    body = json_body({name: value for name, value in told.items() if value is not None})
    with Service("analytics") as analytics:
        answer = analytics.post_again(f"/v1/root-causes/{quote(root_cause_id, safe='')}/rule", Rule, body)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    console, found = output(), answer.value
    console.print(f"{plain(found.payer_id)}: {found.state.replace('_', ' ')}, version {found.version}")
    console.print(msgspec.json.encode(found.rule).decode(), soft_wrap=True)
    if found.dry_run is not None:
        claims, flagged, now = (found.dry_run.get(name) for name in ("claims", "flagged", "flagged_now"))
        console.print(f"of the payer's last {claims} claims it would have warned of {flagged}; its rules now warn of {now}")
        for warning in found.dry_run.get("warnings", []):
            console.print(plain(str(warning)))
        console.print(f"Make it live: --live --version {found.version}", style="dim")
