"""The commands `recours webhooks` and `recours listen`: their arguments; what they do is in webhooks.py and listening.py."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from libs.client import listening, webhooks
from libs.client.options import AsJson, AsLines, Limit

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who is told of what happens by signed posts.")

WebhookId = Annotated[UUID, typer.Argument(metavar="WEBHOOK", help="as the list shows it")]
Types = Annotated[list[str] | None, typer.Option("--type", help="denial.classified, alert.opened, ...; several times for several")]
_AT: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


@app.command("create")
def create_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="https, to a public address")],
    types: Types = None,
    as_json: AsJson = False,
) -> None:
    """Have what happens posted to an address; without --type, the steps of alerts. Its secret is shown this once."""
    webhooks.create(url, types, as_json=as_json)


@app.command("list")
def list_webhooks(as_lines: AsLines = False) -> None:
    """Show who is told of what, and how each address does."""
    webhooks.show_list(as_lines=as_lines)


@app.command("change")
def change_webhook(
    webhook: WebhookId,
    url: Annotated[str | None, typer.Option(help="post there instead")] = None,
    types: Types = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="post again, or post nothing until then")] = None,
    as_json: AsJson = False,
) -> None:
    """Move, widen, stop or go on."""
    webhooks.change(webhook, {"url": url, "event_types": types, "enabled": enabled}, as_json=as_json)


@app.command("delete")
def delete_webhook(webhook: WebhookId, as_json: AsJson = False) -> None:
    """Post nothing more there; what waits is dropped."""
    webhooks.delete(webhook, as_json=as_json)


@app.command("rotate")
def rotate_secret(
    webhook: WebhookId,
    overlap_hours: Annotated[int, typer.Option(min=0, max=720, help="how long the secret before signs too")] = 24,
    as_json: AsJson = False,
) -> None:
    """Give it another secret, which is shown this once."""
    webhooks.rotate(webhook, overlap_hours, as_json=as_json)


@app.command("test")
def try_webhook(webhook: WebhookId, as_json: AsJson = False) -> None:
    """Have a `webhook.test` posted there; `deliveries` shows what became of it."""
    webhooks.try_out(webhook, as_json=as_json)


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


@app.command("replay")
def replay_webhook(
    webhook: WebhookId,
    since: Annotated[datetime, typer.Option("--from", formats=_AT, help="from when on; UTC where no offset is given")],
    until: Annotated[datetime | None, typer.Option("--to", formats=_AT, help="up to when, not included; otherwise now")] = None,
    as_json: AsJson = False,
) -> None:
    """Post again what happened in a time, of the types that it subscribes to."""
    webhooks.replay(webhook, since, until, as_json=as_json)


def listen(
    types: Types = None,
    webhook: Annotated[UUID | None, typer.Option(metavar="ID", help="of a webhook that leads here already, with --secret")] = None,
    secret: Annotated[str | None, typer.Option(help="its secret; RECOURS_WEBHOOK_SECRET", envvar="RECOURS_WEBHOOK_SECRET")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="of this machine; 0: one that is free")] = 0,
    as_lines: AsLines = False,
) -> None:
    """Print what webhooks tell, as it comes, until interrupted.

    A receiver on this machine is subscribed for as long, and verifies every signature. analytics must allow loopback addresses
    (RECOURS_WEBHOOK_LOOPBACK), as the local stack does. Without --type, all that happens is told.
    """
    if (webhook is None) != (secret is None):
        raise typer.BadParameter("--webhook and --secret go together.")
    listening.listen(types, (webhook, secret) if webhook is not None and secret is not None else None, port, as_lines=as_lines)
