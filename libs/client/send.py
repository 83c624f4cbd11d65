"""`recours send`: files to ingest, and what came of them."""

import time
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Raw, Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

from libs.client import services, sources
from libs.client.errors import ClientError, ProblemAnswer, Unreachable, as_json
from libs.client.shapes import Finding, Interchange
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.sources import Source
from libs.client.transport import Answer, Service
from libs.common.money import dollars

_FINAL: Final = frozenset({"accepted", "accepted_with_errors", "rejected"})
_REFUSALS: Final = frozenset({400, 413, 415, 422})  # the file's own fault; whatever else goes wrong is nobody's file
_NEW: Final = 202  # 200: these bytes were received before
_POLL_SECONDS: Final = (0.1, 2.0)
_STILL_SECONDS: Final = 300
_FINDINGS_SHOWN: Final = 20
_COLOURS: Final = {"accepted": "green", "accepted_with_errors": "yellow", "rejected": "red", "refused": "red"}
_RESULT: Final = (
    Column("file"),
    Column("status"),
    *(Column(title, "right") for title in ("transactions", "claims", "new", "known", "conflicting", "unreadable")),
    *(Column(title, "right") for title in ("charged", "paid", "adjusted", "balance difference", "findings")),
)
_FINDINGS: Final = (
    Column("file"),
    Column("byte", "right"),
    Column("segment", "right"),
    Column("where"),
    Column("severity"),
    Column("message", min_width=24),
)


class Sent(Struct):
    """One file and the last that is known of it."""

    source: Source
    new: bool = False
    answer: Answer[Interchange] | None = None
    problem: ProblemAnswer | None = None

    @property
    def status(self) -> str:
        if self.answer is not None:
            return self.answer.value.status
        return "not sent" if self.problem is None else "refused"

    @property
    def name(self) -> str:
        return plain(self.source.name)


def send(names: list[str], *, wait: bool, as_lines: bool) -> int:
    """Send files, in order; return the exit status. What was known before a failure is shown before it is raised."""
    results = [Sent(source) for source in sources.find(names)]
    failure: ClientError | None = None
    errors = output(errors=True)
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Service("ingest") as ingest, Progress(*parts, console=errors, transient=True, disable=not errors.is_terminal) as bars:
        try:
            for result in results:
                _send_one(ingest, result, bars)
            for result in results if wait else ():
                _watch(ingest, result, bars)
        except ClientError as error:
            failure = error
    _report(results, as_lines)
    if failure is not None:
        raise failure
    good = {"accepted"} if wait else {"accepted", "received", "processing"}
    return 0 if {result.status for result in results} <= good else 1


def _send_one(ingest: Service, result: Sent, bars: Progress) -> None:
    task = bars.add_task(f"sending {result.name}", total=None)
    try:
        with result.source.open() as file:
            body = sources.body_of(file, lambda sent: bars.update(task, completed=sent))
            bars.update(task, total=body.size_bytes)
            result.answer = services.send_interchange(ingest, body)
            result.new = result.answer.status == _NEW
    except ProblemAnswer as problem:
        if problem.status not in _REFUSALS:
            raise
        result.problem = problem
    finally:
        bars.remove_task(task)


def _watch(ingest: Service, result: Sent, bars: Progress) -> None:
    """Ask how far the reading is until it has ended. Errors: Unreachable when nothing moves for long."""
    if result.answer is None or result.answer.location is None:
        return
    location = result.answer.location
    task = bars.add_task(f"reading {result.name}", total=None)
    pause, moved_at = _POLL_SECONDS[0], time.monotonic()
    while result.answer.value.status not in _FINAL:
        _show_progress(bars, task, result.answer.value)
        if time.monotonic() - moved_at > _STILL_SECONDS:
            raise Unreachable(
                f"ingest has not read on for {_STILL_SECONDS} s; what it received is safe, ask {ingest.url}{location}."
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _POLL_SECONDS[1])
        before, result.answer = result.answer, services.get_interchange(ingest, location)
        if result.answer.raw != before.raw:
            moved_at = time.monotonic()
    bars.remove_task(task)


def _show_progress(bars: Progress, task: TaskID, interchange: Interchange) -> None:
    bars.update(task, total=interchange.progress.bytes_total, completed=interchange.progress.bytes_read)


def _report(results: Sequence[Sent], as_lines: bool) -> None:
    if as_lines:
        for result in results:
            print_json(_line(result))
        return
    console = output()
    if any(result.answer or result.problem for result in results):
        print_rows(console, _RESULT, [_row(result) for result in results])
    for result in results:
        if result.problem is not None:
            console.print(Text(f"{result.name}: {result.problem}", style="red"))
    _print_findings(console, results)


def _line(result: Sent) -> dict[str, Any]:
    if result.answer is None:
        return {"file": result.name, "problem": None if result.problem is None else as_json(result.problem)}
    return {"file": result.name, "new": result.new, "interchange": Raw(result.answer.raw)}


def _row(result: Sent) -> list[str | Text]:
    status = Text(result.status, style=_COLOURS.get(result.status, ""))
    if result.answer is not None and not result.new:
        status.append(", sent before", style="dim")
    if result.answer is None:
        return [result.name, status, *[""] * 11]
    interchange = result.answer.value
    each, totals = interchange.transactions, interchange.totals
    uneven = balance_difference([item.balance_difference_cents for item in each])
    return [
        result.name,
        status,
        str(totals.transactions),
        str(totals.claims),
        str(totals.claims_new),
        str(totals.claims_duplicate),
        str(totals.claims_conflicting),
        str(totals.claims_unreadable),
        dollars(totals.charge_cents),
        dollars(totals.paid_cents),
        dollars(totals.adjustment_cents),
        uneven if totals.transactions == len(each) else f"{uneven} in the first {len(each):,}",
        str(interchange.error_count),
    ]


def balance_difference(differences: Sequence[int | None]) -> str:
    """Tell by how much payments do not balance; two that cancel each other out are still two."""
    uneven = [cents for cents in differences if cents]
    if not differences or None in differences:
        return "unknown" if not uneven else f"{dollars(sum(uneven))} and unknown"
    return dollars(sum(uneven)) + (f" in {len(uneven)} payments" if len(uneven) > 1 else "")


def _print_findings(console: Console, results: Sequence[Sent]) -> None:
    found = [(result, finding) for result in results if result.answer for finding in result.answer.value.errors]
    if not found:
        return
    print_rows(console, _FINDINGS, [_finding_row(result.name, finding) for result, finding in found[:_FINDINGS_SHOWN]])
    more = sum(result.answer.value.error_count for result in results if result.answer) - min(len(found), _FINDINGS_SHOWN)
    if more > 0:
        console.print(f"... and {more} more: GET /v1/interchanges/{{interchange_id}}/errors lists all of them.")


def _finding_row(name: str, finding: Finding) -> list[str | Text]:
    where = finding.element or finding.segment_id or ""
    return [name, str(finding.byte_offset), str(finding.segment_index), where, finding.severity, finding.message]
