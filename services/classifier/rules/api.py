"""A tenant's rules over HTTP: drafted as a whole, checked, put in force; every version stays as it was."""

from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.words import Action, Category
from libs.common.http import idempotency
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, Page, cut_page, read_number_cursor
from libs.common.http.problem import Problem, not_found
from libs.common.http.problems import responses
from libs.common.http.written import Day
from services.classifier.judgement import KNOWLEDGE, normalised
from services.classifier.rules import store
from services.classifier.rules.checking import Fault, conflicts, faults
from services.classifier.rules.model import Rule
from services.classifier.rules.store import Version

router = APIRouter(tags=["rules"])

_RULES_MAX = 500
_FAULTS_TOLD = 100
_VERSION_MAX = 2**31 - 1
Number = Annotated[int, Path(ge=1, le=_VERSION_MAX, description="the version's number")]
Code = Annotated[str, Field(min_length=1, max_length=20)]
PayerKind = Literal[
    "medicare", "medicare_advantage", "medicaid", "commercial", "marketplace", "workers_comp", "auto_liability", "other"
]


class WhenBody(BaseModel):
    """What a rule is about; what is left out is any."""

    model_config = ConfigDict(extra="forbid")

    payer_id: str | None = Field(None, min_length=1, max_length=80, description="TRN03")
    payer_kind: PayerKind | None = None
    claim_type: Literal["professional", "institutional", "dental"] | None = None
    group_code: Literal["CO", "PR", "OA", "PI"] | None = None
    carc: Code | None = Field(None, description="adjustment code, in any spelling; one that is not known here too")
    rarc: Code | None = Field(None, description="remark code beside it, in any spelling")


class ThenBody(BaseModel):
    """What it changes: category and action; or treat_as; or limit, days and counted_from."""

    model_config = ConfigDict(extra="forbid")

    category: Category | None = None
    action: Action | None = None
    treat_as: Code | None = Field(None, description="read the adjustment code as this one")
    limit: Literal["appeal", "correct"] | None = Field(None, description="set the payer's limit for appeals or corrected claims")
    days: int | None = Field(None, ge=1, le=3660)
    counted_from: Literal["payment_on", "service_from_on", "service_to_on"] | None = None


class RuleBody(BaseModel):
    """One rule, for payments from `effective_from` to `effective_to`, both included."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$", description="shown in `rules` of every denial that it decides")
    why: str = Field(min_length=1, max_length=500, description="where it stands: a bulletin, a contract; no patient's data")
    when: WhenBody
    then: ThenBody
    effective_from: Day
    effective_to: Day | None = None

    def to_rule(self) -> Rule:
        told = self.model_dump(mode="json")
        for place, name in (("when", "carc"), ("when", "rarc"), ("then", "treat_as")):
            if told[place][name] is not None:
                told[place][name] = normalised(told[place][name])
        return msgspec.convert(told, Rule)

    @classmethod
    def of(cls, rule: Rule) -> Self:
        return cls.model_validate(msgspec.to_builtins(rule))


class RulesBody(BaseModel):
    """All rules of a version; what is left out is not in it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "note": "bulletin of March",
                "rules": [
                    {
                        "name": "n290-is-enrollment",
                        "why": "their bulletin of March: they answer so where the provider is not enrolled",
                        "when": {"payer_id": "1999999999", "group_code": "CO", "carc": "16", "rarc": "N290"},
                        "then": {"category": "provider_enrollment", "action": "contact_payer"},
                        "effective_from": "2026-01-01",
                    },
                    {
                        "name": "appeal-in-90-days",
                        "why": "contract, section 7",
                        "when": {"payer_id": "1999999999"},
                        "then": {"limit": "appeal", "days": 90, "counted_from": "payment_on"},
                        "effective_from": "2026-01-01",
                    },
                ],
            }
        },
    )

    rules: list[RuleBody] = Field(max_length=_RULES_MAX)
    note: str = Field("", max_length=500, description="what the version is for")

    def to_rules(self) -> tuple[Rule, ...]:
        """Return the rules. Errors: Problem 422 with every fault."""
        rules = tuple(rule.to_rule() for rule in self.rules)
        found = faults(rules, KNOWLEDGE)
        if found:
            raise _refused(found)
        return rules


class ConflictView(BaseModel):
    """Two rules that can meet and differ; `wins` is followed."""

    rules: list[str]
    about: str
    wins: str
    because: str


class CheckView(BaseModel):
    """A set that is fit to judge by."""

    rules: int
    conflicts: list[ConflictView]


class VersionView(BaseModel):
    version: int
    note: str
    created_at: datetime
    published_at: datetime | None = Field(description="when it was last put in force; null: a draft")
    in_force_since: datetime | None = Field(description="null of every version but the one in force")
    rule_count: int


class VersionDetail(VersionView):
    rules: list[RuleBody]
    conflicts: list[ConflictView]


@router.post("/v1/rules/check", summary="Check rules; nothing is kept", responses=responses(413, 422))
async def check_rules(body: RulesBody) -> CheckView:
    rules = body.to_rules()
    return CheckView(rules=len(rules), conflicts=_conflicts(rules))


@router.post(
    "/v1/rules",
    summary="Draft the next version; it judges nothing yet",
    status_code=201,
    responses=responses(409, 413, 422)
    | {200: {"model": VersionDetail, "description": "The newest version holds these rules already"}},
)
async def draft_rules(
    body: RulesBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    key: idempotency.Key = None,
) -> VersionDetail:
    """A version never changes. The same rules as the newest version's are that version: sending them again is harmless. With an
    Idempotency-Key a repeated request is answered as the first was, also when other versions came in between.
    """
    rules = body.to_rules()
    digest, now = idempotency.digest("draft_rules", body.model_dump_json()), clock.now()
    async with database.begin(tenant) as tx:
        kept = await idempotency.begin(tx, tenant, key, digest, now)
        if kept is not None:
            response.status_code, response.headers["Location"] = kept.status, kept.location or ""
            return VersionDetail.model_validate_json(kept.body)
        await store.lock(tx, tenant)
        newest = await store.newest(tx, tenant)
        if newest is not None and newest.rules == rules:
            response.status_code = 200
            found = newest
        else:
            version = newest.version + 1 if newest is not None else 1
            await store.insert_version(tx, tenant, version, rules, body.note, now)
            found = Version(version, rules, body.note, now, None, None)
        told, location = _detail(found), f"/v1/rules/{found.version}"
        await idempotency.finish(
            tx, tenant, key, idempotency.Kept(response.status_code or 201, location, told.model_dump_json(by_alias=True))
        )
    response.headers["Location"] = location
    return told


@router.get("/v1/rules", summary="Versions, newest first", responses=responses(400, 422))
async def list_rules(tenant: TenantDep, database: DatabaseDep, cursor: Cursor = None, limit: Limit = LIMIT) -> Page[VersionView]:
    before = read_number_cursor(cursor, tenant, {})
    async with database.begin(tenant) as tx:
        rows = await store.versions(tx, tenant, before=min(before, _VERSION_MAX) if before is not None else None, limit=limit + 1)
    return cut_page(rows, limit, tenant, {}, lambda row: VersionView.model_validate(_view(row)), position=lambda row: row.version)


@router.get("/v1/rules/{version}", summary="One version", responses=responses(404, 422))
async def get_rules(version: Number, tenant: TenantDep, database: DatabaseDep) -> VersionDetail:
    async with database.begin(tenant) as tx:
        return _detail(await _version(tx, tenant, version))


@router.post("/v1/rules/{version}/publish", summary="Put a version in force", responses=responses(404, 422))
async def publish_rules(version: Number, tenant: TenantDep, database: DatabaseDep, clock: ClockDep) -> VersionDetail:
    """It judges every remit that comes from now on; what was judged before stays, until a replay is applied.

    An older version can be put in force again. The one that is in force already stays so.
    """
    async with database.begin(tenant) as tx:
        await store.lock(tx, tenant)
        found = await _version(tx, tenant, version)
        if found.in_force_since is None:
            await store.publish(tx, tenant, version, clock.now())
            found = await _version(tx, tenant, version)
    return _detail(found)


async def _version(tx: AsyncConnection, tenant: str, version: int) -> Version:
    found = await store.version_of(tx, tenant, version)
    if found is None:
        raise not_found("version of the rules")
    return found


def _refused(found: list[Fault]) -> Problem:
    errors = [{"pointer": f"/body/rules/{fault.place}", "problem": fault.problem} for fault in found[:_FAULTS_TOLD]]
    return Problem(422, "rules-refused", "The rules are not fit to judge by.", errors=errors)


def _conflicts(rules: tuple[Rule, ...]) -> list[ConflictView]:
    return [ConflictView(**msgspec.structs.asdict(conflict)) for conflict in conflicts(rules)]


def _view(found: Version) -> dict[str, object]:
    return msgspec.structs.asdict(found) | {"rule_count": len(found.rules)}


def _detail(found: Version) -> VersionDetail:
    told = _view(found) | {"rules": [RuleBody.of(rule) for rule in found.rules], "conflicts": _conflicts(found.rules)}
    return VersionDetail.model_validate(told)
