"""What checks need, brought in a few queries for a whole batch of claims; then the pure check runs claim by claim.

Nothing here commits.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver
from libs.common.sealing.keys import cipher_of
from libs.x12.claim import Claim
from services.ingest.checks import duplicates
from services.ingest.checks.engine import check
from services.ingest.checks.finding import Finding
from services.ingest.checks.reference import (
    CODE_SETS,
    MODIFIER,
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
from services.ingest.kept import lines_of
from services.ingest.seals import CLAIM

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
    return list(fold(asked, reference, earlier, now_on))


def fold(
    asked: Iterable[Asked], reference: Reference, earlier: Mapping[str, list[EarlierLine]], now_on: date
) -> Iterator[tuple[Finding, ...]]:
    """Check claims one after the other. Pure but for `earlier`, to which a claim's lines are added when its member comes again."""
    passed: dict[str, Asked] = {}  # the last claim of each member
    for each in asked:
        before = earlier.get(each.member_reference, [])
        last = passed.get(each.member_reference)
        if last is not None:
            before += duplicates.lines_of(last.claim, last.claim_id, last.claim.service_from_on or now_on)
        others = [line for line in before if line.claim_id != each.claim_id]  # the same claim sent again is no duplicate
        passed[each.member_reference] = each
        yield check(each.claim, reference, now_on, others)


async def load(tx: AsyncConnection, tenant_id: str, claims: Sequence[Claim]) -> Reference:
    """Bring what is known about the codes and payers of some claims; two round trips, whatever is loaded."""
    releases, payers, known_payers = await _world(tx, tenant_id, {claim.payer.payer_id for claim in claims})
    entries = _Entries()
    if releases:
        await entries.fetch(tx, tenant_id, releases, *_codes(claims))
    return Reference(releases, entries.codes, entries.ptp, entries.mue, payers, known_payers)


# The releases that hold, and all payers that have rules, with the newest rules of those that were asked for.
_WORLD = """
SELECT 'release' AS kind, name, release_id, begins_on, NULL AS rules FROM reference_releases WHERE tenant_id = $1 AND state = 'live'
UNION ALL (
    SELECT DISTINCT ON (payer_id) 'payer', payer_id, NULL, NULL, CASE WHEN payer_id = ANY ($2::text[]) THEN rules::text END
    FROM payer_rule_versions WHERE tenant_id = $1 ORDER BY payer_id, version DESC
)
ORDER BY begins_on
"""
_World = tuple[dict[str, list[Release]], dict[str, tuple[PayerRule, ...]], frozenset[str]]


async def _world(tx: AsyncConnection, tenant_id: str, payer_ids: Collection[str]) -> _World:
    """Return releases by set, payers' newest rules, and which payers have rules at all."""
    releases: dict[str, list[Release]] = {}
    payers: dict[str, tuple[PayerRule, ...]] = {}
    known = set()
    for kind, name, release_id, begins_on, rules in await (await driver(tx)).fetch(_WORLD, tenant_id, list(payer_ids)):
        if kind == "release":
            releases.setdefault(name, []).append(Release(release_id, begins_on))
        else:
            known.add(name)
            if rules is not None:
                payers[name] = rules_of_json(rules)
    return releases, payers, frozenset(known)


def _codes(claims: Iterable[Claim]) -> tuple[set[str], set[str]]:
    """Return the diagnoses, modifiers and taxonomy codes of claims, and their procedures."""
    others = {MODIFIER}
    procedures: set[str] = set()
    for claim in claims:
        others.update(each.code for each in claim.diagnoses)
        others.add(claim.billing_provider.taxonomy_code)
        others.update(each.taxonomy_code for each in claim.providers)
        for line in claim.lines:
            procedures.add(line.procedure_code)
            others.update(MODIFIER + each for each in line.modifiers)
            others.update(each.taxonomy_code for each in line.providers)
    return others, procedures


def _ids(releases: Mapping[str, Sequence[Release]], names: Iterable[str]) -> list[int]:
    return [release.release_id for name in names for release in releases.get(name, ())]


async def payer_rules(tx: AsyncConnection, tenant_id: str, payer_ids: Collection[str]) -> dict[str, tuple[PayerRule, ...]]:
    """Return the newest version of some payers' rules."""
    return (await _world(tx, tenant_id, payer_ids))[1] if payer_ids else {}


_ENTRIES = """
SELECT 'code' AS kind, release_id, code, NULL AS other, billable, valid_from, valid_to, NULL::bigint AS units, NULL AS indicator
FROM reference_codes WHERE tenant_id = $1 AND release_id = ANY ($2::bigint[]) AND code = ANY ($5::text[])
UNION ALL
SELECT 'ptp', release_id, column_1, column_2, NULL, begins_on, ends_on, NULL, indicator
FROM reference_ptp WHERE tenant_id = $1 AND release_id = ANY ($3::bigint[])
    AND column_1 = ANY ($6::text[]) AND column_2 = ANY ($6::text[])
UNION ALL
SELECT 'mue', release_id, code, NULL, NULL, NULL, NULL, units, indicator
FROM reference_mue WHERE tenant_id = $1 AND release_id = ANY ($4::bigint[]) AND code = ANY ($6::text[])
"""


class _Entries:
    """What tables say of some codes."""

    def __init__(self) -> None:
        self.codes: dict[tuple[int, str], CodeEntry] = {}
        self.ptp: dict[tuple[int, str, str], list[PtpEdit]] = {}
        self.mue: dict[tuple[int, str], MueLimit] = {}

    async def fetch(
        self,
        tx: AsyncConnection,
        tenant_id: str,
        releases: Mapping[str, Sequence[Release]],
        others: Collection[str],
        procedures: Collection[str],
    ) -> None:
        ids = [_ids(releases, names) for names in (CODE_SETS, PTP_SETS, MUE_SETS)]
        asked = list({*others, *procedures}), list(procedures)
        for kind, release_id, code, other, billable, first, last, units, indicator in await (await driver(tx)).fetch(
            _ENTRIES, tenant_id, *ids, *asked
        ):
            if kind == "code":
                self.codes[release_id, code] = CodeEntry(billable, first, last)
            elif kind == "ptp":
                self.ptp.setdefault((release_id, code, other), []).append(PtpEdit(first, last, indicator))
            else:
                self.mue[release_id, code] = MueLimit(units, indicator)


# Earlier claims that still stand: not rejected at the door, not void, not replaced by another.
_EARLIER = """
SELECT asked.member_reference, standing.*
FROM unnest($2::text[], $3::date[], $4::date[]) AS asked (member_reference, first, last)
CROSS JOIN LATERAL (
    SELECT claim_id, service_from_on, CASE WHEN rendering_npi <> '' THEN rendering_npi ELSE billing_npi END AS provider_npi, content
    FROM claims WHERE tenant_id = $1 AND claims.member_reference = asked.member_reference
        AND service_from_on BETWEEN asked.first AND asked.last AND state <> 'rejected' AND frequency_code <> '8'
        AND NOT EXISTS (SELECT 1 FROM claims AS newer WHERE newer.tenant_id = $1 AND newer.replaces_claim_id = claims.claim_id)
    ORDER BY service_from_on DESC LIMIT $5  -- by the index, and a fence: a join would read all claims, in several processes
) AS standing
"""
_EARLIER_MAX = 500  # of one member: some three years of dialysis; who bills everybody under one number waits for no more than these
_LONG_STAY = timedelta(days=45)  # an earlier claim that began so long before may still have a line on the day


async def earlier_lines(
    tx: AsyncConnection, tenant_id: str, asked: Sequence[Asked], reference: Reference
) -> dict[str, list[EarlierLine]]:
    """Return, for each member, the lines of earlier claims of the days that the checks look at."""
    spans: dict[str, tuple[date, date]] = {}
    reaches = {payer_id: _reach(rules) for payer_id, rules in reference.payers.items()}
    for each in asked:
        first, last = each.claim.service_span()
        if first is not None and last is not None:
            first -= reaches.get(each.claim.payer.payer_id, _LONG_STAY)
            known = spans.get(each.member_reference)
            spans[each.member_reference] = (first, last) if known is None else (min(first, known[0]), max(last, known[1]))
    found: dict[str, list[EarlierLine]] = {each.member_reference: [] for each in asked}
    if spans:
        firsts, lasts = zip(*spans.values(), strict=True)
        cipher = await cipher_of(tx, tenant_id)
        for row in await (await driver(tx)).fetch(_EARLIER, tenant_id, list(spans), list(firsts), list(lasts), _EARLIER_MAX):
            found[row["member_reference"]] += _lines(row, cipher.open(CLAIM, (row["claim_id"],), row["content"]))
    return found


def _reach(rules: Iterable[PayerRule]) -> timedelta:
    """Return how far back from a claim's first day what a payer's rules speak of may have begun."""
    return max(_LONG_STAY, *(timedelta(days=rule.days or 0) for rule in rules if rule.kind == "frequency"), timedelta(0))


def _lines(row: asyncpg.Record, content: bytes) -> Iterator[EarlierLine]:
    """Yield the lines of an earlier claim that name what was done."""
    for line in lines_of(content):
        if line.code:
            yield EarlierLine(
                row["claim_id"],
                line.service_from_on or row["service_from_on"],
                line.procedure_code,
                line.modifiers,
                row["provider_npi"],
                line.charge_cents,
                line.revenue_code,
            )
