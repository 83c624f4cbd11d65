"""`recours trace`: where a claim is, and how it came there, put together from what each service told and took."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from rich.text import Text

from libs.client import services
from libs.client.errors import ClientError, ProblemAnswer
from libs.client.show import Column, output, print_json, print_rows
from libs.client.trail_shapes import TakenEvent, Trail
from libs.client.transport import SERVICES, Service

# Who reads what, as deploy/topics.yaml has it.
READERS: Final[Mapping[str, tuple[str, ...]]] = {
    "claim.submitted": ("classifier", "analytics"),
    "claim.acknowledged": ("classifier", "analytics"),
    "remit.received": ("classifier", "appeals", "analytics"),
    "denial.classified": ("appeals", "analytics"),
    "appeal.filed": ("classifier", "analytics"),
    "appeal.decided": ("classifier", "analytics"),
    "case.closed": ("analytics",),
    "followup.changed": ("analytics",),
    "records.requested": ("appeals",),
    "remit.matched": ("classifier", "analytics"),
}
_KNOWN_FOR: Final = timedelta(days=7)  # how long services keep what they told; beyond that nobody can say that something waits
_ASKED_AT_ONCE: Final = 100
_NOT_FOUND: Final = 404


class Step(Struct, frozen=True):
    """One line: a service told or took something, or did not yet (`at` None). `after_ms`: since it was told, of what was taken."""

    at: datetime | None
    service: str
    what: str
    after_ms: int | None = None
    trace_id: str | None = None
    event_id: UUID | None = None


def steps(trails: Mapping[str, Trail], now: datetime) -> list[Step]:
    """Return what the services said as one line of time; what waits stands at its end."""
    told = [(service, each) for service, trail in trails.items() for each in trail.told]
    by_id = {each.event_id: each for _, each in told}
    found, waiting = [], []
    taken: set[tuple[str, UUID]] = set()
    for service, each in told:
        found.append(Step(each.at, service, f"told {_short(each.type)}", None, each.trace_id, each.event_id))
    for service, trail in trails.items():
        for took in trail.taken:
            event = by_id[took.event_id]
            taken.add((service, took.event_id))
            after = max(0, round((took.at - event.at) / timedelta(milliseconds=1)))
            found.append(Step(took.at, service, f"took {_short(event.type)}", after, event.trace_id, took.event_id))
    for service, each in told:
        if each.at < now - _KNOWN_FOR:
            continue
        kind = _short(each.type)
        if each.sent is False:
            waiting.append(Step(None, service, f"{kind} waits to be sent", None, each.trace_id, each.event_id))
            continue
        missing = [reader for reader in READERS.get(kind, ()) if reader in trails and (reader, each.event_id) not in taken]
        waiting += [Step(None, reader, f"has not taken {kind} yet", None, each.trace_id, each.event_id) for reader in missing]
    return [*sorted(found, key=lambda step: step.at or now), *waiting]


def _short(type_: str) -> str:
    return type_.removeprefix("recours.").removesuffix(".v1")


def show(claim: str, *, as_json: bool) -> int:
    """Show a claim's way; return the exit status: 0 it is everywhere, 1 something of it waits or nobody knows it."""
    clients = {name: Service(name) for name in SERVICES}
    pcn = _pcn(clients["ingest"], claim)
    trails = _ask(clients, pcn)
    found = steps(trails, datetime.now(UTC))
    if as_json:
        print_json({"patient_control_number": pcn, "steps": found})
    elif found:
        print_rows(output(), _COLUMNS, [_row(step) for step in found])
    else:
        output(errors=True).print("No service knows anything of it.")
    return 0 if found and all(step.at is not None for step in found) else 1


def _pcn(ingest: Service, claim: str) -> str:
    """Return the patient control number of a claim that may be named by its id."""
    try:
        claim_id = UUID(claim)
    except ValueError:
        return claim
    try:
        return services.get_claim(ingest, claim_id).value.patient_control_number
    except ProblemAnswer as error:
        if error.status == _NOT_FOUND:
            raise ClientError(f"Ingest knows no claim {claim_id}.") from error
        raise


def _ask(clients: Mapping[str, Service], pcn: str) -> dict[str, Trail]:
    """Ask what each told, and then each for what it took of that."""
    told = {name: services.get_trail(client, pcn, ()).value.told for name, client in clients.items()}
    events = [each.event_id for trail in told.values() for each in trail]
    trails = {}
    for name, client in clients.items():
        taken: list[TakenEvent] = []
        for first in range(0, len(events), _ASKED_AT_ONCE):
            answer = services.get_trail(client, pcn, events[first : first + _ASKED_AT_ONCE]).value
            taken += answer.taken
            told[name] += [each for each in answer.told if each not in told[name]]  # posts to webhooks are found by their events
        trails[name] = Trail(told[name], taken)
    return trails


_COLUMNS: Final[Sequence[Column]] = (
    Column("time (UTC)", width=23),
    Column("service", width=10),
    Column("what", width=38),
    Column("after", "right", width=10),
    Column("trace", width=32),
)


def _row(step: Step) -> list[str | Text]:
    at = "-" if step.at is None else step.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    after = "" if step.after_ms is None else f"{step.after_ms:,} ms"
    cells: list[Any] = [at, step.service, step.what, after, step.trace_id or ""]
    return [Text(each, style="yellow") for each in cells] if step.at is None else cells
