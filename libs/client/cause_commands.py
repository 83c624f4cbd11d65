"""The commands `recours root-causes`: their arguments; what they do is in causes.py."""

from datetime import datetime
from typing import Annotated, Final

import typer

from libs.client import causes
from libs.client.kpi_commands import AsJson, day_of

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What is refused more often than the rest explains.")

First = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first payment day, included")]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last payment day, included")]
CauseId = Annotated[str, typer.Argument(metavar="ID", help="as `recours root-causes list` shows it")]


@app.command("list")
def list_root_causes(
    first: First = None,
    last: Last = None,
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
    first: First = None,
    last: Last = None,
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 50,
    as_lines: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show the refused claims behind a root cause, newest first."""
    causes.show_claims(root_cause, {"from": day_of(first), "to": day_of(last)}, limit, as_lines=as_lines)
