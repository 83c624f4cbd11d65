"""The classifier's SQL; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.denial_classified import DenialClassifiedV1, Reason
from libs.common.database import copy_rows
from libs.common.ids import claim_key, uuid7
from libs.common.reversals import Reversible

_COLUMNS = (
    "tenant_id",
    "denial_id",
    "row_id",
    "revision",
    "status",
    "remit_id",
    "remittance_id",
    "claim_key",
    "claim_id",
    "patient_control_number",
    "payer_claim_control_number",
    "payer_id",
    "payer_name",
    "payment_on",
    "service_from_on",
    "charge_cents",
    "paid_cents",
    "denied_cents",
    "category",
    "kind",
    "action",
    "recoverable",
    "preventable",
    "alternative_actions",
    "core_scenario",
    "confidence",
    "explanation",
    "rules",
    "reasons",
    "classified_at",
)
_OF_THE_EVENT = tuple(name for name in _COLUMNS if name not in ("tenant_id", "row_id", "reasons"))
_encode = msgspec.json.Encoder().encode


async def insert_denials(tx: AsyncConnection, denials: Sequence[tuple[str, DenialClassifiedV1]]) -> None:
    """Write new denials, each with its tenant."""
    rows = []
    for tenant_id, denial in denials:
        values = {name: getattr(denial, name) for name in _OF_THE_EVENT}
        values |= {"tenant_id": tenant_id, "row_id": uuid7(), "reasons": _encode(denial.reasons).decode()}
        rows.append([values[name] for name in _COLUMNS])
    if rows:
        await copy_rows(tx, "denials", _COLUMNS, rows)


async def insert_reversals(tx: AsyncConnection, reversals: Sequence[Reversible]) -> None:
    """Write reversals, each waiting for the denial that it retracts."""
    if reversals:
        columns = (
            "remit_id",
            "tenant_id",
            "claim_key",
            "payer_id",
            "payer_claim_control_number",
            "charge_cents",
            "paid_cents",
        )
        await copy_rows(tx, "reversals", columns, [_fields(reversal) for reversal in reversals])


def _fields(item: Reversible) -> tuple[Any, ...]:
    return msgspec.structs.astuple(item)


_AMONG = "(tenant_id, claim_key) IN (SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:keys AS uuid[])))"
_ACTIVE = text(
    f"""
    SELECT denial_id AS id, tenant_id, claim_key, payer_id, payer_claim_control_number, charge_cents, paid_cents
    FROM denials WHERE status = 'active' AND {_AMONG} ORDER BY row_id FOR UPDATE
    """  # noqa: S608 - the text is ours
)
_WAITING = text(
    f"""
    SELECT remit_id AS id, tenant_id, claim_key, payer_id, payer_claim_control_number, charge_cents, paid_cents
    FROM reversals WHERE denial_id IS NULL AND {_AMONG} ORDER BY remit_id FOR UPDATE
    """  # noqa: S608 - the text is ours
)


async def active_denials(tx: AsyncConnection, accounts: Collection[tuple[str, UUID]]) -> list[Reversible]:
    """Lock and return the active denials of some accounts (tenant, claim key)."""
    return await _reversibles(tx, _ACTIVE, accounts)


async def waiting_reversals(tx: AsyncConnection, accounts: Collection[tuple[str, UUID]]) -> list[Reversible]:
    """Lock and return the reversals of some accounts that have retracted nothing yet."""
    return await _reversibles(tx, _WAITING, accounts)


async def _reversibles(tx: AsyncConnection, query: Any, accounts: Collection[tuple[str, UUID]]) -> list[Reversible]:
    if not accounts:
        return []
    wanted = {"tenants": [tenant for tenant, _ in accounts], "keys": [key for _, key in accounts]}
    return [Reversible(**row) for row in (await tx.execute(query, wanted)).mappings()]


_RETRACT = text(
    """
    UPDATE denials SET status = 'retracted', revision = revision + 1, classified_at = :now, changed_xid = pg_current_xact_id()
    FROM unnest(CAST(:tenants AS text[]), CAST(:denials AS uuid[])) AS gone (tenant_id, denial_id)
    WHERE denials.tenant_id = gone.tenant_id AND denials.denial_id = gone.denial_id
    RETURNING denials.*
    """
)
_MARK = text(
    """
    UPDATE reversals SET denial_id = used.denial_id
    FROM unnest(CAST(:tenants AS text[]), CAST(:reversals AS uuid[]), CAST(:denials AS uuid[]))
         AS used (tenant_id, remit_id, denial_id)
    WHERE reversals.tenant_id = used.tenant_id AND reversals.remit_id = used.remit_id
      AND reversals.claim_key = ANY (CAST(:keys AS uuid[]))
    """
)


async def retract(tx: AsyncConnection, pairs: Sequence[tuple[Reversible, UUID]], now: Any) -> list[tuple[str, DenialClassifiedV1]]:
    """Retract denials, each by its reversal's remit id; return them as they now are, with their tenants."""
    if not pairs:
        return []
    tenants = [denial.tenant_id for denial, _ in pairs]
    denials = [denial.id for denial, _ in pairs]
    await tx.execute(
        _MARK,
        {
            "tenants": tenants,
            "denials": denials,
            "reversals": [reversal for _, reversal in pairs],
            "keys": [denial.claim_key for denial, _ in pairs],
        },
    )
    rows = await tx.execute(_RETRACT, {"tenants": tenants, "denials": denials, "now": now})
    return [(row["tenant_id"], denial_of(row)) for row in rows.mappings()]


def denial_of(row: Any) -> DenialClassifiedV1:
    """Turn a row of `denials` into the event's shape."""
    values = {name: row[name] for name in _OF_THE_EVENT}
    reasons = msgspec.convert(row["reasons"], tuple[Reason, ...])
    return DenialClassifiedV1(
        **values | {"reasons": reasons, "rules": tuple(row["rules"]), "alternative_actions": tuple(row["alternative_actions"])}
    )


class Wanted(Struct, frozen=True):
    """Which denials are asked for. `equal` maps column names of ours to the value that they must have."""

    equal: dict[str, Any]
    first: date | None = None
    last: date | None = None
    pcn: str | None = None

    def conditions(self, tenant_id: str) -> tuple[str, dict[str, Any]]:
        """Return the SQL and its values."""
        values: dict[str, Any] = {"tenant_id": tenant_id, **self.equal}
        found = [f"{column} = :{column}" for column in values]
        if self.pcn is not None:
            # The account's key finds it by an index, however the payer cut or spelled the number.
            found.append("claim_key = :key")
            values["key"] = claim_key(tenant_id, self.pcn)
        if self.first is not None:
            found.append("payment_on >= :first")
            values["first"] = self.first
        if self.last is not None:
            found.append("payment_on <= :last")
            values["last"] = self.last
        return " AND ".join(found), values


async def find_denials(
    tx: AsyncConnection, tenant_id: str, wanted: Wanted, *, before: UUID | None, limit: int
) -> list[tuple[UUID, DenialClassifiedV1]]:
    """Return (row id, denial), newest first."""
    conditions, values = wanted.conditions(tenant_id)
    if before is not None:
        conditions += " AND row_id < :before"
        values["before"] = before
    query = text(f"SELECT * FROM denials WHERE {conditions} ORDER BY row_id DESC LIMIT :limit")  # noqa: S608 - columns are ours
    return [(row["row_id"], denial_of(row)) for row in (await tx.execute(query, values | {"limit": limit})).mappings()]


class Change(Struct, frozen=True):
    """A place in the order of changes: that of one transaction's change of one denial."""

    xid: int
    denial_id: UUID


FIRST_CHANGE: Final = Change(0, UUID(int=0))


async def changed_denials(
    tx: AsyncConnection, tenant_id: str, wanted: Wanted, *, after: Change, limit: int
) -> list[tuple[Change, DenialClassifiedV1]]:
    """Return denials in the order of their last change, from after a place on, each as it stands.

    Only what was written before the oldest transaction that still runs: nothing can come to stand before it any more.
    """
    conditions, values = wanted.conditions(tenant_id)
    query = text(
        f"SELECT *, changed_xid::text AS changed FROM denials WHERE {conditions}"  # noqa: S608 - columns are ours
        " AND (changed_xid, denial_id) > (CAST(CAST(:xid AS text) AS xid8), :after)"
        " AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())"
        " ORDER BY denials.changed_xid, denial_id LIMIT :limit"
    )
    rows = await tx.execute(query, values | {"xid": str(after.xid), "after": after.denial_id, "limit": limit})
    return [(Change(int(row["changed"]), row["denial_id"]), denial_of(row)) for row in rows.mappings()]


async def latest_change(tx: AsyncConnection) -> Change:
    """Return the place after everything that `changed_denials` gives at this moment."""
    xid = (await tx.execute(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))).scalar_one()
    return Change(int(xid), UUID(int=0))


async def get_denial(tx: AsyncConnection, tenant_id: str, denial_id: UUID) -> DenialClassifiedV1 | None:
    query = text("SELECT * FROM denials WHERE tenant_id = :tenant AND denial_id = :denial")
    row = (await tx.execute(query, {"tenant": tenant_id, "denial": denial_id})).mappings().first()
    return denial_of(row) if row else None
