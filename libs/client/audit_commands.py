"""The commands `recours audits` and `recours export`: their arguments; what they do is in audits.py."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from libs.client import audits, reports
from libs.client.options import AsJson, AsLines, From, Limit, To, day_of

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Samples of denials, and what they say of all.")
AuditId = Annotated[UUID, typer.Argument(metavar="AUDIT")]
ItemNumber = Annotated[int, typer.Argument(metavar="ITEM", min=1)]
AsOf = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="of what was known on that evening")]
ClassificationRight = Annotated[bool, typer.Option("--classification-right/--classification-wrong")]
CodeRight = Annotated[bool, typer.Option("--code-right/--code-wrong")]
Documented = Annotated[bool, typer.Option("--documented/--not-documented")]
Category = Annotated[str | None, typer.Option(help="what it is, where the classification is wrong")]
Action = Annotated[str | None, typer.Option(help="what is to be done, where the classification is wrong")]
Filter = Annotated[
    list[str] | None,
    typer.Option("--filter", help="dimension:value, such as payer:1999999999; several of one dimension: any of them"),
]
Note = Annotated[str, typer.Option(help="why; no patient's data")]


@app.command("plan")
def plan_audit(
    reviewer: Annotated[list[str], typer.Option(help="whose token reviews; said twice: there are two")],
    method: Annotated[str, typer.Option(help="simple, stratified, dollar_unit or risk_weighted")] = "simple",
    stratify_by: Annotated[str | None, typer.Option(help="payer, category, ...; of a stratified sample")] = None,
    confidence: float = 0.95,
    precision: Annotated[float, typer.Option(help="half the width of the interval")] = 0.05,
    expected_rate: Annotated[float, typer.Option(help="the error rate that is expected")] = 0.5,
    seed: str = "1",
    filter_: Filter = None,
    first: From = None,
    last: To = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Plan an audit, and wait until its sample is drawn. Exit status 1: there is nothing to draw from."""
    told: dict[str, Any] = {"reviewers": reviewer, "method": method, "stratify_by": stratify_by, "confidence": confidence}
    told |= {"precision": precision, "expected_rate": expected_rate, "seed": seed, "from": day_of(first), "to": day_of(last)}
    told |= {"filter": audits.filter_of(filter_ or ())}
    raise typer.Exit(audits.plan(told | {"as_of": day_of(as_of)}, as_json=as_json))


@app.command("schedule")
def schedule_audit(
    reviewer: Annotated[list[str], typer.Option(help="whose token reviews; said twice: there are two")],
    cadence: Annotated[str, typer.Option(help="weekly, monthly or quarterly")] = "monthly",
    method: Annotated[str, typer.Option(help="simple, stratified, dollar_unit or risk_weighted")] = "simple",
    stratify_by: Annotated[str | None, typer.Option(help="payer, category, ...; of a stratified sample")] = None,
    confidence: float = 0.95,
    precision: Annotated[float, typer.Option(help="half the width of the interval")] = 0.05,
    expected_rate: Annotated[float, typer.Option(help="the error rate that is expected")] = 0.5,
    seed: str = "1",
    filter_: Filter = None,
    as_json: AsJson = False,
) -> None:
    """Have an audit drawn of what came to be known in each week, month or quarter, on the day after it."""
    told: dict[str, Any] = {"reviewers": reviewer, "method": method, "stratify_by": stratify_by, "confidence": confidence}
    told |= {"precision": precision, "expected_rate": expected_rate, "seed": seed, "filter": audits.filter_of(filter_ or ())}
    audits.schedule({"cadence": cadence, "plan": told}, as_json=as_json)


@app.command("schedules")
def list_schedules(limit: Limit = 50, as_lines: AsLines = False) -> None:
    """Show schedules of audits, newest first."""
    audits.show_schedules(limit, as_lines=as_lines)


@app.command("unschedule")
def unschedule_audit(
    schedule: Annotated[UUID, typer.Argument(metavar="SCHEDULE", help="as the list of schedules shows it")],
    as_json: AsJson = False,
) -> None:
    """End a schedule; the audits that it made stay."""
    reports.unschedule("/v1/audit-schedules", schedule, "its audits stay.", as_json=as_json)


@app.command("list")
def list_audits(limit: Limit = 50, as_lines: AsLines = False) -> None:
    """Show audits, newest first."""
    audits.show_list(limit, as_lines=as_lines)


@app.command("items")
def list_items(
    audit: AuditId,
    state: Annotated[str | None, typer.Option(help="open, reviewing, disputed, agreed or settled")] = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show the sample, as it was drawn."""
    audits.show_items(audit, state, limit, as_lines=as_lines)


@app.command("review")
def review_item(
    audit: AuditId,
    item: ItemNumber,
    classification_right: ClassificationRight,
    code_right: CodeRight,
    documentation_sufficient: Documented,
    category: Category = None,
    action: Action = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Fill in the review form of an item, as the one of the plan's two reviewers whose token is sent."""
    form = _form(classification_right, code_right, documentation_sufficient, category, action, note)
    audits.review(audit, item, form, as_json=as_json)


@app.command("settle")
def settle_item(
    audit: AuditId,
    item: ItemNumber,
    classification_right: ClassificationRight,
    code_right: CodeRight,
    documentation_sufficient: Documented,
    category: Category = None,
    action: Action = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say, as a third person, what holds of an item in which two reviews differ; it is final."""
    form = _form(classification_right, code_right, documentation_sufficient, category, action, note)
    audits.settle(audit, item, form, as_json=as_json)


def _form(
    classification_right: bool, code_right: bool, documented: bool, category: str | None, action: str | None, note: str
) -> dict[str, Any]:
    told = {"classification_right": classification_right, "code_right": code_right, "documentation_sufficient": documented}
    return {**told, "category": category, "action": action, "note": note}


@app.command("cancel")
def cancel_audit(audit: AuditId, as_json: AsJson = False) -> None:
    """Cancel an audit that is under way: it is reviewed no further, and has no results."""
    audits.cancel(audit, as_json=as_json)


@app.command("reassign")
def reassign_audit(
    audit: AuditId,
    reviewer: Annotated[str, typer.Option(help="one of the two who review it now")],
    successor: Annotated[str, typer.Option(help="whose token reviews from now on")],
    as_json: AsJson = False,
) -> None:
    """Let another person review in the place of a reviewer, whose reviews count."""
    audits.reassign(audit, reviewer, successor, as_json=as_json)


@app.command("results")
def show_results(audit: AuditId, as_json: AsJson = False) -> None:
    """Show what an audit found, with intervals, once all its items are final."""
    audits.show_results(audit, as_json=as_json)


@app.command("report")
def fetch_report(
    audit: AuditId, to: Annotated[Path, typer.Option("--output", "-o", help="a .pdf or .xlsx file")], as_json: AsJson = False
) -> None:
    """Fetch the report: a PDF to read, or a workbook with every item."""
    kind = "xlsx" if to.suffix == ".xlsx" else "pdf"
    audits.fetch(f"/v1/audits/{audit}/report.{kind}", {}, to, as_json=as_json)


def export_deidentified(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="claim-lines or adjudications")],
    to: Annotated[Path, typer.Option("--output", "-o", help="a .csv, .xlsx or .parquet file")],
    year: Annotated[int | None, typer.Option(help="in which services began; all where it is left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch claims or adjudications without what says whose they are (HIPAA Safe Harbor), for analysis."""
    query = {"format": to.suffix.lstrip(".") or "csv", "year": year}
    audits.fetch(f"/v1/deidentified/{what}", query, to, as_json=as_json, service="ingest")


def export_table(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="facts, denials or kpis")],
    to: Annotated[Path, typer.Option("--output", "-o", help="a .csv, .xlsx or .parquet file")],
    first: From = None,
    last: To = None,
    as_of: AsOf = None,
    shared: Annotated[bool, typer.Option("--shared", help="key figures to be shown outside: small cells are left out")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch facts, denials or key figures as a file, whatever their size."""
    query = {"format": to.suffix.lstrip(".") or "csv", "from": day_of(first), "to": day_of(last), "as_of": day_of(as_of)}
    query["shared"] = "true" if shared else None
    audits.fetch(f"/v1/exports/{what}", query, to, as_json=as_json)
