"""The commands `recours cases`: their arguments; what they do is in cases.py."""

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from libs.client import cases, worklist
from libs.client.options import AsJson, day_of

app: Final = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Denials at work: what was done, what may be done next.")
Why = Annotated[str, typer.Option(help="kept in the history; no patient's data")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="left out: today")]


@app.command("list")
def list_cases(
    state: Annotated[str | None, typer.Option(help="such as filed")] = None,
    payer: Annotated[str | None, typer.Option(help="payer id (TRN03)")] = None,
    pcn: Annotated[str | None, typer.Option(help="patient control number")] = None,
    task: Annotated[str | None, typer.Option(help="promise_missed: what somebody has to see to")] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 50,
    as_lines: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> None:
    """Show cases, newest first; `recours worklist list` shows them as they are to be worked."""
    worklist.show({"sort": "newest", "state": state, "payer": payer, "pcn": pcn, "task": task}, limit, as_lines=as_lines)


@app.command("show")
def show_case(case_id: UUID, as_json: AsJson = False) -> None:
    """Show one case: what may be done next, what was filed, its history."""
    cases.show(case_id, as_json=as_json)


@app.command("do")
def do_step(
    case_id: UUID, command: Annotated[str, typer.Argument(help="such as start_review")], why: Why, as_json: AsJson = False
) -> None:
    """Take a step with a case."""
    cases.change(case_id, "transitions", {"command": command, "why": why}, as_json=as_json)


@app.command("file")
def file_case(
    case_id: UUID,
    channel: Annotated[str, typer.Option(help="portal, fax, mail, clearinghouse, electronic, folder or https")],
    why: Why,
    action: Annotated[str, typer.Option(help="appeal, correct_and_resubmit or send_documents")] = "appeal",
    level: Annotated[str | None, typer.Option(help="of an appeal, such as redetermination")] = None,
    tracking_number: Annotated[str | None, typer.Option(help="what the payer or carrier calls it")] = None,
    packet_sha256: Annotated[str | None, typer.Option(help="of the packet")] = None,
    packet_id: Annotated[UUID | None, typer.Option(help="a packet of the case")] = None,
    filed_on: Day = None,
    good_cause: Annotated[str | None, typer.Option(help="why it may still be filed after the last day")] = None,
    as_json: AsJson = False,
) -> None:
    """Send something to the payer, or say that it was sent."""
    told = {"action": action, "level": level, "channel": channel, "tracking_number": tracking_number, "why": why}
    told |= {
        "packet_sha256": packet_sha256,
        "packet_id": str(packet_id) if packet_id else None,
        "filed_on": day_of(filed_on),
        "good_cause": good_cause,
    }
    cases.change(case_id, "file", told, as_json=as_json)


@app.command("answer")
def answer_request(
    case_id: UUID,
    documents: Annotated[list[str], typer.Option("--document", help="ID of a document, or ID=CODE of what it answers; repeatable")],
    why: Why,
    channel: Annotated[str, typer.Option(help="folder or https")] = "folder",
    request: Annotated[UUID | None, typer.Option(help="left out: the one that waits")] = None,
    good_cause: Annotated[str | None, typer.Option(help="why it may still be sent after the last day")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a payer's request for records: a 275 around documents of the case is sent."""
    told = {"channel": channel, "why": why, "good_cause": good_cause}
    cases.answer(case_id, request, documents, told, as_json=as_json)


@app.command("log")
def log_entry(
    case_id: UUID,
    kind: Annotated[str, typer.Argument(help="call, letter, portal_message, fax or email")],
    party: Annotated[str, typer.Option("--with", help="the organisation, the role")],
    said: Annotated[str, typer.Option(help="what was said or written")],
    direction: Annotated[str, typer.Option(help="in: from the payer; out: from us")] = "out",
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="when, in this machine's time; left out: now")
    ] = None,
    reference_number: Annotated[str | None, typer.Option(help="what the payer calls it")] = None,
    promise: Annotated[str | None, typer.Option(help="what the payer promised")] = None,
    promised_on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="by which day")] = None,
    as_json: AsJson = False,
) -> None:
    """Log a call, a letter or a message; what was promised by a day and does not come is a task of the case."""
    told = {"kind": kind, "direction": direction, "party": party, "said": said, "reference_number": reference_number}
    moment = at.astimezone() if at is not None else datetime.now(UTC)
    told |= {"at": moment.isoformat(), "promise": promise, "promised_on": day_of(promised_on)}
    cases.log(case_id, told, as_json=as_json)


@app.command("outcome")
def record_outcome(
    case_id: UUID,
    outcome: Annotated[str, typer.Argument(help="overturned, partly_overturned or upheld")],
    decided_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="the day of the payer's letter")],
    why: Why,
    reference: Annotated[str | None, typer.Option(help="what the payer calls its decision")] = None,
    as_json: AsJson = False,
) -> None:
    """Record how the payer decided; what was recovered is read from remittances."""
    told = {"outcome": outcome, "decided_on": day_of(decided_on), "reference": reference, "why": why}
    cases.change(case_id, "outcome", told, as_json=as_json)
