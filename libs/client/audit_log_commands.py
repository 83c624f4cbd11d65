"""The commands `recours audit`: their arguments; what they do is in audit_log.py. Audits of claims are `recours audits`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from libs.client import audit_log
from libs.client.options import AsLines, Limit, Where, named

_HELP = "The audit log: who changed what, and who was shown whose data. (Samples of denials are `recours audits`.)"
app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]
From = Annotated[datetime | None, typer.Option("--from", formats=_FORMATS, help="from this moment on (UTC)")]
To = Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="until before this moment (UTC)")]
AnchorsAt = Annotated[
    str | None,
    typer.Option("--anchors", envvar="RECOURS_AUDIT_ANCHORS_URL", help="where the workers write anchors: a folder, or a URL"),
]


@app.command("list")
def list_entries(
    service: Where = None,
    subject: Annotated[str | None, typer.Option(help="who did it")] = None,
    action: Annotated[str | None, typer.Option(help="the operation's id, such as getContent")] = None,
    object_id: Annotated[str | None, typer.Option("--object", help="the id of what it was done to")] = None,
    outcome: Annotated[str | None, typer.Option(help="changed, disclosed or refused")] = None,
    first: From = None,
    last: To = None,
    limit: Limit = 50,
    as_lines: AsLines = False,
) -> None:
    """Show who did what, newest first."""
    told = {"subject": subject, "action": action, "object": object_id, "outcome": outcome}
    moments = {"from": _moment(first), "to": _moment(last)}
    audit_log.show(named(service), {**told, **moments}, limit, as_lines=as_lines)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


@app.command("verify")
def verify_log(
    service: Where = None,
    anchors: AnchorsAt = None,
    file: Annotated[Path | None, typer.Option(help="an export, instead of what services say now")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a service, with all that was found")] = False,
) -> None:
    """Say whether anything was edited, taken out, put in, moved or cut off; and what cannot be told.

    Exit status: 0 whole, 1 not whole, 2 nothing can be said.
    """
    raise typer.Exit(audit_log.check(named(service), anchors, file, as_json=as_json))


@app.command("export")
def export_log(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="where to; JSON lines")],
    service: Where = None,
) -> None:
    """Write the whole log with its chain and seals into a file, to be verified elsewhere."""
    with file.open("wb") as opened:
        audit_log.export(named(service), opened)
