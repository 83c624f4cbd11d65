"""The commands `recours alerts`: their arguments; what they do is in alerts.py."""

from typing import Annotated, Final
from uuid import UUID

import typer

from libs.client import alerts
from libs.client.options import AsJson, Limit

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Payers that refuse more than usual.")
AlertId = Annotated[UUID, typer.Argument(metavar="ALERT", help="its id, as the list shows it")]
Note = Annotated[str | None, typer.Option(help="why, or what is done; no patient data")]


@app.command("list")
def list_alerts(
    status: Annotated[str, typer.Option(help="standing, open, acknowledged, resolved or all")] = "standing",
    payer: Annotated[str | None, typer.Option(help="payer id")] = None,
    category: Annotated[str | None, typer.Option(help="the category of what is refused")] = None,
    limit: Limit = 50,
    as_lines: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show alerts, the newest first."""
    alerts.show_list({"status": status, "payer": payer, "category": category}, limit, as_lines=as_lines)


@app.command("show")
def show_alert(alert_id: AlertId, as_json: AsJson = False) -> None:
    """Show one with the last days of its chart and its life."""
    alerts.show(alert_id, as_json=as_json)


@app.command("chart")
def show_chart(
    payer: Annotated[str, typer.Argument(metavar="PAYER", help="payer id")],
    category: Annotated[str | None, typer.Option(help="the category of what is refused; without it, all refusals")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the last days of a payer's chart, with or without an alert."""
    alerts.chart(payer, category, as_json=as_json)


@app.command("acknowledge")
def acknowledge_alert(alert_id: AlertId, note: Note = None, as_json: AsJson = False) -> None:
    """Say that somebody looks into it."""
    alerts.take(alert_id, "acknowledge", {"note": note}, as_json=as_json)


@app.command("resolve")
def resolve_alert(
    alert_id: AlertId,
    resolution: Annotated[str, typer.Option("--as", help="fixed, false_alarm or new_normal")],
    note: Note = None,
    as_json: AsJson = False,
) -> None:
    """End it, and say what it was: its days are no measure of what is usual (fixed), they are, or only they are."""
    alerts.take(alert_id, "resolve", {"resolution": resolution, "note": note}, as_json=as_json)
