"""Ingest's HTTP interface to matches: which claim a remit answers, a person's decision, a claim's balance, provider adjustments."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts import remit_matched
from libs.common.contracts.envelope import first_event
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep, TraceDep, WhoDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor, read_id_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.messaging import outbox
from services.ingest.balance import balance
from services.ingest.followups.store import touch, touched_by
from services.ingest.matches import queries, store
from services.ingest.matches.booking import candidates_of, matched_event
from services.ingest.matches.views import (
    BalanceView,
    CandidateView,
    DecideMatch,
    DifferenceView,
    MatchChange,
    MatchDetail,
    MatchView,
    ProviderAdjustmentRow,
)
from services.ingest.matching import Fit, Result, Verdict, fit, judge, settled
from services.ingest.provider_adjustments import kind_of
from services.ingest.store import bump_accounts, set_versions

router = APIRouter(tags=["matches"])


@router.get("/v1/matches", summary="Which claims remits answer, newest first", responses=responses(400, 422))
async def list_matches(
    tenant: TenantDep,
    database: DatabaseDep,
    result: Annotated[Result | None, Query(description="only these")] = None,
    claim_id: Annotated[UUID | None, Query(description="the remits of one claim")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[MatchView]:
    filters = {"result": result, "claim_id": claim_id}
    before = read_id_cursor(cursor, tenant, filters)
    async with database.begin(tenant) as tx:
        rows = await queries.list_matches(tx, tenant, result, claim_id, before, limit + 1)
    return cut_page(rows, limit, tenant, filters, lambda row: MatchView.model_validate(_plain(row)))


@router.get("/v1/matches/{remit_id}", summary="One match with its candidates and history", responses=responses(404, 422))
async def get_match(remit_id: UUID, tenant: TenantDep, database: DatabaseDep) -> MatchDetail:
    async with database.begin(tenant) as tx:
        return await _detail(tx, tenant, remit_id)


@router.post(
    "/v1/matches/{remit_id}",
    summary="Decide which claim a remit answers",
    responses=responses(400, 404, 409, 415, 422),
)
async def decide_match(
    remit_id: UUID,
    body: DecideMatch,
    tenant: TenantDep,
    who: WhoDep,
    database: DatabaseDep,
    clock: ClockDep,
    traceparent: TraceDep,
    key: idempotency.Key = None,
) -> MatchDetail:
    """What a person decides stays until a person decides otherwise. Who, when and why is kept, and `remit.matched` tells of it."""
    idempotency.require(key)
    now = clock.now()
    digest = idempotency.digest("decide_match", str(remit_id), body.model_dump_json())
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            return MatchDetail.model_validate_json(kept.body)
        found = await store.standing(tx, tenant, remit_id)
        if found is None:
            raise not_found("match")
        account = found.answer.told.claim_key
        versions = await bump_accounts(tx, tenant, {account: 0})
        was = await store.standing(tx, tenant, remit_id) or found  # as it stands under the lock
        verdict = await _decision(tx, tenant, was, body.claim_id)
        await store.update_matches(tx, tenant, [(was, verdict)], "person", now)
        await store.insert_history(tx, tenant, [(was, verdict)], decided_by="person", who=who, why=body.reason, now=now)
        await touch(tx, tenant, touched_by(remit_id, was.claim_id, verdict.claim_id), now)
        if was.claim_id != verdict.claim_id:
            event = first_event(
                remit_matched.TOPIC,
                remit_matched.TYPE,
                matched_event(was, verdict, "person", now),
                key=account,
                tenant_id=tenant,
                sequence=versions[account] + 1,
                correlation_id=str(was.answer.told.interchange_id),
                traceparent=traceparent,
            )
            await set_versions(tx, tenant, {account: versions[account] + 1})
            await outbox.append(tx, [event])
        detail = await _detail(tx, tenant, remit_id)
        await idempotency.finish(tx, tenant, key, idempotency.Kept(200, None, detail.model_dump_json()))
    return detail


async def _decision(tx: AsyncConnection, tenant: str, was: store.Standing, claim_id: UUID | None) -> Verdict:
    """Return the verdict that a person's choice is. Errors: Problem 422 where there is no such claim."""
    if claim_id is None:
        return Verdict("unmatched")
    chosen = await store.billed_one(tx, tenant, claim_id)
    if chosen is None:
        raise Problem(422, "unknown-claim", "There is no claim of this id.")
    return settled(fit(was.answer, chosen), ())


async def _detail(tx: AsyncConnection, tenant: str, remit_id: UUID) -> MatchDetail:
    row = await queries.get_match(tx, tenant, remit_id)
    standing = await store.standing(tx, tenant, remit_id)
    if row is None or standing is None:
        raise not_found("match")
    candidates = (await candidates_of(tx, tenant, [standing.answer]))[remit_id]
    history = await queries.get_history(tx, tenant, row["row_id"])
    return MatchDetail.model_validate(
        {
            **_plain(row),
            "candidates": [_candidate(each) for each in judge(standing.answer, candidates).candidates],
            "history": [MatchChange.model_validate(dict(each)) for each in history],
        }
    )


def _candidate(each: Fit) -> CandidateView:
    return CandidateView.model_validate(msgspec.to_builtins(each))


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, "differences": [DifferenceView.model_validate(each) for each in row["differences"]]}


@router.get(
    "/v1/claims/{claim_id}/balance", summary="What a claim comes to over all its adjudications", responses=responses(404, 422)
)
async def get_balance(claim_id: UUID, tenant: TenantDep, database: DatabaseDep) -> BalanceView:
    """A reversal undoes exactly the adjudication that it repeats with its signs turned; one without its original counts nothing
    and is a finding. What other payers were sent for the same services is counted, too.
    """
    async with database.begin(tenant) as tx:
        claim = await queries.get_claim(tx, tenant, claim_id)
        if claim is None:
            raise not_found("claim")
        others = await queries.also_sent(tx, tenant, claim_id)
        answers = await queries.answers_to(tx, tenant, [claim_id, *others])
    told = balance(tenant, claim["claim_key"], claim["charge_cents"], answers)
    return BalanceView.model_validate({"claim_id": claim_id, "also_sent": others, **msgspec.to_builtins(told)})


@router.get(
    "/v1/provider-adjustments", summary="Adjustments of payments (PLB), newest payment first", responses=responses(400, 422)
)
async def list_provider_adjustments(
    tenant: TenantDep,
    database: DatabaseDep,
    reason_code: Annotated[str | None, Query(max_length=10, description="WO, FB, 72, CS, L6, ...")] = None,
    payer_id: Annotated[str | None, Query(max_length=80, description="TRN03")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Page[ProviderAdjustmentRow]:
    wanted = {"reason_code": reason_code, "payer_id": payer_id}
    before = read_cursor(cursor, tenant, wanted, _position)
    async with database.begin(tenant) as tx:
        rows = await queries.list_provider_adjustments(tx, tenant, wanted, before, limit + 1)
        named = await queries.claims_named(tx, tenant, {row["reference_id"] for row in rows[:limit]})

    def view(row: RowMapping) -> ProviderAdjustmentRow:
        told = {
            "kind": kind_of(row["reason_code"]),
            "payment_effect_cents": -row["amount_cents"],
            "claim_ids": named.get(row["reference_id"], []),
        }
        return ProviderAdjustmentRow.model_validate({**row, **told})

    return cut_page(rows, limit, tenant, wanted, view, position=lambda row: f"{row['row_id']} {row['ordinal']}")


def _position(told: str) -> tuple[UUID, int]:
    row, ordinal = told.split(" ")
    return UUID(row), int(ordinal)
