"""`python -m deploy.local up|down|status|logs|migrate|bi|demo`: what the Makefile's verbs do."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from deploy.local import access, provision
from deploy.local import demo as demonstration
from deploy.local.layout import ROOT, SERVICES, Secrets, StackError, tenant
from deploy.local.stack import Stack

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The whole system on this machine.")
console = Console()
StateDir = Annotated[Path, typer.Option("--state", help="folder of data, logs and state")]
DEFAULT_STATE = ROOT / ".local"


def bring_up(stack: Stack) -> None:
    """Start a stack and tell of each process as it comes up."""
    began = time.monotonic()
    told: set[str] = set()

    def report(state: dict[str, Any]) -> None:
        for name, process in state.get("processes", {}).items():
            if process["pid"] is not None and name not in told:
                told.add(name)
                console.print(f"  {name:<18} process {process['pid']:<8} {time.monotonic() - began:5.1f} s", highlight=False)

    if stack.running() and stack.state().get("status") == "ready":
        if stack.state().get("tenant") != tenant():
            raise StackError(f"Already running, for tenant {stack.state().get('tenant')}; stop it with `make down` first.")
        console.print("Already running.")
    else:
        stack.start(report)
        console.print(f"Ready in {time.monotonic() - began:.1f} s.", highlight=False)
    for note in stack.state().get("notes", []):
        console.print(note)
    for service in SERVICES:
        console.print(f"  {service:<11} {stack.url(service)}/docs", highlight=False)
    console.print(f"  your token  {access.token_file(stack.folder)}", highlight=False, soft_wrap=True)


@app.command()
def up(state: StateDir = DEFAULT_STATE) -> None:
    """Start PostgreSQL, Kafka and all services; returns when all are ready."""
    bring_up(Stack(state))


@app.command()
def down(state: StateDir = DEFAULT_STATE, remove: Annotated[bool, typer.Option("--remove", help="the data too")] = False) -> None:
    """Stop exactly what `up` started; data stay unless told."""
    stack = Stack(state)
    console.print("Stopped." if stack.stop() else "Nothing was running.")
    if remove:
        stack.discard()


@app.command()
def status(state: StateDir = DEFAULT_STATE) -> None:
    """Show the processes; exit status 1 when the stack is not ready."""
    stack = Stack(state)
    known = stack.state() if stack.running() else {}
    console.print(f"{known.get('status', 'not running')} {known.get('infra', '')}".strip())
    for name, process in known.get("processes", {}).items():
        line = f"  {name:<18} process {process['pid'] or '-':<8} restarts {process['restarts']:<4} {process['trouble']}"
        console.print(line.rstrip(), highlight=False, markup=False, soft_wrap=True)
    if known.get("status") != "ready":
        raise typer.Exit(1)


@app.command()
def migrate(state: StateDir = DEFAULT_STATE) -> None:
    """Bring the four databases of the running stack to the newest schema."""
    stack = Stack(state)
    if not stack.running():
        raise StackError("Nothing is running; start it with `make up`.")
    secrets = Secrets(state / "secrets.json")
    for service in SERVICES:
        asyncio.run(provision.make_roles(stack.admin_url, service, secrets))  # a new version may grant rights to a new role
        asyncio.run(provision.make_database(stack.admin_url, service))
        provision.migrate(service, provision.role_url(stack.admin_url, service, "owner", secrets))
        console.print(f"  {service} is up to date")


@app.command()
def bi(
    state: StateDir = DEFAULT_STATE, of: Annotated[str | None, typer.Option("--tenant", help="left out: that of the stack")] = None
) -> None:
    """Print the address by which a BI tool reads one tenant's views (docs/exports.md); its role is made when missing."""
    stack = Stack(state)
    if not stack.running():
        raise StackError("Nothing is running; start it with `make up`.")
    tenant_id = of or stack.state().get("tenant") or tenant()
    typer.echo(asyncio.run(provision.make_reader(stack.admin_url, tenant_id, Secrets(state / "secrets.json"))))


@app.command()
def logs(state: StateDir = DEFAULT_STATE, follow: Annotated[bool, typer.Option(help="go on until Ctrl-C")] = True) -> None:
    """Show all processes' logs, each line with its process."""
    colours = ("cyan", "green", "magenta", "yellow", "blue", "red")
    places: dict[Path, int] = {}
    while True:
        for number, path in enumerate(sorted((state / "logs").glob("*.log"))):
            start = places.get(path, max(0, path.stat().st_size - 4000))
            with path.open("rb") as file:
                file.seek(start)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            places[path] = start + len(whole)
            for line in whole.decode(errors="replace").splitlines():
                console.print(Text(f"{path.stem:<18} ", style=colours[number % len(colours)]) + Text(line))
        if not follow:
            return
        time.sleep(0.3)


@app.command()
def demo(state: StateDir = DEFAULT_STATE, stay: Annotated[bool, typer.Option(help="leave it running until Ctrl-C")] = True) -> None:
    """Start everything, send a small clinic's month through it, and show what came of it."""
    stack = Stack(state)
    bring_up(stack)
    agreed = demonstration.run(stack, console)
    if stay:
        console.print("\nEverything keeps running. Ctrl-C stops it.")
        try:
            while stack.running():
                time.sleep(0.5)
        except KeyboardInterrupt:
            console.print("Stopping ...")
        stack.stop()
    if not agreed:
        raise typer.Exit(1)


def main() -> None:
    try:
        app(standalone_mode=True)
    except StackError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
