"""The classifier's HTTP interface: denials, and the judgement of any claim without keeping it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from libs.common.access.verifier import Verifier
from libs.common.changes import FIRST_CHANGE, Change, latest_change
from libs.common.clock import Clock
from libs.common.contracts.risk import PATH
from libs.common.contracts.words import Action, Category
from libs.common.database import Database
from libs.common.http import dead_letters, ledger, outbox, trails
from libs.common.http.app import create_app
from libs.common.http.deps import DatabaseDep, PeriodDep, TenantDep
from libs.common.http.paging import (
    LIMIT,
    Cursor,
    Limit,
    NextChange,
    Page,
    Start,
    cut_page,
    read_change_cursor,
    read_id_cursor,
    write_change_cursor,
)
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from libs.common.http.written import Day
from services.classifier import decision, store
from services.classifier.audited import AUDITED
from services.classifier.codes import api as codes
from services.classifier.judgement import Context
from services.classifier.labels import api as labels
from services.classifier.models import api as models
from services.classifier.odds import api as odds_api
from services.classifier.odds.api import OddsDep
from services.classifier.odds.book import Asked, tell, told_of
from services.classifier.odds.outcomes import Circumstances, KeptDenial, circumstances, subject
from services.classifier.odds.shelf import Shelf
from services.classifier.replays import api as replays
from services.classifier.retention import KINDS
from services.classifier.risk import api as risk
from services.classifier.risk.desk import RiskJudges
from services.classifier.rules import api as rules
from services.classifier.rules import store as rules_store
from services.classifier.rules.model import NO_RULES
from services.classifier.scopes import SCOPES
from services.classifier.seals import HOLDINGS
from services.classifier.verdict import Adjudicated, judge
from services.classifier.views import DenialView, Judged, Kind, OddsView, deadline_view, reason_view

Cents = Annotated[int, Field(ge=-(10**15), le=10**15, strict=True)]
Code = Annotated[str, Field(min_length=1, max_length=20)]


class AdjustmentBody(BaseModel):
    group_code: Code
    carc: Code
    amount_cents: Cents
    line: int | None = Field(None, ge=1)
    rarcs: list[Code] = Field(default_factory=list, max_length=100, description="remarks beside this adjustment")


class RemarkBody(BaseModel):
    rarc: Code
    line: int | None = Field(None, ge=1)


class LineRemarksBody(BaseModel):
    line: int = Field(ge=1)
    rarcs: list[Code] = Field(max_length=100)


class ContextBody(BaseModel):
    """Facts that the remittance does not hold; leave out what is unknown."""

    model_config = ConfigDict(extra="forbid")

    original_claim: Literal["paid", "denied", "pending"] | None = None
    authorization_on_file: bool | None = None
    authorization_on_claim: bool | None = None
    proof_of_timely_filing: bool | None = None
    distinct_service: bool | None = None
    capitated_contract: bool | None = None
    eligibility_verified: bool | None = None


class ClassifyBody(BaseModel):
    """One adjudicated claim, in the shape of `remit.received`; what is not named here is ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "claim_status_code": "1",
                "charge_cents": 12000,
                "paid_cents": 0,
                "claim_type": "professional",
                "payer_kind": "commercial",
                "adjustments": [{"group_code": "CO", "carc": "197", "amount_cents": 12000, "line": 1}],
                "rarcs": ["N54"],
                "context": {"authorization_on_file": True},
            }
        }
    )

    claim_status_code: Annotated[str, Field(max_length=2)] = "1"
    charge_cents: Cents
    paid_cents: Cents
    claim_type: Literal["professional", "institutional", "dental"] | None = None
    payer_kind: (
        Literal[
            "medicare", "medicare_advantage", "medicaid", "commercial", "marketplace", "workers_comp", "auto_liability", "other"
        ]
        | None
    ) = None  # fmt: skip
    adjustments: list[AdjustmentBody] = Field(max_length=20_000)
    rarcs: list[Code | RemarkBody | LineRemarksBody] | dict[int, list[Code]] = Field(
        default_factory=list, description="remark codes of the claim; or each with its line; or by line"
    )
    days_since_service: int | None = Field(None, ge=0)
    payer_id: str = Field("", max_length=80, description="TRN03; with `payment_on` your own rules for this payer are asked too")
    payment_on: Day | None = Field(None, description="your rules hold from day to day, and deadlines count from it")
    service_from_on: Day | None = Field(None, description="deadlines count from it")
    service_to_on: Day | None = Field(None, description="deadlines of institutional claims count from it")
    context: ContextBody | None = None

    def adjudicated(self) -> Adjudicated:
        return Adjudicated(self.to_claim(), self.payer_id, self.payment_on, self.service_from_on, self.service_to_on)

    def circumstances(self, judged: decision.Classification) -> Circumstances:
        days = self.days_since_service
        if days is None and self.payment_on is not None and self.service_from_on is not None:
            days = (self.payment_on - self.service_from_on).days
        return circumstances(judged, self.charge_cents, self.paid_cents, days)

    def to_claim(self) -> decision.AdjudicatedClaim:
        remarks = [decision.Remark(rarc, item.line) for item in self.adjustments for rarc in item.rarcs]
        if isinstance(self.rarcs, dict):
            remarks += [decision.Remark(rarc, line) for line, rarcs in self.rarcs.items() for rarc in rarcs]
        else:
            remarks += [remark for item in self.rarcs for remark in _remarks(item)]
        return decision.AdjudicatedClaim(
            claim_status_code=self.claim_status_code,
            charge_cents=self.charge_cents,
            paid_cents=self.paid_cents,
            adjustments=tuple(
                decision.Adjustment(item.group_code, item.carc, item.amount_cents, item.line) for item in self.adjustments
            ),
            rarcs=tuple(remarks),
            claim_type=self.claim_type,
            payer_kind=self.payer_kind,
            days_since_service=self.days_since_service,
            context=Context(**self.context.model_dump()) if self.context else None,
        )


def _remarks(item: str | RemarkBody | LineRemarksBody) -> list[decision.Remark]:
    if isinstance(item, LineRemarksBody):
        return [decision.Remark(rarc, item.line) for rarc in item.rarcs]
    return [decision.Remark(item.rarc, item.line) if isinstance(item, RemarkBody) else decision.Remark(item)]


class ClassifyAnswer(Judged):
    is_denial: bool
    recoverable: bool
    odds: OddsView | None = Field(None, description="of contesting it; null: no denial, or nothing to contest with this payer")
    expected_value_cents: int | None = Field(None, description="what a win usually brings, times the odds")


class Filter:
    """The query parameters by which denials are chosen."""

    def __init__(
        self,
        period: PeriodDep,
        status: Annotated[
            Literal["active", "retracted"] | None,
            Query(description="`retracted`: the payer took it back, or took the rejected claim"),
        ] = None,
        payer: Annotated[str | None, Query(max_length=80, description="payer id (TRN03)")] = None,
        category: Annotated[Category | None, Query(description="why, in one word")] = None,
        kind: Annotated[Kind | None, Query(description="`rejection`: sent back without judgement")] = None,
        action: Annotated[Action | None, Query(description="what to do, in one word")] = None,
        claim_id: Annotated[UUID | None, Query(description="the claim as submitted")] = None,
        pcn: Annotated[
            str | None, Query(max_length=400, description="patient control number, as billed or as the payer spells it")
        ] = None,
        due_by: Annotated[
            Day | None, Query(description="what has to be done has a known last day, and it is this one or earlier")
        ] = None,
    ) -> None:
        named: dict[str, Any] = {"status": status, "payer_id": payer, "category": category, "kind": kind, "action": action}
        named |= {"claim_id": claim_id}
        equal = {name: value for name, value in named.items() if value is not None}
        self.wanted = store.Wanted(equal, period.first, period.last, pcn, due_by)
        self.told: Mapping[str, Any] = equal | {"first": period.first, "last": period.last, "pcn": pcn, "due_by": due_by}


FilterDep = Annotated[Filter, Depends()]


class Changes(BaseModel):
    items: list[DenialView]
    next_cursor: NextChange


router = APIRouter()


@router.get("/v1/denials", tags=["denials"], summary="Denials, newest first", responses=responses(400, 422))
async def list_denials(
    tenant: TenantDep, database: DatabaseDep, odds: OddsDep, chosen: FilterDep, cursor: Cursor = None, limit: Limit = LIMIT
) -> Page[DenialView]:
    before = read_id_cursor(cursor, tenant, chosen.told)
    async with database.begin(tenant) as tx:
        known = await odds.known(tx, tenant)
        found = await store.find_denials(tx, tenant, chosen.wanted, before=before, limit=limit + 1)
    told = told_of([kept for _, kept in found], known)
    rows = [(row_id, kept, each) for (row_id, kept), each in zip(found, told, strict=True)]
    return cut_page(rows, limit, tenant, chosen.told, lambda row: DenialView.of(row[1], row[2]), position=itemgetter(0))


@router.get(
    "/v1/denials/changes",
    tags=["denials"],
    summary="Denials in the order of their changes, to follow",
    responses=responses(400, 422),
)
async def list_changes(
    tenant: TenantDep,
    database: DatabaseDep,
    odds: OddsDep,
    chosen: FilterDep,
    start: Start = "oldest",
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Changes:
    """Each denial at its latest revision, in the order of change; changed again, it comes again. Ask again with `next_cursor` and
    every change after it comes exactly once, however late it was written; revisions that followed each other between two requests
    come as one. With filters, a denial that a change moved out of them does not come.
    """
    place = read_change_cursor(cursor, tenant, chosen.told)
    found: list[tuple[Change, KeptDenial]] = []
    async with database.begin(tenant) as tx:
        known = await odds.known(tx, tenant)
        if place is None and start == "now":
            place = await latest_change(tx)
        else:
            place = place or FIRST_CHANGE
            found = await store.changed_denials(tx, tenant, chosen.wanted, after=place, limit=limit)
    last = found[-1][0] if found else place
    kept = [each for _, each in found]
    items = [DenialView.of(each, told) for each, told in zip(kept, told_of(kept, known), strict=True)]
    return Changes(items=items, next_cursor=write_change_cursor(last, tenant, chosen.told))


@router.get("/v1/denials/{denial_id}", tags=["denials"], summary="One denial, as it stands", responses=responses(404, 422))
async def get_denial(denial_id: UUID, tenant: TenantDep, database: DatabaseDep, odds: OddsDep) -> DenialView:
    async with database.begin(tenant) as tx:
        known = await odds.known(tx, tenant)
        kept = await store.get_denial(tx, tenant, denial_id)
    if kept is None:
        raise not_found("denial")
    (told,) = told_of([kept], known)
    return DenialView.of(kept, told)


@router.post(
    "/v1/classify",
    tags=["classification"],
    summary="Judge one adjudicated claim; nothing is kept",
    responses=responses(400, 413, 422),
)
async def classify(body: ClassifyBody, tenant: TenantDep, database: DatabaseDep, odds: OddsDep) -> ClassifyAnswer:
    """Judged as a remit of the same content would be. Without `payment_on` your own rules are not asked."""
    held, known = NO_RULES, odds.at_hand(tenant)
    if body.payment_on is not None or known is None:
        async with database.begin(tenant) as tx:
            known = await odds.known(tx, tenant)
            if body.payment_on is not None:
                held = (await rules_store.in_force(tx, [tenant])).get(tenant, NO_RULES)
    verdict = judge(body.adjudicated(), held)
    judged = verdict.judged
    contest = subject(judged, body.payer_id, body.payer_kind, body.claim_type) if decision.is_recoverable(judged) else None
    asked = [] if contest is None else [Asked(contest, body.circumstances(judged), judged.denied_cents)]
    told = next(iter(tell(known, asked)), None)
    return ClassifyAnswer(
        is_denial=judged.is_denial,
        recoverable=decision.is_recoverable(judged),
        category=judged.category,  # type: ignore[arg-type]  # checked against the closed list when it is written
        kind=judged.kind,  # type: ignore[arg-type]
        action=judged.action,  # type: ignore[arg-type]
        alternative_actions=list(judged.alternative_actions),  # type: ignore[arg-type]
        preventable=judged.preventable,
        denied_cents=judged.denied_cents,
        reasons=[reason_view(reason) for reason in judged.reasons],
        core_scenario=judged.core_scenario,
        explanation=verdict.explanation,
        explanation_fr=verdict.explanation_fr,
        rules=list(judged.rules),
        confidence=judged.confidence,
        appeal_by=deadline_view(verdict.appeal_by),
        correct_by=deadline_view(verdict.correct_by),
        rule_version=verdict.rule_version,
        odds=OddsView.of(told) if told is not None else None,
        expected_value_cents=told.expected_value_cents if told is not None else None,
    )


def make_app(database: Database, clock: Clock, verifier: Verifier, ready_for: Sequence[str] = ()) -> FastAPI:
    """Put the application together. Models are kept ready for some tenants; others wait for theirs when they first ask."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ready = [app.state.risk.keep_ready(database, tenant, clock) for tenant in ready_for]
        ready += [app.state.odds.keep_ready(database, tenant) for tenant in ready_for]
        keeping = [asyncio.create_task(each) for each in ready]
        yield
        for each in keeping:
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await each
        await verifier.close()
        await database.close()

    app = create_app(
        "classifier",
        "What each denial is, whether it can be won, and what to do.",
        audited=AUDITED,
        retention=KINDS,
        verifier=verifier,
        scopes=SCOPES,
        checks={"database": database.ping},
        routers=[
            router,
            odds_api.router,
            codes.router,
            rules.router,
            replays.router,
            labels.router,
            risk.router,
            models.router,
            ledger.router,
            dead_letters.router,
            outbox.router,
            trails.trail(),
        ],
        tags={
            "denials": "What was refused, why, and what to do.",
            "classification": "The same judgement for any claim, without keeping it.",
            "rules": "What you change in the judgement, by version.",
            "odds": "How likely a contested denial is overturned, learned from how yours ended.",
            "risk": "What is to be expected of a claim before it is sent.",
            "models": "What is learned from outcomes: trained, held against what is in use, put in its place, watched.",
            "codes": "What each adjustment and remark code means, and what we make of it.",
        },
        lifespan=lifespan,
        json_max_bytes={PATH: risk.BODY_MAX_BYTES},
    )
    app.state.database, app.state.clock = database, clock
    app.state.odds = Shelf(clock)
    app.state.risk, app.state.holdings = RiskJudges(), HOLDINGS
    return app
