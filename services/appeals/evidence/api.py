"""Evidence over HTTP: what a case has and lacks, what is waived, what Recours attaches by itself, a tenant's own checklists."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.http.deps import BehalfDep, ClockDep, DatabaseDep, TenantDep, WhoDep
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from services.appeals.documents.keeping import desk_of
from services.appeals.documents.store import list_documents
from services.appeals.documents.views import DocumentView
from services.appeals.evidence import collecting, store
from services.appeals.evidence.checklists import EVERY_PAYER, Checked, Wanted, categories, items, standard
from services.appeals.evidence.views import (
    Checklists,
    ChecklistView,
    CollectedView,
    EvidenceItemView,
    EvidenceView,
    KnownItemView,
    SetChecklist,
    Waive,
    WaiverView,
    WantedView,
)
from services.appeals.ingest import Ingest

router = APIRouter(tags=["evidence"])

ItemName = Annotated[str, Path(max_length=40, description="an item of the case's checklist")]
Category = Annotated[str, Path(max_length=40, description="a category of denials")]
Payer = Annotated[str, Query(max_length=80, description="payer id (TRN03); left out: every payer without a list of its own")]
_CASE: Final = "/v1/cases/{case_id}/evidence"


async def _case(tx: AsyncConnection, tenant: str, case_id: UUID) -> RowMapping:
    case = await store.get_case(tx, tenant, case_id)
    if case is None:
        raise not_found("case")
    return case


async def _checked(tx: AsyncConnection, tenant: str, case_id: UUID) -> tuple[list[Checked], store.Waivers]:
    return (await store.checked(tx, [(tenant, case_id)]))[tenant, case_id]


async def _view(tx: AsyncConnection, tenant: str, case: RowMapping) -> EvidenceView:
    found, waived = await _checked(tx, tenant, case["case_id"])
    told = {item: WaiverView(reason=row["reason"], who=row["who"], at=row["at"]) for item, row in waived.items()}
    return EvidenceView(
        case_id=case["case_id"],
        category=case["category"],
        payer_id=case["payer_id"],
        complete=not any(each.keeps_back for each in found),
        items=[EvidenceItemView.of(each, told.get(each.item)) for each in found],
    )


@router.get(_CASE, summary="What a case has and what it lacks", responses=responses(404, 422))
async def get_evidence(case_id: UUID, tenant: TenantDep, database: DatabaseDep) -> EvidenceView:
    """While something that is needed is missing, the case does not become `ready`."""
    async with database.begin(tenant) as tx:
        return await _view(tx, tenant, await _case(tx, tenant, case_id))


@router.post(f"{_CASE}/collect", summary="Attach what Recours holds", responses=responses(404, 409, 422))
async def collect_evidence(
    request: Request, case_id: UUID, tenant: TenantDep, database: DatabaseDep, clock: ClockDep, behalf: BehalfDep
) -> CollectedView:
    """Attaches the acknowledgement as proof of timely filing and an extract of the remittance, as ingest has them now. Done again
    it changes nothing, unless ingest has learned something since. While ingest is away nothing is changed: 503.
    """
    ingest: Ingest = request.app.state.ingest
    async with database.begin(tenant) as tx:
        case = await _case(tx, tenant, case_id)
    made = await collecting.make(ingest, case, behalf)
    async with collecting.kept(desk_of(request).blobs, tenant, case_id, made) as kept, database.begin(tenant) as tx:
        rows = await collecting.attach(tx, tenant, kept, clock.now())
        evidence = await _view(tx, tenant, case)
        current = await list_documents(tx, tenant, case_id, ["current"])
    places = {row["document_id"]: place for place, row in enumerate(current, start=1)}
    return CollectedView(
        **evidence.model_dump(),
        attached=[DocumentView.model_validate({**row, "exhibit": places.get(row["document_id"])}) for row in rows],
        not_held=[item for kind, item in collecting.ITEMS.items() if kind not in {each.kind for each in made}],
    )


@router.put(f"{_CASE}/{{item}}/waiver", summary="Go without something", responses=responses(404, 415, 422))
async def waive_evidence(
    case_id: UUID, item: ItemName, body: Waive, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> EvidenceView:
    """Who waived what and why is kept."""
    async with database.begin(tenant) as tx:
        case = await _case(tx, tenant, case_id)
        found, waived = await _checked(tx, tenant, case_id)
        if item not in {each.item for each in found}:
            raise not_found("item on the checklist of this case")
        if item not in waived or waived[item]["reason"] != body.reason:
            await store.tell_waiver(tx, tenant, case_id, item, "waived", body.reason, who, clock.now())
        return await _view(tx, tenant, case)


@router.delete(f"{_CASE}/{{item}}/waiver", summary="Ask for it after all", responses=responses(404, 422))
async def withdraw_waiver(
    case_id: UUID, item: ItemName, tenant: TenantDep, who: WhoDep, database: DatabaseDep, clock: ClockDep
) -> EvidenceView:
    async with database.begin(tenant) as tx:
        case = await _case(tx, tenant, case_id)
        if item not in (await store.waivers(tx, [(tenant, case_id)]))[tenant, case_id]:
            raise not_found("waiver")
        await store.tell_waiver(tx, tenant, case_id, item, "withdrawn", "", who, clock.now())
        return await _view(tx, tenant, case)


@router.get("/v1/evidence/checklists", summary="What cases need, by category and payer", responses=responses(422))
async def list_checklists(tenant: TenantDep, database: DatabaseDep) -> Checklists:
    """The standard list of each category, and your own ones, which outweigh it."""
    async with database.begin(tenant) as tx:
        own = (await store.own_lists(tx, [tenant]))[tenant]
    told = [_told(category, EVERY_PAYER, standard(category), is_own=False) for category in categories()]
    told += [_told(category, payer, wanted, is_own=True) for (payer, category), wanted in own.items()]
    return Checklists(known_items=[KnownItemView.of(name, item) for name, item in items().items()], items=told)


@router.put("/v1/evidence/checklists/{category}", summary="Set your own checklist", responses=responses(404, 415, 422))
async def set_checklist(
    category: Category,
    body: SetChecklist,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    payer_id: Payer = EVERY_PAYER,
) -> ChecklistView:
    """It holds at once, for cases that are open too. An empty list asks for nothing."""
    _require(category)
    wanted = tuple({each.item: Wanted(each.item, each.needed) for each in body.items}.values())
    if not {each.item for each in wanted} <= set(items()):
        raise Problem(422, "unknown-item", "A checklist holds items of `known_items` only.")
    async with database.begin(tenant) as tx:
        await store.set_list(tx, tenant, payer_id, category, wanted, who, clock.now())
    return _told(category, payer_id, wanted, is_own=True)


@router.delete(
    "/v1/evidence/checklists/{category}", summary="Go back to the standard", status_code=204, responses=responses(404, 422)
)
async def forget_checklist(category: Category, tenant: TenantDep, database: DatabaseDep, payer_id: Payer = EVERY_PAYER) -> None:
    _require(category)
    async with database.begin(tenant) as tx:
        await store.forget_list(tx, tenant, payer_id, category)


def _require(category: str) -> None:
    if category not in categories():
        raise not_found("category")


def _told(category: str, payer_id: str, wanted: Sequence[Wanted], *, is_own: bool) -> ChecklistView:
    shown = [WantedView.of(each) for each in wanted]
    return ChecklistView(category=category, payer_id=payer_id, origin="own" if is_own else "standard", items=shown)
