"""Deposits, as a bank tells of them: read line by line from CSV or JSON, and paired with the payments that announced them. Pure."""

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from libs.common.ids import named_id
from libs.common.money import cents_of
from services.ingest.followups.rules import BANK_TAKES

COLUMNS: Final = ("deposited_on", "amount", "trace_number", "payer", "reference")
_NEEDED: Final = frozenset(COLUMNS[:2])
_AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]{1,2})?")
_AMOUNT_MAX_CENTS: Final = 10**12
_TEXT_MAX: Final = 80
_EARLIEST: Final = date(2000, 1, 1)


class Deposit(Struct, frozen=True):
    """Money that came. `trace_number` is the payment's (TRN02), in upper case; `reference` tells equal deposits of a day apart."""

    deposited_on: date
    amount_cents: int
    trace_number: str = ""
    payer_name: str = ""
    reference: str = ""

    def name(self, tenant_id: str) -> UUID:
        """Return what the deposit is known by: the same line sent again is the same deposit."""
        parts = (str(self.deposited_on), str(self.amount_cents), self.trace_number, self.payer_name.upper(), self.reference)
        return named_id("deposit", tenant_id, *parts)


class BadDeposit(Exception):  # noqa: N818 - the fact is the name
    """A line is no deposit: which field, and what is wrong with it. Never holds what was sent."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


class BadHeader(Exception):  # noqa: N818 - as above
    """The first line of a CSV does not name the columns."""


Line = tuple[int, Deposit | BadDeposit]


def read_csv(lines: Iterable[bytes], today: date) -> Iterator[Line]:
    """Yield the deposits of a CSV, each with the number of its line. Each line stands alone: a broken one leaves the others whole.

    Errors: BadHeader.
    """
    numbered = enumerate(lines, start=1)
    head = next((cells for _, raw in numbered if (cells := _cells(raw))), None)
    if head is None:
        return
    if not _is_header(head):
        raise BadHeader
    names = [each.strip().lower() for each in head]
    for number, raw in numbered:
        if not raw.strip():
            continue
        cells = _cells(raw)
        if cells is None or len(cells) != len(names):
            problem = "is not text in UTF-8, or a quote is not closed" if cells is None else f"has not {len(names)} cells"
            yield number, BadDeposit("", problem)
        else:
            yield number, _deposit(dict(zip(names, cells, strict=True)), today)


def _is_header(cells: Sequence[str]) -> bool:
    names = [each.strip().lower() for each in cells]
    return len(set(names)) == len(names) and _NEEDED <= set(names) <= set(COLUMNS)


def _cells(raw: bytes) -> list[str] | None:
    """Return the cells of a line; None where it cannot be read, or holds nothing."""
    try:
        return next(csv.reader([raw.decode("utf-8-sig").rstrip("\r\n")], strict=True), None)
    except (UnicodeDecodeError, csv.Error):
        return None


def read_json(lines: Iterable[bytes], today: date) -> Iterator[Line]:
    """Yield the deposits of NDJSON: an object a line, with the CSV's columns as names and texts as values."""
    for number, raw in enumerate(lines, start=1):
        if raw.strip():
            yield number, _of_json(raw, today)


def _of_json(raw: bytes, today: date) -> Deposit | BadDeposit:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return BadDeposit("", "is not JSON")
    if not isinstance(told, dict) or not set(told) <= set(COLUMNS):
        return BadDeposit("", f"is not an object of {', '.join(COLUMNS)}")
    wrong = next((name for name, value in told.items() if not isinstance(value, str)), None)
    return BadDeposit(wrong, "is not a text, in quotes") if wrong else _deposit(told, today)


def _deposit(told: Mapping[str, str], today: date) -> Deposit | BadDeposit:
    try:
        return Deposit(
            _day(told.get("deposited_on", "").strip(), today),
            _cents(told.get("amount", "").strip()),
            _text(told, "trace_number").upper(),
            _text(told, "payer"),
            _text(told, "reference"),
        )
    except BadDeposit as bad:
        return bad


def _day(told: str, today: date) -> date:
    if not told:
        raise BadDeposit("deposited_on", "is missing")
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise BadDeposit("deposited_on", "is not a day such as 2026-03-01") from None
    if not _EARLIEST <= day <= today + timedelta(days=1):
        raise BadDeposit("deposited_on", "lies in the future" if day > today else "is before 2000")
    return day


def _cents(told: str) -> int:
    if not told:
        raise BadDeposit("amount", "is missing")
    if told.startswith(("-", "(")):
        raise BadDeposit("amount", "is negative: a deposit is money that came in")
    if _AMOUNT.fullmatch(told) is None:
        places = re.fullmatch(r"[0-9]+\.[0-9]{3,}", told)
        raise BadDeposit("amount", "has more than two decimals" if places else "is not an amount such as 1234.56")
    if len(told.partition(".")[0]) > len(str(_AMOUNT_MAX_CENTS)):  # nobody reads a number of a thousand digits
        raise BadDeposit("amount", "is too large")
    cents = cents_of(told)
    if not cents:
        raise BadDeposit("amount", "is zero")
    if cents > _AMOUNT_MAX_CENTS:
        raise BadDeposit("amount", "is too large")
    return cents


def _text(told: Mapping[str, Any], name: str) -> str:
    text = str(told.get(name, "")).strip()
    if len(text) > _TEXT_MAX:
        raise BadDeposit(name, f"has more than {_TEXT_MAX} characters")
    if not text.isprintable():
        raise BadDeposit(name, "holds characters that cannot be shown")
    return text


class Came(Struct, frozen=True):
    """A deposit that waits for its remittance."""

    deposit_id: UUID
    deposited_on: date
    amount_cents: int
    trace_number: str


class Announced(Struct, frozen=True):
    """A payment that waits for its deposit; its trace number in upper case."""

    remittance_id: UUID
    payment_on: date
    amount_cents: int
    trace_number: str


def pair(deposits: Iterable[Came], payments: Iterable[Announced]) -> dict[UUID, UUID]:
    """Return deposit -> remittance. A trace number decides together with the amount, the nearest day first.

    A deposit without one finds its payment by amount and day alone, and only where no other fits either of them.
    """
    by_amount: dict[int, list[Announced]] = defaultdict(list)
    for payment in sorted(payments, key=lambda each: (each.payment_on, each.remittance_id)):
        by_amount[payment.amount_cents].append(payment)
    told = sorted(deposits, key=lambda each: (each.deposited_on, each.deposit_id))
    found: dict[UUID, UUID] = {}
    taken: set[UUID] = set()
    for deposit in told:
        same = [each for each in by_amount[deposit.amount_cents] if each.remittance_id not in taken]
        named = [each for each in same if deposit.trace_number and each.trace_number == deposit.trace_number]
        nearest = min(named, key=lambda each: abs(each.payment_on - deposit.deposited_on), default=None)
        if nearest is not None:
            found[deposit.deposit_id] = nearest.remittance_id
            taken.add(nearest.remittance_id)
    nameless = [each for each in told if not each.trace_number]
    fits = {
        deposit.deposit_id: [
            each.remittance_id
            for each in by_amount[deposit.amount_cents]
            if each.remittance_id not in taken and abs(each.payment_on - deposit.deposited_on) <= BANK_TAKES
        ]
        for deposit in nameless
    }
    wanted = Counter(remittance_id for each in fits.values() for remittance_id in each)
    found |= {deposit_id: only[0] for deposit_id, only in fits.items() if len(only) == 1 and wanted[only[0]] == 1}
    return found
