"""docs/access.md: its tables of scopes and roles, from the tables that services use, and how many routes ask for each scope."""

from importlib import import_module
from pathlib import Path
from typing import Final

from deploy.docs.marked import between
from deploy.local.layout import SERVICES
from libs.common.access import scopes
from libs.common.http.access import COMMON

_BEGIN, _END = "<!-- access: written by `make docs` from the table -->", "<!-- access ends -->"
_ROUTES: Final = [COMMON, *(import_module(f"services.{service}.scopes").SCOPES for service in SERVICES)]


def with_access(page: Path) -> str:
    """Return a page with what stands between its two marks written anew."""
    return between(page, _BEGIN, _END, f"{_scopes()}\n\n{_roles()}")


def _scopes() -> str:
    asked = [scope for table in _ROUTES for scope in table.values()]
    rows = [f"| `{name}` | {told} | {asked.count(name)} |" for name, told in scopes.SCOPES.items()]
    return "\n".join(["| scope | what it opens | routes |", "|---|---|---|", *rows])


def _roles() -> str:
    bundles = {**scopes.ROLES, **{f"service:{name}": own for name, own in scopes.SERVICES.items()}}
    rows = [f"| `{name}` | {', '.join(f'`{each}`' for each in sorted(own)) or 'none'} |" for name, own in bundles.items()]
    return "\n".join(["| role or service | its scopes |", "|---|---|", *rows])
