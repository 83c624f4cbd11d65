"""`recours tenants`: suspended and resumed in every service; one that fails does not keep the others from it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from msgspec import Raw, Struct

from libs.client.errors import ClientError, ProblemAnswer, as_json
from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service, json_body

_COLUMNS: Final = (
    *(Column(title) for title in ("tenant", "service", "state", "changed at", "by")),
    Column("why", min_width=20),
    Column("held because", min_width=12),
)


class Tenant(Struct, frozen=True):
    tenant_id: str
    state: str
    why: str
    changed_by: str
    changed_at: datetime
    legal_hold: bool
    hold_why: str
    erasing_from: datetime | None = None
    erased_at: datetime | None = None
    erased: dict[str, int] = {}


Found = Iterable[tuple[Tenant, Raw]]


def show(names: Sequence[str], state: str | None, *, as_lines: bool) -> int:
    """List tenants, service by service; return the exit status."""
    return _over(names, lambda service: list_items(service, "/v1/tenants", Tenant, {"state": state}), as_lines=as_lines)


def put(names: Sequence[str], tenant_id: str, change: Mapping[str, Any], *, as_lines: bool) -> int:
    """Change a tenant; return the exit status."""

    def work(service: Service) -> Found:
        answer = service.put(address_of(tenant_id), Tenant, json_body(change))
        return [(answer.value, Raw(answer.raw))]

    return _over(names, work, as_lines=as_lines)


def create(names: Sequence[str], tenant_id: str, why: str, *, as_lines: bool) -> int:
    """Enter a tenant; return the exit status."""

    def work(service: Service) -> Found:
        answer = service.post_again(address_of(tenant_id), Tenant, json_body({"why": why}))
        return [(answer.value, Raw(answer.raw))]

    return _over(names, work, as_lines=as_lines)


def address_of(tenant_id: str) -> str:
    return f"/v1/tenants/{quote(tenant_id, safe='')}"


def _over(names: Sequence[str], work: Callable[[Service], Found], *, as_lines: bool) -> int:
    rows: list[list[str]] = []
    failed: list[tuple[str, ClientError]] = []
    for service in map(Service, names):
        try:
            found = list(work(service))
        except ClientError as error:
            failed.append((service.name, error))
            if as_lines:
                print_json({"service": service.name, "problem": problem_of(error)})
            continue
        for tenant, raw in found:
            if as_lines:
                print_json({"service": service.name, "tenant": raw})
            rows.append(_row(service.name, tenant))
    if not as_lines:
        _print(rows, failed)
    return 1 if failed else 0


def _print(rows: Sequence[Sequence[str]], failed: Sequence[tuple[str, ClientError]]) -> None:
    if rows:
        print_rows(output(), _COLUMNS, rows)
    elif not failed:
        output(errors=True).print("No tenants.")
    for _, error in failed:
        output(errors=True).print(str(error), style="red")
    if failed:
        output(errors=True).print(
            f"Not done in {', '.join(name for name, _ in failed)}; say it again, it does no harm.", style="red"
        )


def problem_of(error: ClientError) -> dict[str, Any]:
    return as_json(error) if isinstance(error, ProblemAnswer) else {"status": None, "type": "unreachable", "detail": str(error)}


def _row(service: str, tenant: Tenant) -> list[str]:
    at = tenant.changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    held = plain(tenant.hold_why) if tenant.legal_hold else ""
    return [plain(tenant.tenant_id), service, plain(tenant.state), at, plain(tenant.changed_by), plain(tenant.why), held]
