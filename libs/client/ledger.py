"""`recours ledger`: the four services side by side, to the cent."""

import time
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import msgspec
from msgspec import Raw
from rich.console import Console
from rich.text import Text

from libs.client import services
from libs.client.shapes import Ledger, LedgerTotals
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import SERVICES, Answer, Service
from libs.common.money import dollars

TOTALS: Final = "all days"
_POLL_SECONDS: Final = 0.5


class Line(msgspec.Struct, frozen=True):
    """One measure of one day (or of all) as each service states it, in cents; `remits` are counted."""

    day: str
    measure: str
    values: dict[str, int]

    @property
    def agrees(self) -> bool:
        return len(set(self.values.values())) == 1


def compare(ledgers: Mapping[str, Ledger]) -> list[Line]:
    """Put ledgers side by side: the totals first, then each day that any of them knows."""
    by_day: dict[str, dict[str, LedgerTotals]] = {TOTALS: {name: ledger.totals for name, ledger in ledgers.items()}}
    for day in sorted({entry.day for ledger in ledgers.values() for entry in ledger.days}):
        by_day[day.isoformat()] = {name: entry for name, ledger in ledgers.items() for entry in ledger.days if entry.day == day}
    return [line for day, totals in by_day.items() for line in _lines(day, {name: totals.get(name) for name in ledgers})]


def _lines(day: str, totals: Mapping[str, LedgerTotals | None]) -> Iterator[Line]:
    measured = {name: _measures(each) if each is not None else {} for name, each in totals.items()}
    for measure in dict.fromkeys(measure for measures in measured.values() for measure in measures):
        yield Line(day, measure, {name: measures.get(measure, 0) for name, measures in measured.items()})


def _measures(totals: LedgerTotals) -> dict[str, int]:
    groups = {f"adjusted {plain(group)}": cents for group, cents in sorted(totals.adjustments_by_group.items())}
    return {
        "remits": totals.remits,
        "charged": totals.charge_cents,
        "paid": totals.paid_cents,
        "adjusted": totals.adjustment_cents,
        **groups,
        "unbalanced": totals.unbalanced_cents,
    }


def show(first: date | None, last: date | None, *, days: bool, wait_seconds: float, as_json: bool) -> int:
    """Show the ledgers; return the exit status: 0 when they agree, 1 when a cent differs."""
    clients = [Service(name) for name in SERVICES]
    deadline = time.monotonic() + wait_seconds
    while True:
        answers = {client.name: services.get_ledger(client, first, last) for client in clients}
        lines = compare({name: answer.value for name, answer in answers.items()})
        differing = [line for line in lines if not line.agrees]
        if not differing or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    if as_json:
        print_json(_document(answers, differing))
    else:
        _print(output(), [line for line in lines if days or line.day == TOTALS or not line.agrees], differing)
    return 1 if differing else 0


def _document(answers: Mapping[str, Answer[Ledger]], differing: list[Line]) -> dict[str, Any]:
    told = {name: Raw(answer.raw) for name, answer in answers.items()}
    return {"agree": not differing, "differences": differing, "ledgers": told}


def _print(console: Console, lines: list[Line], differing: list[Line]) -> None:
    columns = [Column("day"), Column("measure"), *(Column(name, "right") for name in SERVICES)]
    rows: list[list[str | Text]] = []
    day = ""
    for line in lines:
        rows.append([line.day if line.day != day else "", line.measure, *_cells(line)])
        day = line.day
    print_rows(console, columns, rows)
    console.print()
    if not differing:
        console.print(Text("The four ledgers agree.", style="green"))
        return
    for line in differing:
        told = ", ".join(f"{name} {_shown(line.measure, value)}" for name, value in line.values.items())
        console.print(Text(f"{line.day}, {line.measure}: {told}", style="red"))
    console.print(Text("The ledgers differ.", style="red"))


def _cells(line: Line) -> list[Text]:
    """Show a line's values; those that are not ingest's, where everything came in, are red."""
    came_in = line.values[SERVICES[0]]
    return [Text(_shown(line.measure, value), style="" if value == came_in else "bold red") for value in line.values.values()]


def _shown(measure: str, value: int) -> str:
    return f"{value:,}" if measure == "remits" else dollars(value)
