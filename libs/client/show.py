"""Showing things: tables where they fit, records where the terminal is too narrow, plain lines into a pipe."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

_GAP = 2  # between two columns: the padding below and the box's own blank
_PIPE_WIDTH = 1000  # a pipe has no width: a row is a line


class Column(msgspec.Struct, frozen=True):
    """`width` keeps a column's place where rows come one after the other; a column with a `min_width` holds prose and may wrap."""

    title: str
    justify: JustifyMethod = "left"
    width: int | None = None
    min_width: int | None = None

    def needs(self, cells: Iterable[Text]) -> int:
        """Return the width below which this column cannot be read: an amount or an id must not be cut in two."""
        told = self.width or self.min_width
        return max(len(self.title), told if told is not None else max((cell.cell_len for cell in cells), default=0))


def output(*, errors: bool = False) -> Console:
    """Return a console on standard output (or standard error) as it is now; no colour where it is no terminal."""
    console = Console(stderr=errors, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=errors, markup=False, emoji=False, highlight=False, width=_PIPE_WIDTH)
    return console


def plain(value: str) -> str:
    """Return text of a payer's without what could command a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value)


def print_rows(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], *, header: bool = True) -> None:
    """Print rows as a table, or each as a record where they do not fit side by side."""
    shown = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    needed = sum(column.needs(row[place] for row in shown) + _GAP for place, column in enumerate(columns)) - _GAP
    if needed <= console.width:
        table = Table(
            box=box.SIMPLE_HEAD if header else box.SIMPLE, show_header=header, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
        )
        for column in columns:
            table.add_column(
                column.title,
                justify=column.justify,
                width=column.width,
                min_width=column.min_width,
                overflow="fold",
                header_style="",
            )
        for row in shown:
            table.add_row(*row)
        console.print(table)
        return
    longest = max(len(column.title) for column in columns)
    for row in shown:
        for column, cell in zip(columns, row, strict=True):
            console.print(Text(f"{column.title:<{longest}}  ") + cell, soft_wrap=True)
        console.print()


def print_json(value: Mapping[str, Any] | msgspec.Raw) -> None:
    """Print one JSON value on one line, at once: who reads a pipe must not wait for a full buffer."""
    line = bytes(value) if isinstance(value, msgspec.Raw) else msgspec.json.encode(value)
    print(line.decode(), flush=True)  # noqa: T201 - a command's output, as it is and unwrapped
