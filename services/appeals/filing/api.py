"""Filing over HTTP: what was sent to the payer, at which level, how; and never the same twice."""

from datetime import date
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from msgspec.structs import replace

from libs.common.contracts import appeal_filed
from libs.common.contracts.appeal_filed import AppealFiledV1
from libs.common.contracts.envelope import Event, first_event
from libs.common.http.problem import Problem, forgotten, not_found
from libs.common.http.problems import responses
from libs.common.messaging import outbox
from services.appeals import store
from services.appeals.changing import AskingDep, Locked, change
from services.appeals.deadlines.clocks import LIMIT_OF, due_on
from services.appeals.deadlines.levels import CHECK_AFTER_DAYS, CheckIs, next_check
from services.appeals.filing import store as filings
from services.appeals.filing.channels import SENT_BY_RECOURS
from services.appeals.filing.store import FiledPacket, Filing
from services.appeals.filing.views import FileCase
from services.appeals.letters import packet_store
from services.appeals.letters.gathering import entry_of
from services.appeals.outcomes.api import tell_settled
from services.appeals.outcomes.settling import appeal_id
from services.appeals.payers import store as payers
from services.appeals.records.attaching import answered
from services.appeals.views import CaseDetail
from services.appeals.workflow import Case, Command, Move, Refusal, decide
from services.appeals.worklist import store as worklist

router = APIRouter(tags=["cases"])

_COMMANDS: Final = {
    "appeal": Command.FILE,
    "correct_and_resubmit": Command.SEND_CORRECTED_CLAIM,
    "send_documents": Command.SEND_DOCUMENTS,
}


@router.post(
    "/v1/cases/{case_id}/file",
    summary="Send an appeal, a corrected claim or documents to the payer, or say that it was sent",
    responses=responses(400, 404, 409, 410, 412, 415, 422, 428),
)
async def file_case(case_id: UUID, body: FileCase, request: Request, asking: AskingDep) -> CaseDetail:
    """`appeal.filed` tells of it. The same again at the same level is refused with the day to ask the payer; after the last day
    only `good_cause` files. By `folder` and `https` Recours sends the packet itself.
    """
    require_channel(request, body.channel)

    async def act(locked: Locked) -> None:
        await file(body, locked)

    return await change(asking, case_id, "file_case", body, act)


def require_channel(request: Request, channel: str) -> None:
    """Errors: Problem 409 where Recours is to send by a channel that it does not have."""
    if channel in SENT_BY_RECOURS and channel not in request.app.state.channels:
        raise Problem(409, "channel-not-set-up", "This channel is not set up here; send it another way and say which.")


async def require_fileable(body: FileCase, locked: Locked, answer: FiledPacket | None = None) -> tuple[Case, Move, FiledPacket]:
    """Return the case, the step that files it, and what is filed: what the body names, else an `answer` to a request for records.

    Errors: Problem 409 (filed already, not to be filed, packet not ready), 404 (no such packet of the case), 410 (it is
    forgotten), 422.
    """
    today = locked.now.date()
    filed_on = body.filed_on or today
    if filed_on > today:
        raise Problem(422, "filed-in-the-future", "`filed_on` must not lie after today.")
    row, tenant = locked.row, locked.tenant
    packet = answer or await _packet(body, locked)
    if body.channel in SENT_BY_RECOURS and packet.packet_is not in ("built", "document", "records_answer"):
        raise Problem(422, "unknown-packet", "What is sent must be a packet of the case, or a PDF among its documents: name it.")
    if body.action != "send_documents":
        same = await filings.same_before(locked.tx, tenant, row["case_id"], body.action, body.level)
        if same is not None:
            detail = f"This was filed already; ask the payer about it from {same['next_check_on']} on, and do not send it again."
            if same["next_check_is"] == "assumed":
                detail += f" Nobody knows how long the payer has to decide: {CHECK_AFTER_DAYS} days are assumed."
            about, again_on = str(same["appeal_id"]), str(same["next_check_on"])
            raise Problem(
                409, "already-filed", detail, appeal_id=about, next_check_on=again_on, next_check_is=same["next_check_is"]
            )
    case = replace(store.case_of(row), due_on=due_on(row, body.action))
    asked = Move(command=_COMMANDS[body.action], who=locked.who, why=body.why, good_cause=body.good_cause, on=filed_on)
    decision = decide(case, asked, locked.now)
    if isinstance(decision, Refusal):
        raise Problem(409, "step-refused", decision.detail, reason=decision.reason)
    return case, asked, packet


async def file(
    body: FileCase,
    locked: Locked,
    answer: FiledPacket | None = None,
    request_id: UUID | None = None,
    submission_id: UUID | None = None,
) -> Filing:
    """File a locked case, and tell of it. `answer` answers the one request; documents that are sent otherwise answer all that
    was asked. `submission_id`: it goes with others. Errors: as `require_fileable`.
    """
    before, asked, packet = await require_fileable(body, locked, answer)
    case = await locked.take(before, asked)
    row, tenant, filed_on = locked.row, locked.tenant, body.filed_on or locked.now.date()
    next_check_on, next_check_is = await _next_check(body, locked, filed_on)
    filing = Filing(
        tenant_id=tenant,
        appeal_id=appeal_id(row["case_id"], case.filings),
        case_id=row["case_id"],
        claim_key=row["claim_key"],
        number=case.filings,
        action=body.action,
        level=body.level,
        channel=body.channel,
        tracking_number=body.tracking_number,
        packet_sha256=packet.sha256,
        corrected_claim_id=body.corrected_claim_id,
        disputed_cents=row["denied_cents"] if body.amount_cents is None else body.amount_cents,
        due_on=before.due_on,
        good_cause=body.good_cause,
        filed_on=filed_on,
        filed_at=locked.now,
        filed_by=locked.who,
        next_check_on=next_check_on,
        next_check_is=next_check_is,
        packet_id=packet.packet_id,
        packet_is=packet.packet_is,
        submission_id=submission_id,
    )
    await filings.insert(locked.tx, filing)
    if filing.action == "send_documents":
        await answered(locked.tx, locked.key, filing.appeal_id, locked.now, request_id)
    if filing.channel in SENT_BY_RECOURS:
        await filings.intend(locked.tx, filing)
    await outbox.append(locked.tx, [_event(locked, filing, case)])
    await tell_settled(locked)  # the payer may have answered before anybody said that it was asked
    return filing


async def _packet(body: FileCase, locked: Locked) -> FiledPacket:
    """Return what is filed. Errors: Problem 404, 409, 410, 422 where it is said to be a packet of the case and is none."""
    tx, tenant, case_id = locked.tx, locked.tenant, locked.row["case_id"]
    if body.packet_id is None:
        if body.packet_sha256 is None:
            return FiledPacket(None, None, None)
        return await filings.packet_of(tx, tenant, case_id, body.packet_sha256)
    packet = await packet_store.find(tx, tenant, case_id, body.packet_id)
    if packet is None:
        raise not_found("packet of this case")
    if packet["state"] != "ready":
        raise Problem(409, "packet-not-ready", "The packet is not ready: what is not there yet was not sent.")
    if packet["forgotten_at"] is not None:
        raise forgotten("This packet")
    if body.packet_sha256 not in (None, packet["sha256"]):
        raise Problem(422, "other-packet", "`packet_sha256` is not that of `packet_id`; one of them is enough.")
    return FiledPacket(packet["sha256"], body.packet_id, "built")


async def _next_check(body: FileCase, locked: Locked, filed_on: date) -> tuple[date, CheckIs]:
    """Return the day from which to ask the payer, and what it follows from."""
    case = await worklist.look(locked.tx, locked.tenant, locked.row["case_id"])
    kind = case.told.facts.payer_kind if case is not None else None
    payer = await payers.payer(locked.tx, locked.tenant, locked.row["payer_id"])
    entry = await entry_of(locked.tx, locked.tenant, locked.row["payer_id"])
    days = next((each.next_check_days for each in entry.channels if each.channel == body.channel), None)
    return next_check(payer, kind, body.level or LIMIT_OF[body.action], filed_on, days)


def _event(locked: Locked, filing: Filing, case: Case) -> Event:
    row = locked.row
    told = AppealFiledV1(
        appeal_id=filing.appeal_id,
        case_id=filing.case_id,
        denial_id=row["denial_id"],
        denial_revision=row["denial_revision"],
        remit_id=row["remit_id"],
        claim_key=row["claim_key"],
        payer_id=row["payer_id"],
        payer_name=row["payer_name"],
        action=filing.action,
        category=row["category"],
        disputed_cents=filing.disputed_cents,
        channel=filing.channel,
        filed_on=filing.filed_on,
        filed_at=filing.filed_at,
        level=filing.level,
        due_on=filing.due_on,
        packet_sha256=filing.packet_sha256,
    )
    return first_event(
        appeal_filed.TOPIC,
        appeal_filed.TYPE,
        told,
        key=row["claim_key"],
        tenant_id=filing.tenant_id,
        sequence=case.version,
        correlation_id=str(filing.case_id),
        traceparent=locked.traceparent,
    )
