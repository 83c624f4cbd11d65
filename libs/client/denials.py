"""`recours denials`: what was refused, why, and what to do; once, or as it comes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Raw
from rich.console import Console
from rich.text import Text

from libs.client import services
from libs.client.errors import Unreachable
from libs.client.shapes import Denial
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service
from libs.common.money import dollars

_FOLLOW_SECONDS: Final = 1.0
_COLUMNS: Final = (
    Column("paid on", width=10),
    Column("payer", width=24),
    Column("PCN", width=20),
    Column("denied", "right", width=12),
    Column("category", width=24),
    Column("action", width=20),
    Column("explanation", min_width=24),
)


def show(filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show denials, newest first."""
    with Service("classifier") as classifier:
        found = services.list_denials(classifier, filters, limit)
        if as_lines:
            for _, raw in found:
                print_json(raw)
            return
        denials = [denial for denial, _ in found]
    if denials:
        print_rows(output(), _COLUMNS, [_row(denial) for denial in denials])
    else:
        output(errors=True).print("No denials.")


def follow(filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show the newest denials, oldest of them first, then each change as it comes, once; never returns.

    The cursor is taken before the list is asked for, so that nothing falls between the two; what comes by both is shown once.
    """
    with Service("classifier") as classifier:
        cursor = services.denials_from_now(classifier, filters)
        newest = list(services.list_denials(classifier, filters, limit))[::-1]
        listing = _Listing(as_lines)
        listing.add(newest)
        shown = {(denial.denial_id, denial.revision) for denial, _ in newest}
        while True:
            changes, cursor, more = _next(classifier, filters, cursor)
            listing.add((denial, raw) for denial, raw in changes if (denial.denial_id, denial.revision) not in shown)
            if not more:
                time.sleep(_FOLLOW_SECONDS)


def _next(classifier: Service, filters: Mapping[str, Any], cursor: str | None) -> tuple[list[tuple[Denial, Raw]], str | None, bool]:
    """Ask for changes; a service that is away for a while costs nothing but time, the cursor stays where it is."""
    told = False
    while True:
        try:
            return services.changed_denials(classifier, filters, cursor)
        except Unreachable as error:
            if not told:
                output(errors=True).print(f"{error} Still trying.", style="yellow")
                told = True
            time.sleep(_FOLLOW_SECONDS)


class _Listing:
    """Rows as they come, under one header."""

    def __init__(self, as_lines: bool) -> None:
        self._as_lines = as_lines
        self._console: Console = output()
        self._header = True

    def add(self, found: Iterable[tuple[Denial, Raw]]) -> None:
        denials: Sequence[tuple[Denial, Raw]] = list(found)
        if self._as_lines:
            for _, raw in denials:
                print_json(raw)
        elif denials:
            print_rows(self._console, _COLUMNS, [_row(denial) for denial, _ in denials], header=self._header)
            self._header = False


def _row(denial: Denial) -> list[str | Text]:
    explanation = Text(plain(denial.explanation))
    if denial.status == "retracted":
        explanation = Text("retracted: ", style="yellow") + explanation
    elif denial.revision > 1:
        explanation = Text(f"revision {denial.revision}: ", style="yellow") + explanation
    return [
        denial.payment_on.isoformat(),
        plain(f"{denial.payer_name} {denial.payer_id}".strip()),
        plain(denial.patient_control_number),
        dollars(denial.denied_cents),
        denial.category,
        denial.action,
        explanation,
    ]
