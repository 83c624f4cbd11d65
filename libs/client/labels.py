"""`recours labels`: what billers and audits say that denials are, one by one or from a CSV file, and what is kept."""

import csv
import io
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from libs.client import services
from libs.client.errors import ClientError, ProblemAnswer
from libs.client.shapes import Label
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Body, Service, json_body

_COLUMNS: Final = (
    Column("denial", width=36),
    Column("source"),
    Column("category"),
    Column("action"),
    Column("labelled"),
    Column("note", min_width=20),
)
_NEEDED: Final = ("denial_id", "source", "category", "action")
_REFUSED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST})


def add(denial_id: UUID, source: str, category: str, action: str, note: str, *, as_json: bool) -> None:
    """Keep a label in the place of the source's earlier one."""
    with Service("classifier") as classifier:
        answer = services.put_label(classifier, denial_id, source, _body(category, action, note))
    if as_json:
        print_json(msgspec.Raw(answer.raw))
    else:
        _print([answer.value])


def show_list(limit: int, *, as_lines: bool) -> None:
    """Show labels, newest first."""
    with Service("classifier") as classifier:
        found = list(services.list_labels(classifier, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
    elif found:
        _print([label for label, _ in found])
    else:
        output(errors=True).print("Nothing is labelled yet.")


def import_(name: str, *, as_lines: bool) -> int:
    """Keep the labels of a file; return the exit status: 0 all were taken, 1 a line was not. Sending it again is harmless."""
    taken = refused = 0
    with Service("classifier") as classifier:
        for line, row in _rows(name):
            label, wrong = _taken(classifier, row)
            taken, refused = taken + (wrong is None), refused + (wrong is not None)
            if as_lines:
                print_json({"line": line, "label": label, "problem": wrong})
            elif wrong is not None:
                output().print(f"{plain(name)}:{line}: {wrong}", soft_wrap=True)
    output(errors=True).print(f"{taken} labels kept, {refused} lines not taken.")
    return int(refused > 0)


def _taken(classifier: Service, row: dict[str, str]) -> tuple[msgspec.Raw | None, str | None]:
    """Send one row; return the label as it is kept, or what is wrong with the row."""
    try:
        denial_id = UUID(row["denial_id"])
    except ValueError:
        return None, "denial_id is no UUID"
    if row["source"] not in ("audit", "biller"):
        return None, "source is audit or biller"
    try:
        body = _body(row["category"], row["action"], row["note"])
        return msgspec.Raw(services.put_label(classifier, denial_id, row["source"], body).raw), None
    except ProblemAnswer as error:
        if error.status not in _REFUSED:
            raise
        return None, plain(str(error))


def _rows(name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file with their lines. Errors: ClientError where it is no such file."""
    raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        missing = [column for column in _NEEDED if column not in (reader.fieldnames or ())]
        if missing:
            raise ClientError(f"{plain(name)} has no column {missing[0]}; {', '.join(_NEEDED)} are needed, note is optional.")
        for row in reader:
            yield reader.line_num, {column: (row.get(column) or "").strip() for column in (*_NEEDED, "note")}
    except UnicodeDecodeError as error:
        raise ClientError(f"{plain(name)} is not text in UTF-8.") from error
    except csv.Error as error:
        raise ClientError(f"{plain(name)} is not CSV: line {reader.line_num}.") from error


def _body(category: str, action: str, note: str) -> Body:
    return json_body({"category": category, "action": action, "note": note})


def _print(labels: list[Label]) -> None:
    rows = [
        (str(each.denial_id), each.source, each.category, each.action, f"{each.labelled_at:%Y-%m-%d %H:%M}", plain(each.note))
        for each in labels
    ]
    print_rows(output(), _COLUMNS, rows)
