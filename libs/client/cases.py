"""`recours cases`: one case with its history, and the steps that people take with it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from libs.client import services
from libs.client.case_shapes import AppealOfCase, CaseDetail
from libs.client.errors import ClientError
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service, json_body
from libs.common.money import dollars

_HISTORY: Final = (
    Column("at", width=16),
    Column("step", width=20),
    Column("then", width=26),
    Column("who", width=12),
    Column("why", min_width=24),
)
_APPEALS: Final = (
    Column("filed on", width=10),
    Column("what", width=22),
    Column("channel", width=13),
    Column("ask from", width=10),
    Column("sending", width=10),
    Column("outcome", width=17),
    Column("recovered", "right", width=12),
)


def show(case_id: UUID, *, as_json: bool) -> None:
    """Show a case: where it stands, what may be done next, what was filed, how it came so."""
    with Service("appeals") as appeals:
        _print(services.get_case(appeals, case_id), as_json=as_json)


def change(case_id: UUID, route: str, told: Mapping[str, Any], *, as_json: bool) -> None:
    """Change a case as it stands now, and show it: whoever changed it meanwhile is not overruled."""
    with Service("appeals") as appeals:
        version = services.get_case(appeals, case_id).value.version
        body = json_body(_known(told), {"Idempotency-Key": str(uuid4()), "If-Match": f'"{version}"'})
        answer = services.change_case(appeals, case_id, route, body)
    _print(answer, as_json=as_json)


def answer(case_id: UUID, request_id: UUID | None, documents: Sequence[str], told: Mapping[str, Any], *, as_json: bool) -> None:
    """Answer a request for records by a 275. Each document is told as ID or ID=CODE, of what it answers.

    Errors: ClientError where no request is named and not exactly one is open.
    """
    with Service("appeals") as appeals:
        case = services.get_case(appeals, case_id).value
        waiting = [each.request_id for each in case.records_requests if each.answered_by is None]
        if request_id is None and len(waiting) != 1:
            raise ClientError(f"{len(waiting)} requests wait for an answer: name one by --request.")
        pairs = [each.partition("=") for each in documents]
        chosen = [{"document_id": name, **({"code": code} if code else {})} for name, _, code in pairs]
        body = {**_known(told), "request_id": str(request_id or waiting[0]), "documents": chosen}
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": f'"{case.version}"'}
        sent = services.change_case(appeals, case_id, "records-answer/send", json_body(body, headers))
    _print(sent, as_json=as_json)


def log(case_id: UUID, told: Mapping[str, Any], *, as_json: bool) -> None:
    """Log a call, a letter or a message about a case."""
    body = json_body(_known(told), {"Idempotency-Key": str(uuid4())})
    with Service("appeals") as appeals:
        answer = services.log_entry(appeals, case_id, body)
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    promised = f"; promised by {answer.value.promised_on}" if answer.value.promised_on is not None else ""
    output().print(f"logged as {answer.value.entry_id}{promised}", soft_wrap=True)


def _known(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _print(answer: Answer[CaseDetail], *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.Raw(answer.raw))
        return
    case = answer.value
    due = f", due on {case.due_on}" if case.due_on is not None else ""
    whose = f"{plain(case.payer_name)}, PCN {plain(case.patient_control_number)}"
    output().print(f"{case.state}{due}: {dollars(case.denied_cents)} refused by {whose}", soft_wrap=True)
    output().print(plain(case.explanation), soft_wrap=True)
    for other in case.siblings:
        same = "the same claim" if other.payer_claim_control_number == case.payer_claim_control_number else "this account"
        refused = f"{dollars(other.denied_cents)} refused on {other.payment_on}"
        output().print(f"another case of {same}: {other.state}, {refused} ({other.case_id})", soft_wrap=True)
    output().print("next: " + (", ".join(each.command for each in case.next_steps) or "nothing"), soft_wrap=True)
    for each in case.tasks:
        output().print(f"to do: {each.task}, promised by {each.promised_on} ({each.entry_id})", soft_wrap=True)
    for asked in case.records_requests:
        if asked.answered_by is None:
            by = f" by {asked.due_on}" if asked.due_on is not None else ""
            codes = ", ".join(plain(each.code) for each in asked.codes)
            output().print(f"to do: answer request {plain(asked.trace)}{by}: {codes} ({asked.request_id})", soft_wrap=True)
    if case.appeals:
        print_rows(output(), _APPEALS, [_appeal(each) for each in case.appeals])
    told = [[f"{each.at:%Y-%m-%d %H:%M}", each.command, each.state, plain(each.who), plain(each.why)] for each in case.history]
    print_rows(output(), _HISTORY, told)


def _appeal(each: AppealOfCase) -> list[str]:
    return [
        str(each.filed_on or ""),
        each.level or each.action,
        each.channel or "",
        str(each.next_check_on or ""),
        each.delivery_problem or each.delivery or "",
        each.outcome or "",
        "" if each.recovered_cents is None else dollars(each.recovered_cents),
    ]
