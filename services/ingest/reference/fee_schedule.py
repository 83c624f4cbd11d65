"""A fee schedule as a CSV, row by row: what each payer agreed to allow for a unit of a procedure, with a modifier or without.

One file holds the schedules of all payers. Dates are ISO; an empty modifier is any, an empty last day is until further notice.
"""

import csv
import re
from collections.abc import Iterator
from datetime import date
from typing import IO, Any, Final

from libs.common.money import cents_of
from services.ingest.reference.broken import BrokenTable

HEADER: Final = ("payer_id", "procedure_code", "modifier", "allowed_amount", "valid_from", "valid_to")
_PROCEDURE = re.compile(r"[0-9A-Z]{3,7}")
_MODIFIER = re.compile(r"([0-9A-Z]{2})?")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
_PAYER_MAX = 80


def read_fees(file: IO[str]) -> Iterator[tuple[Any, ...]]:
    """Yield (payer, procedure, modifier, allowed cents, first day, last day or None). Errors: BrokenTable."""
    reader = csv.reader(file, strict=True)
    try:
        head = [cell.strip().lower() for cell in next(reader, [])]
        if tuple(head) != HEADER and tuple(cell.removeprefix("\xef\xbb\xbf") for cell in head) != HEADER:  # a BOM, as latin-1
            raise BrokenTable("bad_header", 1)
        for cells in reader:
            if any(cells):
                yield _row([cell.strip() for cell in cells], reader.line_num)
    except csv.Error as error:
        raise BrokenTable("broken_row", reader.line_num) from error


def _row(cells: list[str], line: int) -> tuple[Any, ...]:
    if len(cells) != len(HEADER):
        raise BrokenTable("broken_row", line)
    payer_id, code, modifier, amount, first, last = cells
    if not 0 < len(payer_id) <= _PAYER_MAX or not _PROCEDURE.fullmatch(code) or not _MODIFIER.fullmatch(modifier):
        raise BrokenTable("broken_row", line)
    if not _AMOUNT.fullmatch(amount):
        raise BrokenTable("bad_amount", line)
    try:
        valid_from = date.fromisoformat(first)
        valid_to = date.fromisoformat(last) if last else None
    except ValueError as error:
        raise BrokenTable("bad_date", line) from error
    if valid_to is not None and valid_to < valid_from:
        raise BrokenTable("bad_date", line)
    return payer_id, code, modifier, cents_of(amount), valid_from, valid_to
