"""The demonstration: a small clinic's month through the running stack, and what came of it.

The month is made on the spot, the one before today's: sent again within a month it is the same bytes, and changes nothing.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Self, TypeVar

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from deploy.local import demo_report
from deploy.local.demo_report import FINAL, Case, Denial, Ledger, Outcome, Rates, Received
from deploy.local.layout import SERVICES, StackError
from deploy.local.stack import Stack
from libs.synthetic import Interchange, month

T = TypeVar("T")

_PAGE: Final = 200
_POLL_SECONDS: Final = 0.1
_STALLED_SECONDS: Final = 60


def run(stack: Stack, console: Console) -> bool:
    """Send the month, wait until every service has all of it, show what came of it; say whether everything agrees."""
    today = datetime.now(UTC).date()
    first_on = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    files = list(month(first_on=first_on))
    with Services(stack) as services:
        outcome = _through(services, files, first_on, console)
        addresses = {service: stack.url(service) for service in SERVICES}
        return demo_report.show(console, outcome, addresses)


class Services:
    """The four services of one stack, over HTTP."""

    def __init__(self, stack: Stack) -> None:
        self._clients = {service: httpx.Client(base_url=stack.url(service), timeout=30) for service in SERVICES}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    def get(self, service: str, path: str, shape: type[T], query: Mapping[str, Any] | None = None) -> T:
        """Errors: StackError when the service does not answer as it should."""
        return self._ask(service, "GET", path, shape, params=query)[1]

    def all(self, service: str, path: str, shape: type[T], query: Mapping[str, Any]) -> list[T]:
        """Return every item of a paged list."""
        items: list[T] = []
        cursor = None
        while True:
            asked = {**query, "limit": _PAGE, **({"cursor": cursor} if cursor else {})}
            page = self.get(service, path, _Page, asked)
            items += [msgspec.json.decode(raw, type=shape) for raw in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return items

    def send(self, body: bytes) -> tuple[bool, Received]:
        """Post a file; True when it was not known before."""
        status, received = self._ask("ingest", "POST", "/v1/interchanges", Received, content=body)
        return status == httpx.codes.ACCEPTED, received

    def _ask(self, service: str, method: str, path: str, shape: type[T], **more: Any) -> tuple[int, T]:
        try:
            answer = self._clients[service].request(method, path, **more)
        except httpx.HTTPError as error:
            raise StackError(f"{service} did not answer ({type(error).__name__}).") from error
        if not answer.is_success:
            raise StackError(f"{service} answered {answer.status_code} to {method} {path}.")
        return answer.status_code, msgspec.json.decode(answer.content, type=shape)


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    next_cursor: str | None


def _through(services: Services, files: Sequence[Interchange], first_on: date, console: Console) -> Outcome:
    """Send the files and wait for all that follows from them."""
    answers = sum(len(file.answers()) for file in files)
    payers = {payout.payer_id for file in files for payout in file.payouts}
    console.print(
        f"\n[bold]A small clinic's month, {first_on:%B %Y}:[/] {len(files)} files from {len(payers)} payers\n", highlight=False
    )
    before = services.get("ingest", "/v1/ledger", Ledger)
    columns = (
        TextColumn("  {task.description:<11}"),
        BarColumn(40),
        TextColumn("{task.completed:>4}/{task.total} {task.fields[what]}"),
    )
    with Progress(*columns, console=console) as progress:
        sending = progress.add_task("sent", total=len(files), what="files")
        bars = {service: progress.add_task(service, total=answers, what="claims") for service in SERVICES}
        new, received = 0, []
        for file in files:
            fresh, interchange = services.send(file.body)
            new += fresh
            received.append(interchange)
            progress.advance(sending)
        known = not new and all(file.status in FINAL for file in received)
        outcome = Outcome(files, first_on, new, received, before if known else None)
        return _settled(services, outcome, progress, bars)


def _settled(services: Services, outcome: Outcome, progress: Progress, bars: Mapping[str, Any]) -> Outcome:
    """Ask again until nothing is under way any more. Errors: StackError when nothing moves for a minute."""
    period = {"from": outcome.first_on.isoformat(), "to": outcome.last_on.isoformat()}
    answers = sum(len(file.answers()) for file in outcome.files)
    deadline = time.monotonic() + _STALLED_SECONDS
    while True:
        before = outcome
        outcome = _look(services, outcome, period)
        for service, bar in bars.items():
            progress.update(bar, completed=min(answers, outcome.ledgers_of_month[service].totals.remits))
        waits_for = outcome.waits_for()
        if waits_for is None:
            return outcome
        if outcome != before:
            deadline = time.monotonic() + _STALLED_SECONDS
        if time.monotonic() > deadline:
            raise StackError(f"Nothing moves any more, and {waits_for} is not done; `make logs` shows why.")
        time.sleep(_POLL_SECONDS)


def _look(services: Services, outcome: Outcome, period: Mapping[str, str]) -> Outcome:
    """Ask all services what they have now."""
    received = [
        known if known.status in FINAL else services.get("ingest", f"/v1/interchanges/{known.interchange_id}", Received)
        for known in outcome.received
    ]
    return msgspec.structs.replace(
        outcome,
        received=received,
        ledgers={service: services.get(service, "/v1/ledger", Ledger) for service in SERVICES},
        ledgers_of_month={service: services.get(service, "/v1/ledger", Ledger, period) for service in SERVICES},
        rates=services.get("analytics", "/v1/kpis/denial-rate", Rates, {**period, "group_by": "category"}),
        denials=services.all("classifier", "/v1/denials", Denial, period),
        cases=services.all("appeals", "/v1/cases", Case, period),
    )
