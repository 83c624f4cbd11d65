"""`recours dead-letters`: records that a service could not understand; shown, and sent again once the cause is gone."""

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Raw
from rich.console import Console
from rich.text import Text

from libs.client import services
from libs.client.errors import ClientError, ProblemAnswer
from libs.client.shapes import DeadLetter, DeadLetterDetail
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service

T = TypeVar("T")

_VALUE_SHOWN: Final = 4000
_NOT_FOUND: Final = 404
_COLUMNS: Final = (
    Column("id", min_width=36),
    Column("service"),
    Column("topic"),
    Column("place"),
    Column("reason"),
    Column("buried at"),
    Column("replayed at"),
)


def show_list(names: Sequence[str], limit: int, *, as_lines: bool) -> None:
    """List dead letters, service by service, newest first."""
    rows: list[list[str | Text]] = []
    for service in map(Service, names):
        for letter, raw in services.list_dead_letters(service, limit):
            if as_lines:
                print_json({"service": service.name, "dead_letter": raw})
            else:
                rows.append(_row(service.name, letter))
    if rows:
        print_rows(output(), _COLUMNS, rows)
    elif not as_lines:
        output(errors=True).print("No dead letters.")


def show_one(names: Sequence[str], dead_letter_id: UUID, *, as_json: bool) -> None:
    """Show one dead letter with its record, as text where it is text."""
    service, answer = _find(names, lambda service: services.get_dead_letter(service, dead_letter_id))
    if as_json:
        print_json({"service": service.name, "dead_letter": Raw(answer.raw)})
    else:
        _print_detail(output(), service.name, answer.value)


def replay(names: Sequence[str], dead_letter_id: UUID, *, as_lines: bool) -> None:
    """Send one dead letter's record to its topic again."""
    service, answer = _find(names, lambda service: services.get_dead_letter(service, dead_letter_id))
    replayed = services.replay_dead_letter(service, dead_letter_id)
    if as_lines:
        print_json({"service": service.name, "dead_letter": Raw(replayed.raw)})
        return
    output().print(f"{service.name}: {dead_letter_id} goes to {plain(answer.value.topic)} again.")


def waiting(names: Sequence[str]) -> list[tuple[str, UUID]]:
    """Return (service, id) of every dead letter that was not replayed yet, oldest first."""
    return [(service.name, letter.dead_letter_id) for service in map(Service, names) for letter in _waiting(service)][::-1]


def _waiting(service: Service) -> Iterator[DeadLetter]:
    return (letter for letter, _ in services.list_dead_letters(service) if letter.replayed_at is None)


def _find(names: Sequence[str], ask: Callable[[Service], Answer[T]]) -> tuple[Service, Answer[T]]:
    """Ask one service after the other: an id says what it names, not where that is."""
    for service in map(Service, names):
        try:
            return service, ask(service)
        except ProblemAnswer as problem:
            if problem.status != _NOT_FOUND:
                raise
    raise ClientError(f"There is no such dead letter in {', '.join(names)}.")


def _row(service: str, letter: DeadLetter) -> list[str | Text]:
    replayed = "" if letter.replayed_at is None else f"{letter.replayed_at:%Y-%m-%d %H:%M:%S}"
    place = f"{letter.partition}/{letter.offset}"
    buried = f"{letter.buried_at:%Y-%m-%d %H:%M:%S}"
    return [str(letter.dead_letter_id), service, plain(letter.topic), place, letter.reason, buried, replayed]


def _print_detail(console: Console, service: str, letter: DeadLetterDetail) -> None:
    for column, cell in zip(_COLUMNS, _row(service, letter), strict=True):
        console.print(Text(f"{column.title:<12} ") + Text(str(cell)))
    console.print(Text(f"{'key':<12} {plain(letter.key or '')}"))
    for name, value in sorted(letter.headers.items()):
        console.print(Text(f"{'header':<12} {plain(name)}: {plain(str(value))}"))
    value = base64.b64decode(letter.value)
    console.print(Text(f"{'value':<12} {len(value)} bytes"))
    text = value[:_VALUE_SHOWN].decode(errors="replace")
    console.print(Text("\n".join(map(plain, text.splitlines()))))
    if len(value) > _VALUE_SHOWN:
        console.print(f"... the first {_VALUE_SHOWN} bytes; --json has all of them, in base64.")
