"""What checks need, brought in a few queries for a whole batch of claims; then the pure check runs claim by claim.

Nothing here commits.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.x12.claim import Claim
from services.ingest.checks import duplicates
from services.ingest.checks.engine import check
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import (
    CODE_SETS,
    MUE_SETS,
    PTP_SETS,
    CodeEntry,
    EarlierLine,
    MueLimit,
    PayerRule,
    PtpEdit,
    Reference,
    Release,
)

rules_of_json = msgspec.json.Decoder(tuple[PayerRule, ...]).decode


class Asked(Struct, frozen=True):
    """A claim to check, and what it is known by."""

    claim: Claim
    claim_id: UUID
    member_reference: str


async def check_all(tx: AsyncConnection, tenant_id: str, asked: Sequence[Asked], now_on: date) -> list[tuple[Finding, ...]]:
    """Check claims in their order; each is an earlier claim to those after it."""
    if not asked:
        return []
    reference = await load(tx, tenant_id, [each.claim for each in asked])
    earlier = await earlier_lines(tx, tenant_id, asked, reference)
    return fold(asked, reference, earlier, now_on)


def fold(
    asked: Iterable[Asked], reference: Reference, earlier: Mapping[str, list[EarlierLine]], now_on: date
) -> list[tuple[Finding, ...]]:
    """Check claims one after the other. Pure but for `earlier`, to which each claim's lines are added."""
    found = []
    for each in asked:
        before = earlier.get(each.member_reference, [])
        others = [line for line in before if line.claim_id != each.claim_id]  # the same claim sent again is no duplicate
        found.append(check(each.claim, reference, now_on, others))
        before += duplicates.lines_of(each.claim, each.claim_id, each.claim.service_from_on or now_on)
    return found


async def load(tx: AsyncConnection, tenant_id: str, claims: Sequence[Claim]) -> Reference:
    """Bring what is known about the codes and payers of some claims."""
    releases = await _releases(tx, tenant_id)
    diagnoses_and_more, procedures = _codes(claims)
    known_payers = await _known_payers(tx, tenant_id)
    return Reference(
        releases=releases,
        codes=await _code_entries(tx, tenant_id, _ids(releases, CODE_SETS), diagnoses_and_more | procedures),
        ptp=await _pairs(tx, tenant_id, _ids(releases, PTP_SETS), procedures),
        mue=await _limits(tx, tenant_id, _ids(releases, MUE_SETS), procedures),
        payers=await payer_rules(tx, tenant_id, {claim.payer.payer_id for claim in claims} & known_payers),
        known_payers=known_payers,
    )


def _codes(claims: Iterable[Claim]) -> tuple[set[str], set[str]]:
    """Return the diagnoses and taxonomy codes of claims, and their procedures."""
    others: set[str] = set()
    procedures: set[str] = set()
    for claim in claims:
        others.update(each.code for each in claim.diagnoses)
        others.add(claim.billing_provider.taxonomy_code)
        others.update(each.taxonomy_code for each in claim.providers)
        for line in claim.lines:
            procedures.add(line.procedure_code)
            others.update(each.taxonomy_code for each in line.providers)
    return others, procedures


def _ids(releases: Mapping[str, Sequence[Release]], names: Iterable[str]) -> list[int]:
    return [release.release_id for name in names for release in releases.get(name, ())]


async def _releases(tx: AsyncConnection, tenant_id: str) -> dict[str, list[Release]]:
    found: dict[str, list[Release]] = {}
    query = (
        "SELECT name, release_id, begins_on FROM reference_releases"
        " WHERE tenant_id = $1 AND state = 'live' ORDER BY name, begins_on"
    )
    for row in await (await driver(tx)).fetch(query, tenant_id):
        found.setdefault(row["name"], []).append(Release(row["release_id"], row["begins_on"]))
    return found


async def _fetch(tx: AsyncConnection, query: str, tenant_id: str, release_ids: Sequence[int], codes: Collection[str]) -> list[Any]:
    """Ask for codes of releases; where nothing is loaded, nothing is asked."""
    return list(await (await driver(tx)).fetch(query, tenant_id, release_ids, list(codes))) if release_ids and codes else []


async def _code_entries(
    tx: AsyncConnection, tenant_id: str, release_ids: Sequence[int], codes: Collection[str]
) -> dict[tuple[int, str], CodeEntry]:
    query = (
        "SELECT release_id, code, billable, valid_from, valid_to FROM reference_codes"
        " WHERE tenant_id = $1 AND release_id = ANY ($2::bigint[]) AND code = ANY ($3::text[])"
    )
    return {
        (row["release_id"], row["code"]): CodeEntry(row["billable"], row["valid_from"], row["valid_to"])
        for row in await _fetch(tx, query, tenant_id, release_ids, codes)
    }


async def _pairs(
    tx: AsyncConnection, tenant_id: str, release_ids: Sequence[int], procedures: Collection[str]
) -> dict[tuple[int, str, str], list[PtpEdit]]:
    query = (
        "SELECT release_id, column_1, column_2, begins_on, ends_on, indicator FROM reference_ptp"
        " WHERE tenant_id = $1 AND release_id = ANY ($2::bigint[]) AND column_1 = ANY ($3::text[]) AND column_2 = ANY ($3::text[])"
    )
    found: dict[tuple[int, str, str], list[PtpEdit]] = {}
    for release_id, column_1, column_2, begins_on, ends_on, indicator in await _fetch(
        tx, query, tenant_id, release_ids, procedures
    ):
        found.setdefault((release_id, column_1, column_2), []).append(PtpEdit(begins_on, ends_on, indicator))
    return found


async def _limits(
    tx: AsyncConnection, tenant_id: str, release_ids: Sequence[int], procedures: Collection[str]
) -> dict[tuple[int, str], MueLimit]:
    query = (
        "SELECT release_id, code, units, indicator FROM reference_mue"
        " WHERE tenant_id = $1 AND release_id = ANY ($2::bigint[]) AND code = ANY ($3::text[])"
    )
    return {
        (row["release_id"], row["code"]): MueLimit(row["units"], row["indicator"])
        for row in await _fetch(tx, query, tenant_id, release_ids, procedures)
    }


async def _known_payers(tx: AsyncConnection, tenant_id: str) -> frozenset[str]:
    rows = await (await driver(tx)).fetch("SELECT DISTINCT payer_id FROM payer_rule_versions WHERE tenant_id = $1", tenant_id)
    return frozenset(row["payer_id"] for row in rows)


async def payer_rules(tx: AsyncConnection, tenant_id: str, payer_ids: Collection[str]) -> dict[str, tuple[PayerRule, ...]]:
    """Return the newest version of some payers' rules."""
    if not payer_ids:
        return {}
    rows = await (await driver(tx)).fetch(
        "SELECT DISTINCT ON (payer_id) payer_id, rules::text FROM payer_rule_versions"
        " WHERE tenant_id = $1 AND payer_id = ANY ($2::text[]) ORDER BY payer_id, version DESC",
        tenant_id,
        list(payer_ids),
    )
    return {row["payer_id"]: rules_of_json(row["rules"]) for row in rows}


# Earlier claims that still stand: not rejected at the door, not void, not replaced by another.
_EARLIER = """
SELECT claims.member_reference, claims.claim_id, COALESCE(lines.service_from_on, claims.service_from_on) AS service_on,
    lines.procedure_code, lines.modifiers, CASE WHEN rendering_npi <> '' THEN rendering_npi ELSE billing_npi END AS provider_npi,
    lines.charge_cents, lines.revenue_code
FROM unnest($2::text[], $3::date[], $4::date[]) AS asked (member_reference, first, last)
JOIN claims ON claims.tenant_id = $1 AND claims.member_reference = asked.member_reference
    AND claims.service_from_on BETWEEN asked.first AND asked.last
JOIN claim_lines AS lines ON lines.tenant_id = $1 AND lines.claim_row_id = claims.row_id
WHERE claims.state <> 'rejected' AND claims.frequency_code <> '8'
    AND (lines.procedure_code <> '' OR lines.revenue_code <> '')
    AND NOT EXISTS (SELECT 1 FROM claims AS newer WHERE newer.tenant_id = $1 AND newer.replaces_claim_id = claims.claim_id)
"""
_LONG_STAY = timedelta(days=45)  # an earlier claim that began so long before may still have a line on the day


async def earlier_lines(
    tx: AsyncConnection, tenant_id: str, asked: Sequence[Asked], reference: Reference
) -> dict[str, list[EarlierLine]]:
    """Return, for each member, the lines of earlier claims of the days that the checks look at."""
    spans: dict[str, tuple[date, date]] = {}
    for each in asked:
        first, last = each.claim.service_span()
        if first is not None and last is not None:
            rules = reference.payers.get(each.claim.payer.payer_id, ())
            first -= max(_LONG_STAY, *(timedelta(days=rule.days or 0) for rule in rules if rule.kind == "frequency"), timedelta(0))
            known = spans.get(each.member_reference, (first, last))
            spans[each.member_reference] = min(first, known[0]), max(last, known[1])
    found: dict[str, list[EarlierLine]] = {each.member_reference: [] for each in asked}
    if spans:
        firsts, lasts = zip(*spans.values(), strict=True)
        for row in await (await driver(tx)).fetch(_EARLIER, tenant_id, list(spans), list(firsts), list(lasts)):
            found[row["member_reference"]].append(
                EarlierLine(
                    row["claim_id"],
                    row["service_on"],
                    row["procedure_code"],
                    tuple(row["modifiers"].split()),
                    row["provider_npi"],
                    row["charge_cents"],
                    row["revenue_code"],
                )
            )
    return found
