"""SQL of remits, filings and decisions by account; nothing here commits."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import copy_rows, driver
from services.appeals.outcomes.attribution import Paid, Said, Settled
from services.appeals.store import Account, Key

_encode = msgspec.json.Encoder().encode
_REMIT = Paid.__struct_fields__


class Decision(Struct, frozen=True):
    """What was told of an appeal, and what a person said of it. `revision` 0: nothing was told yet."""

    appeal_id: UUID
    case_id: UUID
    claim_key: UUID
    revision: int = 0
    settled: Settled | None = None
    decided_at: datetime | None = None
    said: Said | None = None
    said_by: str | None = None
    said_reference: str | None = None


class Known(Struct, frozen=True):
    """What is known of an account beside its cases."""

    remits: list[Paid]
    filings: list[Mapping[str, Any]]
    decisions: dict[UUID, Decision]


async def insert_remits(tx: AsyncConnection, remits: Sequence[tuple[Account, Paid]]) -> None:
    """Keep remits. Each comes once: its event is admitted once."""
    rows = [(*account, *(getattr(remit, name) for name in _REMIT)) for account, remit in remits]
    await copy_rows(tx, "remits", ("tenant_id", "claim_key", *_REMIT), rows)


_OF_ACCOUNTS = """
SELECT found.* FROM unnest($1::text[], $2::uuid[]) AS asked (tenant_id, claim_key)
JOIN {table} AS found ON found.tenant_id = asked.tenant_id AND found.claim_key = asked.claim_key
"""


async def known_of(tx: AsyncConnection, accounts: Collection[Account]) -> dict[Account, Known]:
    """Return what is known of some accounts. Their cases are locked, so nobody else adds to it meanwhile."""
    connection = await driver(tx)
    asked = list(map(list, zip(*accounts, strict=True)))
    known: dict[Account, Known] = defaultdict(lambda: Known([], [], {}))
    for row in await connection.fetch(_OF_ACCOUNTS.format(table="remits"), *asked):
        known[row["tenant_id"], row["claim_key"]].remits.append(Paid(*(row[name] for name in _REMIT)))
    for row in await connection.fetch(_OF_ACCOUNTS.format(table="filings") + " ORDER BY found.number", *asked):
        known[row["tenant_id"], row["claim_key"]].filings.append(row)
    for row in await connection.fetch(_OF_ACCOUNTS.format(table="decisions"), *asked):
        known[row["tenant_id"], row["claim_key"]].decisions[row["appeal_id"]] = _decision(row)
    return known


def _decision(row: Mapping[str, Any]) -> Decision:
    settled = said = None
    if row["outcome"] is not None:
        settled = Settled(
            row["outcome"], row["recovered_cents"], row["decided_by"], row["decided_on"], row["deciding_remit_id"]
        )  # fmt: skip
    if row["said_outcome"] is not None:
        said = Said(row["said_outcome"], row["said_on"], row["said_at"])
    return Decision(
        row["appeal_id"], row["case_id"], row["claim_key"], row["revision"], settled, row["decided_at"], said, row["said_by"],
        row["said_reference"],
    )  # fmt: skip


_SAVE = """
INSERT INTO decisions (tenant_id, appeal_id, case_id, claim_key, revision, outcome, recovered_cents, decided_by, decided_on,
    decided_at, deciding_remit_id, said_outcome, said_on, said_at, said_by, said_reference)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::bigint[], $8::text[], $9::date[],
    $10::timestamptz[], $11::uuid[], $12::text[], $13::date[], $14::timestamptz[], $15::text[], $16::text[])
ON CONFLICT (tenant_id, appeal_id) DO UPDATE SET revision = excluded.revision, outcome = excluded.outcome,
    recovered_cents = excluded.recovered_cents, decided_by = excluded.decided_by, decided_on = excluded.decided_on,
    decided_at = excluded.decided_at, deciding_remit_id = excluded.deciding_remit_id, said_outcome = excluded.said_outcome,
    said_on = excluded.said_on, said_at = excluded.said_at, said_by = excluded.said_by, said_reference = excluded.said_reference
"""


async def save_decisions(tx: AsyncConnection, decisions: Sequence[tuple[str, Decision]]) -> None:
    """Write decisions as they are now, whose cases are locked."""
    if decisions:
        rows = [_row(tenant_id, each) for tenant_id, each in decisions]
        await (await driver(tx)).execute(_SAVE, *map(list, zip(*rows, strict=True)))


def _row(tenant_id: str, each: Decision) -> tuple[Any, ...]:
    told, said = each.settled, each.said
    return (
        tenant_id, each.appeal_id, each.case_id, each.claim_key, each.revision,
        *((told.outcome, told.recovered_cents, told.decided_by, told.decided_on) if told else (None, 0, None, None)),
        each.decided_at, told.remit_id if told else None,
        *((said.outcome, said.on, said.at) if said else (None, None, None)), each.said_by, each.said_reference,
    )  # fmt: skip


_NOTE = """
UPDATE worklist AS w SET told = jsonb_set(w.told, '{facts}', (w.told -> 'facts') || decided.facts)
FROM unnest($1::text[], $2::uuid[], $3::jsonb[]) AS decided (tenant_id, case_id, facts)
WHERE w.tenant_id = decided.tenant_id AND w.case_id = decided.case_id
"""


async def note_decided(tx: AsyncConnection, decided: Sequence[tuple[Key, str, date]]) -> None:
    """Write at which level and when cases were decided: the days of the next level are counted from it."""
    if decided:
        rows = [(*key, _encode({"level": level, "decided_on": on}).decode()) for key, level, on in decided]
        await (await driver(tx)).execute(_NOTE, *map(list, zip(*rows, strict=True)))
