"""The commands `recours tenants`: their arguments; what they do is in tenants.py."""

from pathlib import Path
from typing import Annotated, Final

import typer

from libs.client import tenant_archives, tenant_erasing, tenants
from libs.client.errors import ClientError
from libs.client.options import AsLines, Where, named

_HELP: Final = "Tenants, for those who run the system (scope tenants:admin): entered, suspended, held, exported, erased."
app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="as tokens name it")]
Why = Annotated[str, typer.Option(help="for those who ask later; no patient's data")]


@app.command("list")
def list_tenants(
    service: Where = None,
    state: Annotated[str | None, typer.Option(help="active, suspended, erasing or erased: those that are so now")] = None,
    as_lines: AsLines = False,
) -> None:
    """Show the tenants that were ever suspended or held; all others are active.

    Exit status: 0 each service answered, 1 at least one did not.
    """
    raise typer.Exit(tenants.show(named(service), state, as_lines=as_lines))


@app.command("create")
def create(tenant: Tenant, why: Why, service: Where = None, as_lines: AsLines = False) -> None:
    """Enter a tenant in each service's register, with its first data key; one that stands there stays as it is.

    A tenant needs it not: the first token that names it begins it. Exit status: 0 each service did it, 1 at least one did not.
    """
    raise typer.Exit(tenants.create(named(service), tenant, why, as_lines=as_lines))


@app.command("export")
def export(
    tenant: Tenant,
    to: Annotated[Path, typer.Option("--to", help="a folder for an archive a service; it is made where there is none")],
    service: Where = None,
    as_lines: AsLines = False,
) -> None:
    """Fetch all that each service holds of a tenant, a ZIP archive each, and prove them by their manifests (scope tenants:export).

    What is in them is patient data, opened. Exit status: 0 each archive is whole, 1 at least one is not there.
    """
    raise typer.Exit(tenant_archives.export(named(service), tenant, to, as_lines=as_lines))


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


@app.command("erase")
def erase(
    tenant: Tenant,
    why: Why,
    service: Where = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for the tenant's name once more")] = False,
    as_lines: AsLines = False,
) -> None:
    """Delete all that the services hold of a suspended tenant, for ever, and wait until it is gone; the audit log is kept.

    Refused while the tenant is under legal hold, or not suspended. Ended with Ctrl-C it goes on; said again it is watched again.
    Exit status: 0 gone in each service, 1 at least one refused or is held by now.
    """
    if not yes and typer.prompt(f"All of {tenant} is deleted for ever. Its name, to go on", err=True) != tenant:
        raise ClientError("That is not its name; nothing was done.")
    raise typer.Exit(tenant_erasing.erase(named(service), tenant, why, as_lines=as_lines))
