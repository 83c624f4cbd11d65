"""HTTP: a payer's rules, a dry run of others before they go live, and the feed of what changed."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, Self

import msgspec
from fastapi import APIRouter, Path, Query, Response
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.changes import FIRST_CHANGE, Change, latest_change
from libs.common.http.deps import ClockDep, DatabaseDep, TenantDep
from libs.common.http.paging import LIMIT, Cursor, Limit, NextChange, Start, read_change_cursor, write_change_cursor
from libs.common.http.problem import not_found
from libs.common.http.problems import responses
from libs.common.http.versions import IfMatch, check_version, etag, read_version
from libs.common.http.written import Day
from services.ingest.checks import duplicates, loading
from services.ingest.checks.engine import check
from services.ingest.checks.reference import Only, PayerRule, Reference
from services.ingest.payers import store

router = APIRouter(tags=["payers"])

_CLAIMS_TRIED = 1000  # unless asked otherwise
_CLAIMS_TRIED_MAX = 5000  # they are checked twice within the request
_RULES_MAX = 500
_TOO_MANY: Final = 9, 10  # the share of claims beyond which a rule says nothing
_LINES: Final = ("procedure_codes", "revenue_codes", "only")
_OF_LINES: Final = frozenset({"prior_authorization", "referral", "ordering_provider", "attachment", "refused", "same_day"})
# What each kind of rule must tell; of several in one place, at least one.
_NEEDS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "timely_filing": (("days",),),
    "member_id": (("patterns",),),
    "prior_authorization": (_LINES,),
    "referral": (_LINES,),
    "ordering_provider": (_LINES,),
    "attachment": (_LINES,),
    "refused": (_LINES,),
    "same_day": (("procedure_codes",),),
    "frequency": (("procedure_codes",), ("times",), ("days",)),
    "bundled": (("procedure_codes",), ("component_codes",)),
}

PayerId = Annotated[str, Path(min_length=1, max_length=80, description="as claims name the payer (NM109)")]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,5}\*?$")]
Procedure = Annotated[str, Field(pattern=r"^[0-9A-Z]{5}$")]
RevenueCode = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
Modifier = Annotated[str, Field(pattern=r"^[0-9A-Z]{2}$")]
OrNone = Annotated[str, Field(pattern=r"^([0-9A-Z]{2}|none)$")]
Npi = Annotated[str, Field(pattern=r"^[0-9]{10}$")]
FacilityCode = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,2}$")]
DiagnosisPrefix = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,7}$")]
Pattern = Annotated[str, Field(pattern=r"^[ -~]{1,80}$")]


class OnlyBody(BaseModel):
    """The lines that a rule is about, beside its codes: those that have one of each that is named here."""

    model_config = ConfigDict(extra="forbid")

    modifiers: list[OrNone] = Field([], max_length=100, description="with one of these; none: without a modifier")
    rendering_npis: list[Npi] = Field([], max_length=1000, description="who did it; who bills, where nobody else is named")
    billing_npis: list[Npi] = Field([], max_length=1000)
    facility_codes: list[FacilityCode] = Field(
        [], max_length=100, description="the claim's place of service, or the first two digits of its type of bill"
    )
    claim_types: list[Literal["professional", "institutional", "dental"]] = Field([], max_length=3)
    diagnosis_prefixes: list[DiagnosisPrefix] = Field([], max_length=1000, description="how its first diagnosis begins: M54")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("only names something")
        return self

    def to_only(self) -> Only:
        return Only(**{name: tuple(told) for name, told in self.model_dump().items()})


class RuleBody(BaseModel):
    """One rule of a payer, for services from `effective_from` to `effective_to`, both included."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[
        "timely_filing",
        "member_id",
        "prior_authorization",
        "referral",
        "ordering_provider",
        "attachment",
        "refused",
        "same_day",
        "frequency",
        "bundled",
    ]
    effective_from: Day
    effective_to: Day | None = Field(None, description="null: until further notice")
    procedure_codes: list[Code] = Field([], max_length=5000, description="G0283, or G02* for all that begin so")
    revenue_codes: list[RevenueCode] = Field([], max_length=1000, description="where what is asked goes by department: 0120")
    component_codes: list[Procedure] = Field([], max_length=5000, description="bundled: what is part of procedure_codes")
    modifiers: list[Modifier] = Field([], max_length=100, description="bundled: with one of these it is paid apart all the same")
    patterns: list[Pattern] = Field([], max_length=50, description="a letter as a, a digit as 9, either as *; the rest as it is")
    days: int | None = Field(None, ge=1, le=3660, description="timely_filing: after the last day of service; frequency: the span")
    times: int | None = Field(None, ge=1, le=1000, description="frequency: on how many days of the span it is paid")
    only: OnlyBody | None = Field(
        None,
        description="about these lines alone: of prior_authorization, referral, ordering_provider, attachment, refused, same_day",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Ask for the fields that a kind of rule needs, and for a period that does not end before it begins."""
        if self.only is not None and self.kind not in _OF_LINES:
            raise ValueError("a rule of this kind is not about some lines only")
        if any(not any(getattr(self, name) for name in names) for names in _NEEDS[self.kind]):
            raise ValueError("a rule of this kind needs " + " and ".join(map(" or ".join, _NEEDS[self.kind])))
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self

    def to_rule(self) -> PayerRule:
        return PayerRule(
            kind=self.kind,
            effective_from=self.effective_from,
            effective_to=self.effective_to,
            procedure_codes=tuple(self.procedure_codes),
            revenue_codes=tuple(self.revenue_codes),
            component_codes=tuple(self.component_codes),
            modifiers=tuple(self.modifiers),
            patterns=tuple(self.patterns),
            days=self.days,
            times=self.times,
            only=self.only.to_only() if self.only else None,
        )


class RulesBody(BaseModel):
    """All rules of a payer; what is left out is removed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "rules": [
                    {"kind": "timely_filing", "days": 90, "effective_from": "2026-01-01"},
                    {"kind": "prior_authorization", "procedure_codes": ["E0601", "K08*"], "effective_from": "2026-04-01"},
                ]
            }
        },
    )

    rules: list[RuleBody] = Field(max_length=_RULES_MAX)


class DryRunView(BaseModel):
    """What the rules would have said of the payer's newest claims; nothing was changed."""

    claims: int = Field(description="how many were looked at: the newest, at most as many as `claims` asks for")
    flagged: int = Field(description="claims with at least one error or warning by these rules")
    flagged_now: int = Field(description="the same by the rules that are live")
    by_rule: dict[str, int] = Field(description="claims by rule id")
    warnings: list[str] = Field(description="what speaks against making them live")


class RulesView(BaseModel):
    """A payer's rules; version 0 has none."""

    payer_id: str
    version: int
    changed_at: datetime | None = None
    rules: list[RuleBody]
    dry_run: DryRunView | None = Field(default=None, description="of a dry run alone")


class ChangeView(BaseModel):
    """One change of a payer's rules: what came and what went."""

    payer_id: str
    version: int
    changed_at: datetime
    added: list[RuleBody]
    removed: list[RuleBody]


class RuleChanges(BaseModel):
    items: list[ChangeView]
    next_cursor: NextChange


@router.get("/v1/payers/rules/changes", summary="What changed in payers' rules, to follow", responses=responses(400, 422))
async def list_rule_changes(
    tenant: TenantDep, database: DatabaseDep, start: Start = "oldest", cursor: Cursor = None, limit: Limit = LIMIT
) -> RuleChanges:
    """Each new version of a payer's rules, in the order of the changes. Ask again with `next_cursor` and every change after it
    comes exactly once, however late it was written.
    """
    place = read_change_cursor(cursor, tenant, {})
    found: list[tuple[Change, RowMapping]] = []
    async with database.begin(tenant) as tx:
        if place is None and start == "now":
            place = await latest_change(tx)
        else:
            place = place or FIRST_CHANGE
            found = await store.changes(tx, tenant, place, limit)
    last = found[-1][0] if found else place
    return RuleChanges(items=[_change(row) for _, row in found], next_cursor=write_change_cursor(last, tenant, {}))


def _change(row: RowMapping) -> ChangeView:
    return ChangeView(
        payer_id=row["payer_id"],
        version=row["version"],
        changed_at=row["changed_at"],
        added=_bodies(row["added"]),
        removed=_bodies(row["removed"]),
    )


def _bodies(told: str) -> list[RuleBody]:
    return [RuleBody.model_validate(each) for each in msgspec.json.decode(told)]


@router.get("/v1/payers/{payer_id}/rules", summary="A payer's rules", responses=responses(404, 422))
async def get_payer_rules(payer_id: PayerId, tenant: TenantDep, database: DatabaseDep, response: Response) -> RulesView:
    """The `ETag` is what `PUT` wants in `If-Match`; a payer without rules is at version 0."""
    async with database.begin(tenant) as tx:
        row = await store.newest(tx, tenant, payer_id)
    if row is None:
        raise not_found("payer with rules")
    response.headers["ETag"] = etag(row["version"])
    return RulesView(payer_id=payer_id, version=row["version"], changed_at=row["changed_at"], rules=_bodies(row["rules"]))


@router.put(
    "/v1/payers/{payer_id}/rules",
    summary="Change a payer's rules, or try what a change would do",
    responses=responses(400, 412, 422, 428),
)
async def put_payer_rules(
    payer_id: PayerId,
    body: RulesBody,
    tenant: TenantDep,
    database: DatabaseDep,
    clock: ClockDep,
    response: Response,
    if_match: IfMatch = None,
    dry_run: Annotated[
        bool, Query(description="say what the rules would do to the payer's last claims, and change nothing")
    ] = False,
    claims: Annotated[
        int, Query(ge=1, le=_CLAIMS_TRIED_MAX, description="with dry_run: how many of the payer's newest claims to look at")
    ] = _CLAIMS_TRIED,
) -> RulesView:
    """The rules as they are sent become the next version, made from the one that `If-Match` names: two who change them at once do
    not overwrite each other. The first are made from version 0 (`If-Match: "0"`). The same rules again change nothing, whichever
    version they were made from, and a dry run asks for none.
    """
    asked = None if dry_run else read_version(if_match)
    rules = tuple(each.to_rule() for each in body.rules)
    now = clock.now()
    async with database.begin(tenant) as tx:
        await store.lock(tx, tenant, payer_id)
        row = await store.newest(tx, tenant, payer_id)
        before = loading.rules_of_json(row["rules"]) if row else ()
        version, changed_at = (row["version"], row["changed_at"]) if row else (0, None)
        if dry_run:
            tried = await _try(tx, tenant, payer_id, rules, before, claims)
            return RulesView(payer_id=payer_id, version=version, changed_at=changed_at, rules=body.rules, dry_run=tried)
        if asked is not None and (row is None or rules != before):
            check_version(version, asked, "payer's list of rules")
            version, changed_at = version + 1, now
            await store.insert_version(tx, tenant, payer_id, version, rules, before, now)
    response.headers["ETag"] = etag(version)
    return RulesView(payer_id=payer_id, version=version, changed_at=changed_at, rules=body.rules)


async def _try(
    tx: AsyncConnection, tenant: str, payer_id: str, rules: Sequence[PayerRule], before: Sequence[PayerRule], newest: int
) -> DryRunView:
    """Hold the payer's newest claims against rules, and against those that are live."""
    claims = await store.last_claims(tx, tenant, payer_id, newest)
    proposed = Reference(payers={payer_id: rules}, known_payers=frozenset({payer_id}))
    live = replace(proposed, payers={payer_id: before})
    earlier = await loading.earlier_lines(tx, tenant, [asked for asked, _ in claims], proposed)
    tried = {asked.claim_id for asked, _ in claims}
    older = {member: [line for line in lines if line.claim_id not in tried] for member, lines in earlier.items()}
    by_rule: Counter[str] = Counter()
    flagged = flagged_now = 0
    for asked, submitted_at in reversed(claims):  # in the order in which they came: each is an earlier one to those after it
        before_it = older[asked.member_reference]
        on = submitted_at.date()
        told, now = (
            {rule_id for each in check(asked.claim, reference, on, before_it) if _is_of_payer(rule_id := each.rule.rule_id)}
            for reference in (proposed, live)
        )
        before_it += duplicates.lines_of(asked.claim, asked.claim_id, asked.claim.service_from_on or on)
        by_rule.update(told)
        flagged += bool(told)
        flagged_now += bool(now)
    return DryRunView(
        claims=len(claims),
        flagged=flagged,
        flagged_now=flagged_now,
        by_rule=dict(by_rule),
        warnings=_warnings(len(claims), by_rule),
    )


def _is_of_payer(rule_id: str) -> bool:
    return rule_id == "ID-MEMBER-PATTERN" or (rule_id.startswith("PAYER-") and rule_id != "PAYER-FILING-NEAR")


def _warnings(claims: int, by_rule: Counter[str]) -> list[str]:
    if not claims:
        return ["There are no claims of this payer yet: nothing is known of what the rules would do."]
    share, of = _TOO_MANY
    return [
        f"{rule_id} would flag {'every claim' if count == claims else 'nearly every claim'}: it says nothing, or is not right."
        for rule_id, count in sorted(by_rule.items())
        if count * of >= claims * share
    ]
