"""The classifier's SQL; nothing here commits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.changes import Change
from libs.common.contracts.denial_classified import Deadline, DenialClassifiedV1, Reason
from libs.common.database import copy_rows, driver
from libs.common.ids import claim_key, denial_id, uuid7
from libs.common.reversals import Reversible, Twin
from services.classifier.judgement import normalised
from services.classifier.odds.outcomes import KeptDenial

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
    "acknowledgement_id",
    "patient_control_number",
    "payer_claim_control_number",
    "payer_id",
    "payer_name",
    "payer_kind",
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
    "explanation_fr",
    "rules",
    "reasons",
    "classified_at",
    "appeal_by",
    "correct_by",
    "rule_version",
    "overturn_probability",
    "expected_value_cents",
    "odds_version",
    "codes",
    "due_on",
    "adjudicated",
    "claim_type",
)
_NOT_OF_THE_EVENT = ("tenant_id", "row_id", "codes", "due_on", "adjudicated", "claim_type")
_AS_JSON: Final = {"reasons": tuple[Reason, ...], "appeal_by": Deadline | None, "correct_by": Deadline | None}
_OF_THE_EVENT = tuple(name for name in _COLUMNS if name not in _NOT_OF_THE_EVENT)
_encode = msgspec.json.Encoder().encode


class JudgedFrom(Struct, frozen=True, gc=False):
    """What a denial was judged from, encoded, and what of it is asked for alone."""

    adjudicated: bytes | None = None
    claim_type: str | None = None


_UNKNOWN: Final = JudgedFrom()


async def insert_denials(
    tx: AsyncConnection, denials: Sequence[tuple[str, DenialClassifiedV1]], judged_from: Mapping[UUID, JudgedFrom] | None = None
) -> None:
    """Write new denials, each with its tenant; `judged_from` by denial id."""
    rows = []
    for tenant_id, denial in denials:
        values = columns_of(denial)
        values |= {"tenant_id": tenant_id, "row_id": uuid7(), "codes": codes_of(denial.reasons)}
        values |= msgspec.structs.asdict((judged_from or {}).get(denial.denial_id, _UNKNOWN))
        rows.append(tuple(values[name] for name in _COLUMNS))
    if rows:
        await copy_rows(tx, "denials", _COLUMNS, rows)


def columns_of(denial: DenialClassifiedV1) -> dict[str, Any]:
    """Return what a denial's row holds of its event, and the last day of what has to be done."""
    values = {name: getattr(denial, name) for name in _OF_THE_EVENT}
    for name in _AS_JSON:
        values[name] = None if values[name] is None else _encode(values[name]).decode()
    due = {"appeal": denial.appeal_by, "correct_and_resubmit": denial.correct_by}.get(denial.action)
    return values | {"due_on": due.due_on if due is not None else None}


def codes_of(reasons: Sequence[Reason]) -> list[str]:
    """Return the adjustment and remark codes of a denial in their usual spelling, each once."""
    carcs = {normalised(reason.carc) for reason in reasons}
    return sorted(carcs.union(*(map(normalised, reason.rarcs) for reason in reasons)) - {""})


async def insert_reversals(tx: AsyncConnection, reversals: Sequence[Reversible]) -> None:
    """Write reversals, their signs turned back; they stay, to be paired with whatever comes."""
    if reversals:
        await copy_rows(tx, "reversals", Reversible.__struct_fields__, [msgspec.structs.astuple(each) for each in reversals])


_TWINS = """
(tenant_id, claim_key, payer_id, charge_cents, paid_cents)
    IN (SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[]))
"""
_REVERSALS = f"SELECT {', '.join(Reversible.__struct_fields__)} FROM reversals WHERE {_TWINS}"  # noqa: S608 - our own names
_DENIALS = (
    f"SELECT {', '.join(Reversible.__struct_fields__)}, status FROM denials WHERE {_TWINS}"  # noqa: S608 - our own names
    " AND acknowledgement_id IS NULL ORDER BY tenant_id, denial_id FOR UPDATE"
)


async def reversals_of(tx: AsyncConnection, twins: Collection[Twin]) -> list[Reversible]:
    """Return all reversals of some twins."""
    rows = await (await driver(tx)).fetch(_REVERSALS, *map(list, zip(*twins, strict=True))) if twins else []
    return [Reversible(**row) for row in rows]


async def denials_of(tx: AsyncConnection, twins: Collection[Twin]) -> dict[Reversible, str]:
    """Lock and return all denials of some twins, each with its status."""
    rows = await (await driver(tx)).fetch(_DENIALS, *map(list, zip(*twins, strict=True)))
    return {Reversible(**{name: row[name] for name in Reversible.__struct_fields__}): row["status"] for row in rows}


_REVISE = text(
    """
    UPDATE denials SET status = revised.status, revision = revision + 1, classified_at = :now, changed_xid = pg_current_xact_id()
    FROM unnest(CAST(:tenants AS text[]), CAST(:denials AS uuid[]), CAST(:statuses AS text[]))
         AS revised (tenant_id, denial_id, status)
    WHERE denials.tenant_id = revised.tenant_id AND denials.denial_id = revised.denial_id
    RETURNING denials.*
    """
)


async def revise(tx: AsyncConnection, statuses: Mapping[Reversible, str], now: datetime) -> list[tuple[str, DenialClassifiedV1]]:
    """Give denials another status and their next revision; return them as they now are, with their tenants."""
    if not statuses:
        return []
    wanted = {
        "tenants": [each.tenant_id for each in statuses],
        "denials": [denial_id(each.remit_id) for each in statuses],
        "statuses": list(statuses.values()),
        "now": now,
    }
    return [(row["tenant_id"], denial_of(row)) for row in (await tx.execute(_REVISE, wanted)).mappings()]


def denial_of(row: Any) -> DenialClassifiedV1:
    """Turn a row of `denials` into the event's shape."""
    values = {name: row[name] for name in _OF_THE_EVENT}
    values |= {name: msgspec.convert(row[name], kind) for name, kind in _AS_JSON.items()}
    return DenialClassifiedV1(**values | {"rules": tuple(row["rules"]), "alternative_actions": tuple(row["alternative_actions"])})


def kept_denial_of(row: Any) -> KeptDenial:
    return KeptDenial(denial_of(row), row["claim_type"])


class Wanted(Struct, frozen=True):
    """Which denials are asked for. `equal` maps column names of ours to the value that they must have."""

    equal: dict[str, Any]
    first: date | None = None
    last: date | None = None
    pcn: str | None = None
    due_by: date | None = None

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
        if self.due_by is not None:
            found.append("due_on <= :due_by")
            values["due_by"] = self.due_by
        return " AND ".join(found), values


async def find_denials(
    tx: AsyncConnection, tenant_id: str, wanted: Wanted, *, before: UUID | None, limit: int
) -> list[tuple[UUID, KeptDenial]]:
    """Return (row id, denial), newest first."""
    conditions, values = wanted.conditions(tenant_id)
    if before is not None:
        conditions += " AND row_id < :before"
        values["before"] = before
    query = text(f"SELECT * FROM denials WHERE {conditions} ORDER BY row_id DESC LIMIT :limit")  # noqa: S608 - columns are ours
    return [(row["row_id"], kept_denial_of(row)) for row in (await tx.execute(query, values | {"limit": limit})).mappings()]


async def changed_denials(
    tx: AsyncConnection, tenant_id: str, wanted: Wanted, *, after: Change, limit: int
) -> list[tuple[Change, KeptDenial]]:
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
    rows = await tx.execute(query, values | {"xid": str(after.xid), "after": after.id, "limit": limit})
    return [(Change(int(row["changed"]), row["denial_id"]), kept_denial_of(row)) for row in rows.mappings()]


async def get_denial(tx: AsyncConnection, tenant_id: str, denial_id: UUID) -> KeptDenial | None:
    query = text("SELECT * FROM denials WHERE tenant_id = :tenant AND denial_id = :denial")
    row = (await tx.execute(query, {"tenant": tenant_id, "denial": denial_id})).mappings().first()
    return kept_denial_of(row) if row else None
