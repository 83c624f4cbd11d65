"""`recours tenants erase`: begun in every service, watched until all of it is gone in each, and told in counts."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Raw
from rich.progress import Progress, SpinnerColumn, TextColumn

from libs.client.errors import ClientError
from libs.client.show import Column, output, print_json, print_rows
from libs.client.tenants import Tenant, address_of, problem_of
from libs.client.transport import Answer, Service, json_body

_COLUMNS: Final = (
    Column("service"),
    Column("state"),
    *(Column(title, "right") for title in ("rows", "objects")),
    *(Column(title, width=19) for title in ("from", "until")),
)
_LOOK_SECONDS: Final = 1.0
_OBJECTS: Final = "objects/"


def erase(names: Sequence[str], tenant_id: str, why: str, *, as_lines: bool) -> int:
    """Have a tenant erased and wait for the end; return the exit status. Ended before, it goes on in the services all the same."""
    body = json_body({"confirm": tenant_id, "why": why})
    failed, begun = False, list[Service]()
    for service in map(Service, names):
        try:
            service.post_again(f"{address_of(tenant_id)}/erase", Tenant, body)
            begun.append(service)
        except ClientError as error:
            failed = True
            _tell(service, error, as_lines=as_lines)
    ended = _watch(begun, tenant_id)
    if as_lines:
        for name, answer in ended.items():
            print_json({"service": name, "tenant": Raw(answer.raw)})
    elif ended:
        print_rows(output(), _COLUMNS, [_row(name, answer.value) for name, answer in ended.items()])
    stopped = [name for name, answer in ended.items() if answer.value.erased_at is None]
    if stopped:
        output(errors=True).print(f"Under legal hold by now, and not erased: {', '.join(stopped)}.", style="red")
    return 1 if failed or stopped else 0


def _tell(service: Service, error: ClientError, *, as_lines: bool) -> None:
    if as_lines:
        print_json({"service": service.name, "problem": problem_of(error)})
    output(errors=True).print(f"{service.name}: {error}", style="red")


def _watch(begun: Sequence[Service], tenant_id: str) -> Mapping[str, Answer[Tenant]]:
    """Ask until each service has erased the tenant or holds it; return what they say then. Errors: ClientError."""
    ended: dict[str, Answer[Tenant]] = {}
    parts = SpinnerColumn(finished_text=" "), TextColumn("{task.description}")
    with Progress(*parts, console=output(errors=True), transient=True) as shown:
        lines = {service.name: shown.add_task(service.name, total=1) for service in begun}
        while len(ended) < len(begun):
            for service in begun:
                if service.name in ended:
                    continue
                answer = service.get(address_of(tenant_id), Tenant)
                gone = sum(answer.value.erased.values())
                shown.update(lines[service.name], description=f"{service.name}: {gone:,} rows and objects gone")
                if answer.value.erased_at is not None or answer.value.legal_hold:
                    ended[service.name] = answer
                    shown.update(lines[service.name], completed=1)
            if len(ended) < len(begun):
                time.sleep(_LOOK_SECONDS)
    return ended


def _row(name: str, tenant: Tenant) -> list[str]:
    objects = sum(count for what, count in tenant.erased.items() if what.startswith(_OBJECTS))
    rows = sum(tenant.erased.values()) - objects
    times = [f"{at:%Y-%m-%d %H:%M:%S}" if at is not None else "" for at in (tenant.erasing_from, tenant.erased_at)]
    return [name, tenant.state, f"{rows:,}", f"{objects:,}", *times]
