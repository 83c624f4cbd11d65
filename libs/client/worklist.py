"""`recours worklist`: the next case to work on, and lists of cases as they are to be worked."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from libs.client import services
from libs.client.shapes import Case
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service, json_body
from libs.common.money import dollars

_COLUMNS: Final = (
    Column("due on", width=11),
    Column("worth", "right", width=12),
    Column("refused", "right", width=12),
    Column("payer", width=24),
    Column("PCN", width=20),
    Column("category", width=19),
    Column("action", width=20),
    Column("state", width=12),
    Column("who", width=12),
)


def take_next(payer: str | None, minutes: int, *, as_json: bool) -> int:
    """Lease and show the best case that nobody works on; return the exit status: 0 here it is, 1 there is none."""
    asked = {"payer": payer, "lease_seconds": minutes * 60}
    with Service("appeals") as appeals:
        answer = services.next_case(appeals, json_body(asked, {"Idempotency-Key": str(uuid4())}))
    if answer is None:
        output(errors=True).print("Nothing waits for you.")
        return 1
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return 0
    case = answer.value
    print_rows(output(), _COLUMNS, [_row(case)])
    output().print(plain(case.explanation), soft_wrap=True)
    until = f" until {case.leased_until:%H:%M} UTC" if case.leased_until is not None else ""
    output().print(f"Case {case.case_id} is yours{until}.", soft_wrap=True)
    return 0


def show(filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """Show cases."""
    with Service("appeals") as appeals:
        found = list(services.list_cases(appeals, filters, limit))
    if as_lines:
        for _, raw in found:
            print_json(raw)
    elif found:
        print_rows(output(), _COLUMNS, [_row(case) for case, _ in found])
    else:
        output(errors=True).print("No case is like that.")


def _row(case: Case) -> list[str]:
    return [
        _due(case),
        dollars(case.expected_cents),
        dollars(case.denied_cents),
        plain(f"{case.payer_name} {case.payer_id}".strip()),
        plain(case.patient_control_number),
        case.category,
        case.action,
        case.state,
        plain(case.holder or case.assignee or case.team or ""),
    ]


def _due(case: Case) -> str:
    """Say the last day; a ? where somebody has to settle the payer."""
    doubt = "?" if case.deadline_is in ("assumed", "unknown") else ""
    return f"{case.due_on or ''}{doubt}"
