"""Appeals' SQL; nothing here commits."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.denial_classified import Deadline, Reason
from libs.common.database import driver
from libs.common.ids import uuid7
from libs.common.money import Cents
from services.appeals.deadlines.clocks import due_on
from services.appeals.workflow import Case, CaseState, Command, Refused, Step
from services.appeals.worklist import desk
from services.appeals.worklist import store as worklist
from services.appeals.worklist.placing import Case as Placed

_encode = msgspec.json.Encoder().encode


class Denial(msgspec.Struct, frozen=True, gc=False):
    """What appeals reads of `denial.classified`."""

    denial_id: UUID
    revision: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    status: str
    remit_id: UUID
    claim_key: UUID
    patient_control_number: str
    payer_claim_control_number: str
    payer_id: str
    payer_name: str
    payment_on: date
    denied_cents: Cents
    category: str
    action: str
    explanation: str
    reasons: tuple[Reason, ...]
    recoverable: bool
    alternative_actions: tuple[str, ...] = ()
    payer_kind: str | None = None
    service_from_on: date | None = None
    appeal_by: Deadline | None = None
    correct_by: Deadline | None = None
    overturn_probability: float | None = None
    expected_value_cents: Cents | None = None


class Change(msgspec.Struct, frozen=True):
    """A case as a revision of its denial leaves it."""

    tenant_id: str
    case_id: UUID
    case: Case
    denial: Denial
    appeal_by_on: date | None = None  # the last days, where they are sure
    correct_by_on: date | None = None


Key = tuple[str, UUID]  # tenant, case

Account = tuple[str, UUID]  # tenant, claim_key

# A row that is there is locked and not written: the condition holds for none.
_HOLD = """
INSERT INTO accounts (tenant_id, claim_key)
SELECT * FROM unnest($1::text[], $2::uuid[]) AS asked (tenant_id, claim_key) ORDER BY tenant_id, claim_key
ON CONFLICT (tenant_id, claim_key) DO UPDATE SET claim_key = excluded.claim_key WHERE false
"""


async def hold_accounts(tx: AsyncConnection, accounts: Collection[Account]) -> None:
    """Hold accounts until the transaction ends, in one order for everybody, also those of which nothing is known yet.

    A remit and its denial come by two topics. Handled at one moment by two workers, neither would see what the other has not
    committed. The second waits here, and what it reads after this it reads with the first one's word in it.
    """
    asked = list(zip(*set(accounts), strict=True)) or [(), ()]
    await (await driver(tx)).execute(_HOLD, *map(list, asked))


_LOCK = """
SELECT c.* FROM unnest($1::text[], $2::uuid[]) AS asked (tenant_id, claim_key)
JOIN cases AS c ON c.tenant_id = asked.tenant_id AND c.claim_key = asked.claim_key
ORDER BY c.tenant_id, c.case_id FOR UPDATE OF c
"""


async def lock_accounts(tx: AsyncConnection, accounts: Collection[Account]) -> dict[Key, Mapping[str, Any]]:
    """Lock all cases of some accounts, in one order for everybody, and return their rows."""
    asked = list(zip(*set(accounts), strict=True)) or [(), ()]
    rows = await (await driver(tx)).fetch(_LOCK, *map(list, asked))
    return {(row["tenant_id"], row["case_id"]): row for row in rows}


_LOCK_ALONE = _LOCK.replace("SELECT c.*", "SELECT 1")


async def lock_cases(tx: AsyncConnection, accounts: Collection[Account]) -> None:
    """Lock all cases of some accounts, in the order of `lock_accounts`, without reading them."""
    asked = list(zip(*set(accounts), strict=True)) or [(), ()]
    await (await driver(tx)).execute(_LOCK_ALONE, *map(list, asked))


async def lock_row(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> Mapping[str, Any] | None:
    """Lock a case with the others of its account, and return its row."""
    query = "SELECT claim_key FROM cases WHERE tenant_id = $1 AND case_id = $2"
    account = await (await driver(tx)).fetchval(query, tenant_id, case_id)
    return None if account is None else (await lock_accounts(tx, [(tenant_id, account)])).get((tenant_id, case_id))


_KNOWN = """
SELECT * FROM cases
WHERE (tenant_id, case_id) IN (SELECT * FROM unnest($1::text[], $2::uuid[])) ORDER BY tenant_id, case_id FOR UPDATE
"""


async def known_cases(tx: AsyncConnection, ids: Collection[Key]) -> dict[Key, Case]:
    """Lock cases, in one order, and return them."""
    connection = await driver(tx)
    rows = await connection.fetch(_KNOWN, [tenant for tenant, _ in ids], [case_id for _, case_id in ids])
    return {(row["tenant_id"], row["case_id"]): case_of(row) for row in rows}


def case_of(row: Mapping[Any, Any]) -> Case:
    """Return what the workflow needs of a row of `cases`."""
    return Case(
        state=CaseState(row["state"]),
        version=row["version"],
        denial_revision=row["denial_revision"],
        closed_by=row["closed_by"],
        judged=Command(row["judged"]),
        outcome=row["outcome"],
        filings=row["filings"],
        due_on=due_on(row),
        refused=msgspec.convert(row["reasons"], tuple[Refused, ...]),
    )


_FIELDS: Mapping[str, str] = {
    "tenant_id": "text", "case_id": "uuid", "row_id": "uuid", "state": "text", "version": "int", "denial_id": "uuid",
    "denial_revision": "int", "remit_id": "uuid", "claim_key": "uuid", "patient_control_number": "text",
    "payer_claim_control_number": "text", "payer_id": "text", "payer_name": "text", "payment_on": "date", "category": "text",
    "action": "text", "denied_cents": "bigint", "explanation": "text", "reasons": "jsonb", "opened_at": "timestamptz",
    "changed_at": "timestamptz", "closed_by": "text", "filings": "int", "appeal_by_on": "date", "correct_by_on": "date",
    "judged": "text",
}  # fmt: skip
_CHANGING = (
    "state", "version", "denial_revision", "category", "action", "denied_cents", "explanation", "reasons", "changed_at",
    "closed_by", "appeal_by_on", "correct_by_on", "judged",
)  # fmt: skip
_SAVE = (
    f"INSERT INTO cases ({', '.join(_FIELDS)}) SELECT * FROM unnest("  # noqa: S608 - our own names
    + ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(_FIELDS.values(), start=1))
    + ") ON CONFLICT (tenant_id, case_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _CHANGING)
)
_TELL = """
INSERT INTO case_history (tenant_id, case_id, version, state, command, why, who, at)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
"""


async def save(tx: AsyncConnection, changes: Sequence[Change], now: datetime) -> None:
    """Write cases as revisions of their denials leave them: the last change of each."""
    if changes:
        last = {(change.tenant_id, change.case_id): change for change in changes}
        columns = zip(*(_row(change, now) for _, change in sorted(last.items())), strict=True)
        await (await driver(tx)).execute(_SAVE, *map(list, columns))


async def tell(tx: AsyncConnection, steps: Sequence[tuple[Key, Step]]) -> None:
    """Add steps to the history of their cases, which only grows."""
    if steps:
        rows = [(*key, each.version, each.state.value, each.command.value, each.why, each.who, each.at) for key, each in steps]
        await (await driver(tx)).execute(_TELL, *map(list, zip(*rows, strict=True)))


_BEFORE = """
SELECT c.tenant_id, c.case_id, c.denial_id, c.remit_id, c.claim_key, c.payer_id, c.payer_name, c.category, c.denied_cents,
    before.state AS state_before,
    coalesce((
        SELECT sum(d.recovered_cents) FROM decisions AS d
        WHERE d.tenant_id = c.tenant_id AND d.claim_key = c.claim_key AND d.case_id = c.case_id
    ), 0)::bigint AS recovered_cents
FROM unnest($1::text[], $2::uuid[], $3::int[]) AS asked (tenant_id, case_id, version)
JOIN cases AS c ON c.tenant_id = asked.tenant_id AND c.case_id = asked.case_id
LEFT JOIN LATERAL (
    SELECT h.state FROM case_history AS h
    WHERE h.tenant_id = asked.tenant_id AND h.case_id = asked.case_id AND h.version < asked.version ORDER BY h.version DESC LIMIT 1
) AS before ON true
"""


async def before_steps(tx: AsyncConnection, versions: Mapping[Key, int]) -> dict[Key, Mapping[str, Any]]:
    """Return cases with the state that they had before a step, by its version, and what outcomes have brought."""
    rows = [(*key, version) for key, version in versions.items()]
    found = await (await driver(tx)).fetch(_BEFORE, *map(list, zip(*rows, strict=True)))
    return {(row["tenant_id"], row["case_id"]): row for row in found}


_MOVE = """
UPDATE cases AS c
SET state = told.state, version = told.version, closed_by = told.closed_by, filings = told.filings, outcome = told.outcome,
    changed_at = $8
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::int[], $7::text[])
  AS told (tenant_id, case_id, state, version, closed_by, filings, outcome)
WHERE c.tenant_id = told.tenant_id AND c.case_id = told.case_id
"""


async def move(
    tx: AsyncConnection, cases: Mapping[Key, Case], now: datetime, marked: Callable[[Placed], Placed] = lambda placed: placed
) -> None:
    """Write where locked cases stand now, and find their places on the worklist anew, each `marked` there."""
    if cases:
        rows = [(*key, case.state, case.version, case.closed_by, case.filings, case.outcome) for key, case in cases.items()]
        await (await driver(tx)).execute(_MOVE, *map(list, zip(*rows, strict=True)), now)
        await worklist.alter(tx, cases, now, marked)


def _row(change: Change, now: datetime) -> tuple[Any, ...]:
    denial, case = change.denial, change.case
    return (
        change.tenant_id, change.case_id, uuid7(), case.state, case.version, denial.denial_id, denial.revision,
        denial.remit_id, denial.claim_key, denial.patient_control_number, denial.payer_claim_control_number, denial.payer_id,
        denial.payer_name, denial.payment_on, denial.category, denial.action, denial.denied_cents, denial.explanation,
        _encode(denial.reasons).decode(), now, now, case.closed_by, case.filings, change.appeal_by_on, change.correct_by_on,
        case.judged,
    )  # fmt: skip


async def has_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> bool:
    return await version_of(tx, tenant_id, case_id) is not None


async def version_of(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> int | None:
    """Return a case's version as this transaction sees it; None where there is no such case."""
    query = "SELECT version FROM cases WHERE tenant_id = $1 AND case_id = $2"
    version: int | None = await (await driver(tx)).fetchval(query, tenant_id, case_id)
    return version


async def get_case(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> tuple[RowMapping, list[RowMapping]] | None:
    """Return a case, with its place on the worklist, and its history."""
    wanted = {"tenant": tenant_id, "case": case_id}
    case = await desk.shown(tx, tenant_id, case_id)
    if case is None:
        return None
    told = text("SELECT * FROM case_history WHERE tenant_id = :tenant AND case_id = :case ORDER BY version")
    return case, list((await tx.execute(told, wanted)).mappings())


_SIBLINGS = """
SELECT o.case_id, o.state, o.payment_on, o.payer_claim_control_number, o.denied_cents FROM cases AS c
JOIN cases AS o ON o.tenant_id = c.tenant_id AND o.claim_key = c.claim_key AND o.payer_id = c.payer_id AND o.case_id <> c.case_id
WHERE c.tenant_id = :tenant AND c.case_id = :case ORDER BY o.payment_on, o.case_id LIMIT 100
"""


async def siblings_of(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[RowMapping]:
    """Return the other cases of the case's account with its payer, oldest first."""
    return list((await tx.execute(text(_SIBLINGS), {"tenant": tenant_id, "case": case_id})).mappings())


_APPEALS = """
SELECT f.*, coalesce(f.appeal_id, d.appeal_id) AS appeal_id, coalesce(f.action, 'none') AS action, d.revision, d.outcome,
    d.recovered_cents, d.decided_by, d.decided_on, d.deciding_remit_id, d.said_outcome, d.said_on, d.said_by, d.said_reference,
    s.status AS delivery, s.receipt, s.reason AS delivery_problem
FROM (SELECT * FROM filings WHERE tenant_id = :tenant AND case_id = :case) AS f
FULL JOIN (SELECT * FROM decisions WHERE tenant_id = :tenant AND case_id = :case) AS d ON d.appeal_id = f.appeal_id
LEFT JOIN deliveries AS s ON s.tenant_id = :tenant AND s.appeal_id = f.appeal_id
ORDER BY f.number NULLS FIRST
"""


async def appeals_of(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[RowMapping]:
    """Return what was filed of a case and how it was decided, oldest first; what was decided unasked comes first."""
    return list((await tx.execute(text(_APPEALS), {"tenant": tenant_id, "case": case_id})).mappings())
