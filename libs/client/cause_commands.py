"""The commands `recours root-causes`: their arguments; what they do is in causes.py and actions.py."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from libs.client import actions, causes
from libs.client.options import AsJson, From, To, day_of

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What is refused more often than the rest explains.")

CauseId = Annotated[str, typer.Argument(metavar="ID", help="as `recours root-causes list` shows it")]
ActionId = Annotated[UUID, typer.Argument(metavar="ACTION", help="as `recours root-causes actions` shows it")]


@app.command("list")
def list_root_causes(
    first: From = None,
    last: To = None,
    filter_: Annotated[list[str] | None, typer.Option("--filter", help="dimension:value, such as payer:1999999999")] = None,
    category: Annotated[list[str] | None, typer.Option(help="such as authorization; several: any of them")] = None,
    affected_min: Annotated[int | None, typer.Option(min=5, help="least refused lines of a finding")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="how many")] = 50,
    french: Annotated[bool, typer.Option("--french", help="sentences in French")] = False,
    as_json: AsJson = False,
) -> None:
    """Search a period, a year up to today if none is told, and show what it finds, what costs most first."""
    asked = {"from": day_of(first), "to": day_of(last), "filter": filter_, "category": category, "affected_min": affected_min}
    causes.show_list({**asked, "limit": limit}, french=french, as_json=as_json)


@app.command("claims")
def list_claims(
    root_cause: CauseId,
    first: From = None,
    last: To = None,
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 50,
    as_lines: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show the refused claims behind a root cause, newest first."""
    causes.show_claims(root_cause, {"from": day_of(first), "to": day_of(last)}, limit, as_lines=as_lines)


@app.command("plan")
def plan_action(
    root_cause: CauseId,
    owner: Annotated[str, typer.Option(help="who sees to it")],
    due: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="until when")],
    change: Annotated[str, typer.Option(help="what is changed; no patient data")],
    expected_rate: Annotated[float | None, typer.Option(min=0, max=1, help="to which rate refusals should fall: 0.05")] = None,
    began: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="since when it is so, as the finding says")] = None,
    as_json: AsJson = False,
) -> None:
    """Plan an action against a root cause."""
    told = {"owner": owner, "due_on": day_of(due), "change": change, "expected_rate": expected_rate, "began_on": day_of(began)}
    actions.plan(root_cause, told, as_json=as_json)


@app.command("actions")
def list_actions(
    root_cause: Annotated[str | None, typer.Option(metavar="ID", help="against this root cause alone")] = None,
    state: Annotated[str | None, typer.Option(help="planned, started, done, cancelled")] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 50,
    as_lines: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show actions, newest first."""
    actions.show_list({"root_cause_id": root_cause, "state": state}, limit, as_lines=as_lines)


@app.command("step")
def take_step(
    action: ActionId,
    step: Annotated[str, typer.Argument(help="start, finish, cancel or reopen")],
    by: Annotated[str, typer.Option(help="who says so")],
    note: Annotated[str, typer.Option(help="no patient data")] = "",
    effective: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="finish: from when the change holds")] = None,
    as_json: AsJson = False,
) -> None:
    """Move an action on."""
    actions.step(action, {"step": step, "by": by, "note": note, "effective_on": day_of(effective)}, as_json=as_json)


@app.command("effect")
def show_effect(
    action: ActionId,
    days: Annotated[int, typer.Option(min=7, max=730, help="how many days before and after are compared")] = 90,
    as_json: AsJson = False,
) -> None:
    """Say whether an action worked: before and after, with the cause and beside it."""
    actions.show_effect(action, days, as_json=as_json)


@app.command("rule")
def make_rule(
    root_cause: CauseId,
    effective_from: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day of service")],
    kind: Annotated[
        str | None, typer.Option(help="prior_authorization, referral, ordering_provider, attachment, same_day, refused")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="make it live; without, it is tried")] = False,
    version: Annotated[int | None, typer.Option(min=0, help="with --live: the version that the trial told")] = None,
    as_json: AsJson = False,
) -> None:
    """Try the payer's rule that warns of a root cause before a claim is sent, and then make it live."""
    told = {"effective_from": day_of(effective_from), "kind": kind, "dry_run": not live, "version": version}
    actions.make_rule(root_cause, told, as_json=as_json)
