"""The commands `recours tenants`: their arguments; what they do is in tenants.py."""

from typing import Annotated, Final

import typer

from libs.client import tenants
from libs.client.options import AsLines, Where, named

_HELP: Final = "Tenants, for those who run the system (scope tenants:admin): which are served, which are under legal hold."
app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="as tokens name it")]
Why = Annotated[str, typer.Option(help="for those who ask later; no patient's data")]


@app.command("list")
def list_tenants(
    service: Where = None,
    state: Annotated[str | None, typer.Option(help="active or suspended: those that are so now")] = None,
    as_lines: AsLines = False,
) -> None:
    """Show the tenants that were ever suspended or held; all others are active.

    Exit status: 0 each service answered, 1 at least one did not.
    """
    raise typer.Exit(tenants.show(named(service), state, as_lines=as_lines))


@app.command("suspend")
def suspend(tenant: Tenant, why: Why, service: Where = None, as_lines: AsLines = False) -> None:
    """Refuse a tenant's requests from now on, a second later at most; what comes in from payers is worked on all the same.

    Exit status: 0 each service did it, 1 at least one did not.
    """
    raise typer.Exit(tenants.put(named(service), tenant, {"state": "suspended", "why": why}, as_lines=as_lines))


@app.command("resume")
def resume(tenant: Tenant, why: Why, service: Where = None, as_lines: AsLines = False) -> None:
    """Answer a suspended tenant's requests again.

    Exit status: 0 each service did it, 1 at least one did not.
    """
    raise typer.Exit(tenants.put(named(service), tenant, {"state": "active", "why": why}, as_lines=as_lines))


@app.command("hold")
def hold(tenant: Tenant, why: Why, service: Where = None, as_lines: AsLines = False) -> None:
    """Put a tenant under legal hold: nothing of it is forgotten by itself, however old it is.

    Exit status: 0 each service did it, 1 at least one did not.
    """
    raise typer.Exit(tenants.put(named(service), tenant, {"legal_hold": True, "why": why}, as_lines=as_lines))


@app.command("release")
def release(tenant: Tenant, why: Why, service: Where = None, as_lines: AsLines = False) -> None:
    """Release a tenant from legal hold: what is old enough is forgotten from now on.

    Exit status: 0 each service did it, 1 at least one did not.
    """
    raise typer.Exit(tenants.put(named(service), tenant, {"legal_hold": False, "why": why}, as_lines=as_lines))
