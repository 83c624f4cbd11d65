"""What judging needs to know of claims, remits, payments and deposits, some thousands at a time; nothing here commits."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.remit_received import RemitReceivedV1
from libs.common.database import driver
from services.ingest.checks.loading import payer_rules
from services.ingest.checks.reference import FEE_SCHEDULE, PayerRule
from services.ingest.followups.fees import Fee, Fees, shortfall_of
from services.ingest.followups.habits import Habit, usual_days
from services.ingest.followups.rules import About, ClaimFacts, DepositFacts, RemitFacts, RemittanceFacts, Shortfall

_told = msgspec.json.Decoder(RemitReceivedV1).decode

_CLAIMS = """
SELECT c.claim_id, c.claim_key, c.state, c.frequency_code, c.charge_cents, c.payer_id, c.payer_name, c.patient_control_number,
    c.service_from_on, c.service_to_on, c.sent_on AS submitted_on,
    (SELECT true FROM claims AS n WHERE n.tenant_id = $1 AND n.replaces_claim_id = c.claim_id LIMIT 1) IS NOT NULL AS is_replaced,
    (SELECT count(*) FILTER (WHERE r.claim_status_code NOT IN ('22', '23', '25'))
          - count(*) FILTER (WHERE r.claim_status_code = '22')
     FROM matches AS m JOIN remits AS r ON r.tenant_id = $1 AND r.remit_id = m.remit_id
     WHERE m.tenant_id = $1 AND m.claim_id = c.claim_id) AS answers,
    CASE WHEN c.state = 'rejected' THEN
        (SELECT max(a.acknowledged_on) FROM acknowledgements AS a
         WHERE a.tenant_id = $1 AND a.claim_id = c.claim_id AND a.verdict = 'rejected') END AS decided_on
FROM unnest($2::uuid[]) AS asked (claim_id) JOIN claims AS c ON c.tenant_id = $1 AND c.claim_id = asked.claim_id
"""


async def claims(tx: AsyncConnection, tenant_id: str, ids: Collection[UUID]) -> list[ClaimFacts]:
    """Return what is known of some claims."""
    rows = await (await driver(tx)).fetch(_CLAIMS, tenant_id, list(ids))
    payers = {row["payer_id"] for row in rows}
    known = await habits(tx, tenant_id, payers)
    limits = await payer_rules(tx, tenant_id, payers)
    short = await _shortfalls(tx, tenant_id, [row for row in rows if row["answers"] > 0])
    return [
        ClaimFacts(
            about=About("claim", row["claim_id"], row["patient_control_number"], row["payer_id"], row["payer_name"]),
            state=row["state"],
            frequency_code=row["frequency_code"],
            charge_cents=row["charge_cents"],
            service_to_on=row["service_to_on"],
            submitted_on=row["submitted_on"],
            decided_on=row["decided_on"],
            is_replaced=row["is_replaced"],
            answers=row["answers"],
            usual_days=usual_days(known, row["payer_id"]),
            filing_limit_on=filing_limit(limits.get(row["payer_id"], ()), row["service_to_on"] or row["service_from_on"]),
            shortfall=short.get(row["claim_id"]),
        )
        for row in rows
    ]


def filing_limit(rules: Collection[PayerRule], last_on: date | None) -> date | None:
    """Return the last day on which the payer takes a claim of this day of service, by the shortest rule that holds."""
    if last_on is None:
        return None
    days = [each.days for each in rules if each.kind == "timely_filing" and each.days is not None and each.holds_on(last_on)]
    return last_on + timedelta(days=min(days)) if days else None


async def _shortfalls(tx: AsyncConnection, tenant_id: str, answered: Collection[asyncpg.Record]) -> dict[UUID, Shortfall]:
    """Hold answered claims against the fee schedules of their payers; where none is loaded, one query says so."""
    if not answered:
        return {}
    fees = await _fees(tx, tenant_id, {row["payer_id"] for row in answered})
    asked = {row["claim_id"]: row for row in answered if fees.knows(row["payer_id"])}
    if not asked:
        return {}
    remits: dict[UUID, list[RemitReceivedV1]] = defaultdict(list)
    query = (
        "SELECT m.claim_id, r.told FROM matches AS m JOIN remits AS r ON r.tenant_id = $1 AND r.remit_id = m.remit_id"
        " WHERE m.tenant_id = $1 AND m.claim_id = ANY ($2::uuid[])"
    )
    for row in await (await driver(tx)).fetch(query, tenant_id, list(asked)):
        remits[row["claim_id"]].append(_told(row["told"]))
    found = {
        claim_id: shortfall_of(
            tenant_id, row["claim_key"], row["charge_cents"], row["payer_id"], row["service_from_on"], remits[claim_id], fees
        )
        for claim_id, row in asked.items()
    }
    return {claim_id: each for claim_id, each in found.items() if each is not None}


_FEES = """
SELECT r.begins_on, f.payer_id, f.procedure_code, f.modifier, f.allowed_cents, f.valid_from, f.valid_to
FROM reference_releases AS r JOIN reference_fees AS f ON f.tenant_id = $1 AND f.release_id = r.release_id
WHERE r.tenant_id = $1 AND r.name = $2 AND r.state = 'live' AND f.payer_id = ANY ($3::text[])
"""


async def _fees(tx: AsyncConnection, tenant_id: str, payers: Collection[str]) -> Fees:
    rows = await (await driver(tx)).fetch(_FEES, tenant_id, FEE_SCHEDULE, list(payers))
    return Fees(Fee(*row) for row in rows)


_REMITS = """
SELECT m.remit_id, m.result, m.decided_by, r.patient_control_number, r.paid_cents, r.charge_cents, p.payer_id, p.payer_name,
    (p.received_at AT TIME ZONE 'UTC')::date AS received_on,
    (SELECT (submitted_at AT TIME ZONE 'UTC')::date FROM claims WHERE tenant_id = $1 ORDER BY row_id LIMIT 1) AS bills_since
FROM unnest($2::uuid[]) AS asked (remit_id)
JOIN remits AS r ON r.tenant_id = $1 AND r.remit_id = asked.remit_id
JOIN matches AS m ON m.tenant_id = $1 AND m.remit_row_id = r.row_id
JOIN remittances AS p ON p.tenant_id = $1 AND p.remittance_id = r.remittance_id
"""


async def remits(tx: AsyncConnection, tenant_id: str, ids: Collection[UUID]) -> list[RemitFacts]:
    """Return what is known of some remits."""
    return [
        RemitFacts(
            about=About("remit", row["remit_id"], row["patient_control_number"], row["payer_id"], row["payer_name"]),
            **_rest(row, RemitFacts),
        )
        for row in await (await driver(tx)).fetch(_REMITS, tenant_id, list(ids))
    ]


_REMITTANCES = """
SELECT p.remittance_id, p.payer_id, p.payer_name, p.trace_number, COALESCE(p.amount_cents, 0) AS amount_cents, p.method,
    p.payment_on, (p.received_at AT TIME ZONE 'UTC')::date AS received_on, COALESCE(t.difference, 0) AS difference_cents,
    CASE WHEN t.unbalanced > 0 THEN
        (SELECT COALESCE(sum(abs(r.unbalanced_cents)), 0)::bigint FROM remits AS r
         WHERE r.tenant_id = $1 AND r.remittance_id = p.remittance_id) ELSE 0 END AS unbalanced_cents,
    EXISTS (SELECT 1 FROM deposits AS d WHERE d.tenant_id = $1 AND d.remittance_id = p.remittance_id) AS is_deposited,
    (SELECT min(deposited_on) FROM deposits WHERE tenant_id = $1) AS bank_since,
    (SELECT max(d.amount_cents) FROM deposits AS d WHERE d.tenant_id = $1 AND d.remittance_id IS NULL
        AND p.trace_number <> '' AND d.trace_number = upper(p.trace_number)) AS deposit_of_other_amount_cents
FROM unnest($2::uuid[]) AS asked (remittance_id)
JOIN remittances AS p ON p.tenant_id = $1 AND p.remittance_id = asked.remittance_id
CROSS JOIN LATERAL (
    SELECT max(abs(t.balance_difference_cents)) AS difference, sum(t.unbalanced_claims + t.unbalanced_lines) AS unbalanced
    FROM transactions AS t WHERE t.tenant_id = $1 AND t.remittance_id = p.remittance_id
) AS t
"""


async def remittances(tx: AsyncConnection, tenant_id: str, ids: Collection[UUID]) -> list[RemittanceFacts]:
    """Return what is known of some payments."""
    return [
        RemittanceFacts(
            about=About("remittance", row["remittance_id"], "", row["payer_id"], row["payer_name"]),
            **_rest(row, RemittanceFacts),
        )
        for row in await (await driver(tx)).fetch(_REMITTANCES, tenant_id, list(ids))
    ]


async def deposits(tx: AsyncConnection, tenant_id: str, ids: Collection[UUID]) -> list[DepositFacts]:
    """Return what is known of some deposits."""
    query = (
        "SELECT deposit_id, payer_name, amount_cents, deposited_on, remittance_id IS NOT NULL AS has_remittance FROM deposits"
        " WHERE tenant_id = $1 AND deposit_id = ANY ($2::uuid[])"
    )
    return [
        DepositFacts(about=About("deposit", row["deposit_id"], "", "", row["payer_name"]), **_rest(row, DepositFacts))
        for row in await (await driver(tx)).fetch(query, tenant_id, list(ids))
    ]


def _rest(row: asyncpg.Record, kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: row[name] for name in kind.__struct_fields__ if name != "about"}


async def habits(tx: AsyncConnection, tenant_id: str, payers: Collection[str] | None) -> Mapping[str, Habit]:
    """Return how long some payers usually take; None: all that are known."""
    query = (
        "SELECT payer_id, answers, usual_days FROM payer_habits"
        " WHERE tenant_id = $1 AND ($2::text[] IS NULL OR payer_id = ANY ($2::text[]))"
    )
    rows = await (await driver(tx)).fetch(query, tenant_id, None if payers is None else list(payers))
    return {row["payer_id"]: Habit(row["answers"], row["usual_days"]) for row in rows}


# The newest answers of a tenant, each claim's first payment day among them; what was sent after it was answered says nothing.
_LEARN = """
INSERT INTO payer_habits (tenant_id, payer_id, answers, usual_days, learned_at)
SELECT $1, payer_id, count(*), percentile_disc(0.95) WITHIN GROUP (ORDER BY days), $3
FROM (
    SELECT c.payer_id, min(r.payment_on) - c.sent_on AS days
    FROM (
        SELECT claim_id, remit_id FROM matches WHERE tenant_id = $1 AND claim_id IS NOT NULL ORDER BY remit_row_id DESC LIMIT $2
    ) AS m
    JOIN claims AS c ON c.tenant_id = $1 AND c.claim_id = m.claim_id
    JOIN remits AS r ON r.tenant_id = $1 AND r.remit_id = m.remit_id
    WHERE r.claim_status_code NOT IN ('22', '23', '25')
    GROUP BY c.claim_id, c.payer_id, c.sent_on
) AS answered
WHERE days >= 0 GROUP BY payer_id
ON CONFLICT (tenant_id, payer_id) DO UPDATE
SET answers = excluded.answers, usual_days = excluded.usual_days, learned_at = excluded.learned_at
"""


async def learn(tx: AsyncConnection, tenant_id: str, answers: int, now: datetime) -> set[str]:
    """Learn how long payers take from a tenant's newest answers, and return those that are late after other days than before.

    Who is not among the answers keeps what was learned.
    """
    before = await habits(tx, tenant_id, None)
    await (await driver(tx)).execute(_LEARN, tenant_id, answers, now)
    after = await habits(tx, tenant_id, None)
    return {payer_id for payer_id in after if usual_days(after, payer_id) != usual_days(before, payer_id)}
