"""Pages about codes over HTTP: meaning, what it asks for, what we make of it, how often this tenant saw it."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from libs.common.contracts.words import Action, Category
from libs.common.http.deps import DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_cursor
from libs.common.http.problem import Problem
from libs.common.http.problems import responses
from services.classifier.codes import store
from services.classifier.codes.pages import Beside, adjustment_page, remark_page
from services.classifier.decision import Classification
from services.classifier.judgement import KNOWLEDGE, normalised
from services.classifier.knowledge import AdjustmentCode, RemarkCode
from services.classifier.sentences import ASKED, CHECKLISTS, EFFECTS, Told
from services.classifier.views import Kind

router = APIRouter(tags=["codes"])

Code = Annotated[str, Path(min_length=1, max_length=20, description="in any case, with or without zeros in front: `045`, `n290`")]


class Words(BaseModel):
    en: str
    fr: str

    @classmethod
    def of(cls, told: Told) -> Self:
        return cls(en=told.en, fr=told.fr)


class Ended(BaseModel):
    """How denials ended, each by its latest decision."""

    overturned: int
    partly_overturned: int
    upheld: int
    recovered_cents: int = Field(description="what all of them brought")


class Seen(BaseModel):
    """How often the code stood in a denial of this tenant, and how those ended so far."""

    denials: int
    standing: int = Field(description="denials that the payer has not taken back")
    retracted: int = Field(description="denials that the payer took back, by a reversal")
    refused_cents: int = Field(description="of all of them, under this code or beside it")
    first_on: date | None = Field(description="first payment day with it")
    last_on: date | None = Field(description="last payment day with it")
    to_do: dict[Action, int] = Field(description="standing denials by what has to be done")
    ended: Ended = Field(description="those that were decided: by an appeal, or by the payer's next answer to the claim")


class Outcome(BaseModel):
    """What a claim comes to where half of it is refused in this way."""

    group_code: str
    is_denial: bool
    category: Category
    kind: Kind
    action: Action
    alternative_actions: list[Action]
    explanation: str
    explanation_fr: str
    rules: list[str]
    confidence: float

    @classmethod
    def of(cls, group_code: str, judged: Classification) -> Self:
        return cls.model_validate(
            {name: getattr(judged, name) for name in cls.model_fields if name != "group_code"} | {"group_code": group_code}
        )


class Turned(BaseModel):
    """Another code that turns the outcome when it stands beside this one."""

    code: str
    meaning: Words
    group_code: str
    category: Category
    kind: Kind
    action: Action


class AdjustmentCodePage(BaseModel):
    code: str
    status: Literal["active", "retired"]
    successors: list[str] = Field(description="of a retired code: what came in its place")
    meaning: Words
    asks_for: Words = Field(description="what has to be looked at")
    treatment: Literal["refusal", "price", "patient_share", "balance", "hold"]
    groups: list[str] = Field(description="group codes that it usually comes with")
    only_groups: list[str] = Field(description="group codes that it is limited to; empty: none")
    needs_remark: bool = Field(description="a remark that explains must stand beside it")
    disputed: list[Category] = Field(description="other categories that authorities give it")
    outcomes: list[Outcome] = Field(description="what we make of it, by group code")
    whole_charge: Outcome | None = Field(description="what we make of it where it takes the whole charge; null: the same")
    remarks: list[Turned] = Field(description="remark codes that turn the outcome")
    seen: Seen


class RemarkCodePage(BaseModel):
    code: str
    status: Literal["active", "retired"]
    remark_kind: Literal["alert", "explanatory"] = Field(description="an alert informs and never explains a refusal")
    meaning: Words
    asks_for: Words | None = Field(description="null of an alert")
    effect: Words | None = Field(description="what it does to rights and duties; null: nothing")
    category: Category | None = Field(description="what it points to where the adjustment code says too little")
    action: Action | None
    adjustments: list[Turned] = Field(description="adjustment codes whose outcome it turns")
    seen: Seen


class CodeView(BaseModel):
    code: str
    status: Literal["active", "retired"]
    successors: list[str] = Field(description="of a retired adjustment code: what came in its place")
    meaning: Words


@router.get("/v1/codes/carc", summary="All adjustment codes that are known here", responses=responses(400, 422))
async def list_carcs(tenant: TenantDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[CodeView]:
    return _listed(KNOWLEDGE.adjustment_codes, tenant, cursor, limit)


@router.get("/v1/codes/rarc", summary="All remark codes that are known here", responses=responses(400, 422))
async def list_rarcs(tenant: TenantDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[CodeView]:
    return _listed(KNOWLEDGE.remark_codes, tenant, cursor, limit)


def _listed(codes: Mapping[str, AdjustmentCode | RemarkCode], tenant: str, cursor: str | None, limit: int) -> Page[CodeView]:
    after = read_cursor(cursor, tenant, {}, str) or ""
    rows = [codes[code] for code in sorted(codes) if code > after][: limit + 1]
    return cut_page(rows, limit, tenant, {}, _listed_code, position=lambda code: code.code)


def _listed_code(code: AdjustmentCode | RemarkCode) -> CodeView:
    successors = list(code.successors) if isinstance(code, AdjustmentCode) else []
    return CodeView(code=code.code, status="active" if code.active else "retired", successors=successors, meaning=_meaning(code))


@router.get("/v1/codes/carc/{code}", summary="One adjustment code", responses=responses(404, 422))
async def get_carc(code: Code, tenant: TenantDep, database: DatabaseDep) -> AdjustmentCodePage:
    page = adjustment_page(normalised(code))
    if page is None:
        raise _unknown(normalised(code) in KNOWLEDGE.remark_codes, "adjustment", "/v1/codes/rarc")
    told = page.code
    return AdjustmentCodePage(
        code=told.code,
        status="active" if told.active else "retired",
        successors=list(told.successors),
        meaning=_meaning(told),
        asks_for=Words.of(CHECKLISTS[told.checklist]),
        treatment=told.treatment,
        groups=[group for group, _ in page.by_group],
        only_groups=sorted(told.only_groups),
        needs_remark=told.needs_remark,
        disputed=list(told.disputed),  # type: ignore[arg-type]  # checked against the closed list when it is read
        outcomes=[Outcome.of(group, judged) for group, judged in page.by_group],
        whole_charge=Outcome.of(page.by_group[0][0], page.whole) if page.whole else None,
        remarks=[_turned(each, KNOWLEDGE.remark_codes[each.code]) for each in page.with_remarks],
        seen=await _seen(database, tenant, told.code),
    )


@router.get("/v1/codes/rarc/{code}", summary="One remark code", responses=responses(404, 422))
async def get_rarc(code: Code, tenant: TenantDep, database: DatabaseDep) -> RemarkCodePage:
    page = remark_page(normalised(code))
    if page is None:
        raise _unknown(normalised(code) in KNOWLEDGE.adjustment_codes, "remark", "/v1/codes/carc")
    told = page.code
    return RemarkCodePage(
        code=told.code,
        status="active" if told.active else "retired",
        remark_kind="alert" if told.alert else "explanatory",
        meaning=_meaning(told),
        asks_for=Words.of(ASKED[told.asks_for]) if told.asks_for else None,
        effect=Words.of(EFFECTS[told.effect]) if told.effect else None,
        category=told.category,  # type: ignore[arg-type]  # checked against the closed list when it is read
        action=told.action,  # type: ignore[arg-type]  # as above
        adjustments=[_turned(each, KNOWLEDGE.adjustment_codes[each.code]) for each in page.beside],
        seen=await _seen(database, tenant, told.code),
    )


async def _seen(database: DatabaseDep, tenant: str, code: str) -> Seen:
    async with database.begin(tenant) as tx:
        return Seen(**await store.seen(tx, tenant, code))


def _unknown(is_of_the_other_list: bool, kind: str, other: str) -> Problem:
    there = f" It is a code of the other list: see {other}." if is_of_the_other_list else ""
    return Problem(404, "unknown-code", f"No {kind} code of this name is known here.{there}")


def _meaning(code: AdjustmentCode | RemarkCode) -> Words:
    return Words(en=code.meaning, fr=code.meaning_fr)


def _turned(each: Beside, code: AdjustmentCode | RemarkCode) -> Turned:
    return Turned.model_validate(
        {"code": each.code, "meaning": _meaning(code), "group_code": each.group_code}
        | {name: getattr(each.judged, name) for name in ("category", "kind", "action")}
    )
