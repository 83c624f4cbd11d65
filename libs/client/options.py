"""Options that commands of several files have alike, and a day as services are asked for it."""

from datetime import datetime
from typing import Annotated

import typer

from libs.client.errors import ClientError
from libs.client.transport import SERVICES

From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first payment day, included")]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last payment day, included")]
Limit = Annotated[int, typer.Option(min=1, help="how many at most")]
AsLines = Annotated[bool, typer.Option("--json", help="one JSON object a line, with all that the service says")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object, with all that the service says")]
Where = Annotated[str | None, typer.Option("--service", help=f"one of {', '.join(SERVICES)}; otherwise all of them")]


def named(service: str | None) -> tuple[str, ...]:
    """Return the services that `--service` means. Errors: ClientError where there is none of this name."""
    if service is not None and service not in SERVICES:
        raise ClientError(f"--service is one of {', '.join(SERVICES)}.")
    return SERVICES if service is None else (service,)


def day_of(at: datetime | None) -> str | None:
    return None if at is None else at.date().isoformat()
