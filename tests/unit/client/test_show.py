"""What the command line makes of what it knows: comparisons, sums, tables."""

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import typer
from rich.console import Console

from libs.client import cli
from libs.client.ledger import compare
from libs.client.send import balance_difference
from libs.client.shapes import Ledger, LedgerDay, LedgerTotals
from libs.client.show import Column, plain, print_rows

FIRST, SECOND = date(2026, 1, 10), date(2026, 1, 11)


def ledger(**paid: int) -> Ledger:
    """One remit a day, wholly paid: `ledger(first=100, second=200)`."""
    days = [
        LedgerDay(1, cents, cents, 0, {}, 0, day)
        for name, day in (("first", FIRST), ("second", SECOND))
        if (cents := paid.get(name)) is not None
    ]
    whole = sum(paid.values())
    return Ledger(LedgerTotals(len(days), whole, whole, 0, {}, 0), days)


def differing(**ledgers: Ledger) -> list[tuple[str, str, dict[str, int]]]:
    return [(line.day, line.measure, line.values) for line in compare(ledgers) if not line.agrees]


def test_equal_ledgers_agree() -> None:
    assert differing(ingest=ledger(first=1, second=2), analytics=ledger(first=1, second=2)) == []


def test_a_cent_on_another_day_differs_though_the_totals_agree() -> None:
    found = differing(ingest=ledger(first=100, second=200), analytics=ledger(first=99, second=201))
    assert found == [
        (day, measure, {"ingest": ingest, "analytics": analytics})
        for day, ingest, analytics in (("2026-01-10", 100, 99), ("2026-01-11", 200, 201))
        for measure in ("charged", "paid")
    ]


def test_a_day_that_one_ledger_lacks_differs() -> None:
    found = differing(ingest=ledger(first=100), analytics=ledger())
    assert ("2026-01-10", "remits", {"ingest": 1, "analytics": 0}) in found


def test_a_group_that_one_ledger_lacks_differs() -> None:
    with_group = Ledger(LedgerTotals(1, 1, 0, 1, {"CO": 1}, 0), [])
    without = Ledger(LedgerTotals(1, 1, 0, 1, {"PR": 1}, 0), [])
    assert [measure for _, measure, _ in differing(ingest=with_group, analytics=without)] == ["adjusted CO", "adjusted PR"]


@pytest.mark.parametrize(
    ("differences", "told"),
    [
        ([0], "0.00"),
        ([0, -105], "-1.05"),
        ([500, -500], "0.00 in 2 payments"),
        ([None], "unknown"),
        ([], "unknown"),
        ([None, 5], "0.05 and unknown"),
    ],
)
def test_differences_that_cancel_each_other_out_are_told(differences: list[int | None], told: str) -> None:
    assert balance_difference(differences) == told


def test_a_payers_text_cannot_command_the_terminal() -> None:
    assert plain("A\x1b[31mB\x07\r\nÇ") == "A\ufffd[31mB\ufffd\ufffd\ufffdÇ"


def printed(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    print_rows(
        console, [Column("paid on"), Column("paid", "right")], [["2026-01-10", "6,000,860.00"], ["2026-01-11", "[bold]:boom:"]]
    )
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]  # a StringIO


def test_rows_are_a_table_where_they_fit_to_the_last_character() -> None:
    assert printed(24)[2:] == ["2026-01-10  6,000,860.00", "2026-01-11  [bold]:boom:"]


def test_rows_are_records_where_an_amount_would_be_cut_in_two() -> None:
    assert printed(23)[:3] == ["paid on  2026-01-10", "paid     6,000,860.00", ""]


# They write a file, or have more forms than two (`check --format json`).
WITHOUT_JSON = {"audit export", "check", "synth", "documents get", "letters preview"}


def test_every_command_that_tells_something_takes_json() -> None:
    root = typer.main.get_command(cli.app)
    assert {name for name, options in commands(root) if "--json" not in options} == WITHOUT_JSON


def commands(group: Any, *path: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each command below a group with its options."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), {option for each in command.params for option in each.opts}
