"""The demonstration: a small clinic's month through the running stack, and what came of it.

The month is made on the spot, the one before today's: sent again within a month it is the same bytes, and changes nothing.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

import httpx
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from deploy.local import demo_report
from deploy.local.demo_report import FINAL, Case, Denial, Outcome, Rates
from deploy.local.layout import SERVICES, StackError
from deploy.local.stack import Stack
from libs.client.errors import ClientError
from libs.client.services import list_items, send_interchange
from libs.client.shapes import Interchange as Received
from libs.client.shapes import Ledger
from libs.client.transport import Body, Service
from libs.synthetic import Interchange, month

T = TypeVar("T")

_POLL_SECONDS: Final = 0.1
_STALLED_SECONDS: Final = 60


def run(stack: Stack, console: Console) -> bool:
    """Send the month, wait until every service has all of it, show what came of it; say whether everything agrees.

    Errors: StackError when a service does not answer as it should, or nothing moves any more.
    """
    today = datetime.now(UTC).date()
    first_on = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    files = list(month(first_on=first_on))
    try:
        with ExitStack() as opened:
            outcome = _through(Services(stack, opened), files, first_on, console)
    except ClientError as error:
        raise StackError(str(error)) from error
    return demo_report.show(console, outcome, {service: stack.url(service) for service in SERVICES})


class Services:
    """The four services of one stack, over HTTP."""

    def __init__(self, stack: Stack, opened: ExitStack) -> None:
        self._services = {
            service: opened.enter_context(Service(service, stack.url(service), token=stack.token())) for service in SERVICES
        }

    def get(self, service: str, path: str, shape: type[T], query: Mapping[str, Any] | None = None) -> T:
        return self._services[service].get(path, shape, query).value

    def all(self, service: str, path: str, shape: type[T], query: Mapping[str, Any]) -> list[T]:
        """Return every item of a paged list."""
        return [item for item, _ in list_items(self._services[service], path, shape, query)]

    def send(self, content: bytes) -> tuple[bool, Received]:
        """Post a file; True when it was not known before."""
        body = Body(lambda: [content], len(content), {"Content-Type": "application/edi-x12"})
        answer = send_interchange(self._services["ingest"], body)
        return answer.status == httpx.codes.ACCEPTED, answer.value


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
    """Ask again until nothing is under way any more."""
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
        rates=services.get("analytics", "/v1/denial-rate", Rates, {**period, "group_by": "category"}),
        denials=services.all("classifier", "/v1/denials", Denial, period),
        cases=services.all("appeals", "/v1/cases", Case, period),
    )
