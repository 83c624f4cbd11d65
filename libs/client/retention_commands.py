"""The commands `recours retention`: their arguments; what they do is in retention.py."""

from typing import Annotated, Final

import typer

from libs.client import retention
from libs.client.options import AsJson, AsLines, Where, named

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="How long what is kept; what is older is taken away.")

Name = Annotated[str, typer.Argument(metavar="SERVICE", help="ingest, classifier, appeals or analytics")]
KindName = Annotated[str, typer.Argument(metavar="KIND", help="as the list names it")]


@app.command("list")
def list_retention(service: Where = None, as_lines: AsLines = False) -> None:
    """Show how long each service keeps what."""
    retention.show(named(service), as_lines=as_lines)


@app.command("set")
def set_retention(
    service: Name,
    kind: KindName,
    days: Annotated[int, typer.Argument(metavar="DAYS", help="how long it is kept")],
    as_json: AsJson = False,
) -> None:
    """Keep something for longer, or not so long: what is older is gone within the hour, and nothing brings it back."""
    (name,) = named(service)
    retention.put(name, kind, days, as_json=as_json)


@app.command("reset")
def reset_retention(service: Name, kind: KindName, as_json: AsJson = False) -> None:
    """Keep something as long as for whoever says nothing."""
    (name,) = named(service)
    retention.put(name, kind, None, as_json=as_json)
