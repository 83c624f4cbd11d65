"""The commands `recours webhooks`: their arguments; what they do is in webhooks.py."""

from typing import Annotated, Final
from uuid import UUID

import typer

from libs.client import webhooks
from libs.client.options import AsJson, AsLines, Limit

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who is told by signed posts.")

WebhookId = Annotated[UUID, typer.Argument(metavar="WEBHOOK", help="as the list shows it")]


@app.command("add")
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="https, to a public address")], as_json: AsJson = False
) -> None:
    """Have steps of alerts posted to an address. Its secret is shown this once."""
    webhooks.add(url, as_json=as_json)


@app.command("list")
def list_webhooks(as_lines: AsLines = False) -> None:
    """Show who is told."""
    webhooks.show_list(as_lines=as_lines)


@app.command("remove")
def remove_webhook(webhook: WebhookId, as_json: AsJson = False) -> None:
    """Post nothing more there; what waits is dropped."""
    webhooks.remove(webhook, as_json=as_json)


@app.command("deliveries")
def list_deliveries(
    webhook: WebhookId,
    state: Annotated[str | None, typer.Option(help="waiting, delivered or dead")] = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show what was posted there and what became of it, newest first."""
    webhooks.show_deliveries(webhook, {"state": state}, limit, as_lines=as_lines)


@app.command("retry")
def retry_delivery(
    webhook: WebhookId,
    delivery: Annotated[UUID, typer.Argument(metavar="DELIVERY", help="as the list of deliveries shows it")],
    as_json: AsJson = False,
) -> None:
    """Post something once more, under its name."""
    webhooks.retry(webhook, delivery, as_json=as_json)
