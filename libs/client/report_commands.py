"""The commands `recours reports` and `recours scorecards`: their arguments; what they do is in reports.py and scorecards.py."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from libs.client import audits, reports, scorecards
from libs.client.options import AsJson, AsLines, Limit, day_of

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Exports that are made by schedule.")

ScheduleId = Annotated[UUID, typer.Argument(metavar="SCHEDULE", help="as the list of schedules shows it")]
Cadence = Annotated[str, typer.Option(help="weekly, monthly or quarterly")]


@app.command("list")
def list_reports(limit: Limit = 50, as_lines: AsLines = False) -> None:
    """Show what schedules made, newest first."""
    reports.show_list(limit, as_lines=as_lines)


@app.command("get")
def get_report(
    report: Annotated[UUID, typer.Argument(metavar="REPORT", help="as the list shows it")],
    to: Annotated[Path, typer.Option("--output", "-o", help="the file to write")],
    as_json: AsJson = False,
) -> None:
    """Fetch a report's file."""
    audits.fetch(f"/v1/reports/{report}", {}, to, as_json=as_json)


@app.command("schedule")
def schedule_report(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="denials or kpis")],
    cadence: Cadence = "monthly",
    form: Annotated[str, typer.Option("--format", help="csv, xlsx or parquet")] = "csv",
    shared: Annotated[bool, typer.Option("--shared", help="key figures to be shown outside: small cells are left out")] = False,
    as_json: AsJson = False,
) -> None:
    """Have an export made for each week, month or quarter, on the day after it."""
    reports.schedule({"what": what, "cadence": cadence, "format": form, "shared": shared}, as_json=as_json)


@app.command("schedules")
def list_schedules(limit: Limit = 50, as_lines: AsLines = False) -> None:
    """Show schedules, newest first."""
    reports.show_schedules(limit, as_lines=as_lines)


@app.command("unschedule")
def unschedule_report(schedule: ScheduleId, as_json: AsJson = False) -> None:
    """End a schedule; the reports that it made go with it."""
    reports.unschedule("/v1/report-schedules", schedule, "its reports are gone.", as_json=as_json)


def show_scorecards(
    by: Annotated[str, typer.Argument(metavar="BY", help="payer, provider, facility or coder")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day, included")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, included")],
    shared: Annotated[bool, typer.Option("--shared", help="to be shown outside: small cells are left out")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how each of them does, beside its own period before and the mean."""
    asked = {"from": day_of(first), "to": day_of(last), "shared": "true" if shared else None}
    scorecards.show(by, asked, as_json=as_json)
