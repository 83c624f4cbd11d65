"""SQL of claims and acknowledgements; nothing here commits.

The worker writes rows by COPY. COPY is refused where row-level security binds, as it does the API: that inserts from arrays, which
takes three times as long a row, for few rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.contracts.claim_acknowledged import AcknowledgedStatus
from libs.common.database import copy_rows, driver, lock_name
from libs.common.sealing.keys import cipher_of
from libs.x12 import SetAnswer
from services.ingest.claims.candidates import Place
from services.ingest.claims.life import Acknowledgement, Known
from services.ingest.seals import CLAIM

_encoder = msgspec.json.Encoder()

_CLAIM: Mapping[str, str] = {
    "tenant_id": "text", "claim_id": "uuid", "row_id": "uuid", "claim_key": "uuid", "sequence": "bigint", "interchange_id": "uuid",
    "transaction_ordinal": "int", "claim_ordinal": "bigint", "group_control_number": "text", "set_control_number": "text",
    "patient_control_number": "text", "claim_type": "text", "frequency_code": "text", "charge_cents": "bigint", "payer_id": "text",
    "payer_name": "text", "payer_kind": "text", "claim_filing_code": "text", "payer_sequence": "text", "billing_npi": "text",
    "rendering_npi": "text", "facility_code": "text", "service_from_on": "date", "service_to_on": "date",
    "member_reference": "text", "original_payer_claim_control_number": "text", "replaces_claim_id": "uuid", "state": "text",
    "submitted_at": "timestamptz", "sent_on": "date", "trace_id": "text", "coder": "text", "content": "bytea",
}  # fmt: skip
_HISTORY: Mapping[str, str] = {
    "tenant_id": "text", "claim_id": "uuid", "row_id": "uuid", "state": "text", "why": "text", "cause_id": "uuid",
    "at": "timestamptz",
}  # fmt: skip
_ACKNOWLEDGEMENT: Mapping[str, str] = {
    "tenant_id": "text", "acknowledgement_id": "uuid", "row_id": "uuid", "claim_key": "uuid", "claim_id": "uuid",
    "interchange_id": "uuid", "patient_control_number": "text", "source": "text", "verdict": "text", "acknowledged_on": "date",
    "received_at": "timestamptz", "payer_id": "text", "payer_name": "text", "payer_claim_control_number": "text",
    "charge_cents": "bigint", "service_from_on": "date", "statuses": "jsonb",
}  # fmt: skip
_SET_ANSWER: Mapping[str, str] = {
    "tenant_id": "text", "group_control_number": "text", "set_control_number": "text", "interchange_id": "uuid",
    "sent_interchange_id": "uuid", "answered_on": "date", "received_at": "timestamptz", "answer": "jsonb",
}  # fmt: skip


def encode(value: Any) -> str:
    """Return the text of a JSON column."""
    return _encoder.encode(value).decode()


def _insert(table: str, columns: Mapping[str, str], end: str = "") -> str:
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(columns.values(), start=1))
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) {end}"  # noqa: S608 - our own names


_INSERT_CLAIMS = _insert("claims", _CLAIM)
_INSERT_HISTORY = _insert("claim_history", _HISTORY)
_INSERT_ACKNOWLEDGEMENTS = _insert(
    "acknowledgements", _ACKNOWLEDGEMENT, "ON CONFLICT (tenant_id, acknowledgement_id) DO UPDATE SET claim_id = excluded.claim_id"
)
_INSERT_SET_ANSWERS = _insert("set_answers", _SET_ANSWER, "ON CONFLICT DO NOTHING")


async def _write(tx: AsyncConnection, statement: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> None:
    told = list(rows)
    if told:
        await (await driver(tx)).execute(statement, *([row[name] for row in told] for name in columns))


async def insert_claims(tx: AsyncConnection, rows: Sequence[tuple[Any, ...]], *, copies: bool) -> None:
    """Write one tenant's claims; a row is in the order of _CLAIM, its content not sealed yet. `copies`: this role may COPY."""
    if not rows:
        return
    cipher = await cipher_of(tx, rows[0][0])
    sealed = [(*row[:-1], cipher.seal(CLAIM, (row[1],), row[-1])) for row in rows]
    if copies:
        await copy_rows(tx, "claims", tuple(_CLAIM), sealed)
    else:
        await (await driver(tx)).execute(_INSERT_CLAIMS, *map(list, zip(*sealed, strict=True)))


async def insert_history(tx: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write what happened to claims after they were submitted."""
    await _write(tx, _INSERT_HISTORY, _HISTORY, rows)


async def save_acknowledgements(tx: AsyncConnection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write acknowledgements; one that waited for its claim gets it."""
    await _write(tx, _INSERT_ACKNOWLEDGEMENTS, _ACKNOWLEDGEMENT, rows)


async def insert_set_answers(
    tx: AsyncConnection,
    tenant_id: str,
    interchange_id: UUID,
    answers: Sequence[tuple[SetAnswer, UUID | None]],
    now: datetime,
) -> None:
    """Keep answers to sets, each with the file that it answers where that is known: it may come later."""
    rows = [
        {
            "tenant_id": tenant_id,
            "group_control_number": answer.group_control_number,
            "set_control_number": answer.set_control_number,
            "interchange_id": interchange_id,
            "sent_interchange_id": sent,
            "answered_on": now.date(),
            "received_at": now,
            "answer": encode(answer),
        }
        for answer, sent in answers
    ]
    await _write(tx, _INSERT_SET_ANSWERS, _SET_ANSWER, rows)


async def settle_set_answers(tx: AsyncConnection, tenant_id: str, ids: Collection[tuple[str, str, UUID]], sent: UUID) -> None:
    """Say which file some answers were for: another one with the same control numbers is none of theirs."""
    if ids:
        await (await driver(tx)).execute(
            "UPDATE set_answers SET sent_interchange_id = $5 WHERE tenant_id = $1 AND sent_interchange_id IS NULL"
            " AND (group_control_number, set_control_number, interchange_id)"
            " IN (SELECT * FROM unnest($2::text[], $3::text[], $4::uuid[]))",
            tenant_id,
            *map(list, zip(*ids, strict=True)),
            sent,
        )


async def lock_groups(tx: AsyncConnection, tenant_id: str, group_control_numbers: Collection[str]) -> None:
    """Hold the functional groups of some control numbers: a 999 and its claims that come at once must see each other."""
    for number in sorted(group_control_numbers):
        await lock_name(tx, "recours.group", tenant_id, number)


async def known_places(tx: AsyncConnection, tenant_id: str, claim_ids: Collection[UUID]) -> dict[UUID, Place]:
    """Return where the claims that are here stood when they came last."""
    query = (
        "SELECT claim_id, interchange_id, transaction_ordinal, claim_ordinal FROM claims"
        " WHERE tenant_id = $1 AND claim_id = ANY ($2::uuid[])"
    )
    rows = await (await driver(tx)).fetch(query, tenant_id, list(claim_ids))
    return {row["claim_id"]: (row["interchange_id"], row["transaction_ordinal"], row["claim_ordinal"]) for row in rows}


_RESENT = """
UPDATE claims SET interchange_id = $2, transaction_ordinal = sent.transaction, claim_ordinal = sent.claim,
    group_control_number = sent.group_number, set_control_number = sent.set_number, sent_on = LEAST(claims.sent_on, sent.sent_on)
FROM unnest($3::uuid[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::date[])
    AS sent (claim_id, transaction, claim, group_number, set_number, sent_on)
WHERE claims.tenant_id = $1 AND claims.claim_id = sent.claim_id
"""


async def resend(
    tx: AsyncConnection,
    tenant_id: str,
    interchange_id: UUID,
    sent: Sequence[tuple[UUID, int | None, int | None, str, str, date | None]],
) -> None:
    """Say under which envelope claims were sent last: what is answered to it is answered to them."""
    if sent:
        await (await driver(tx)).execute(_RESENT, tenant_id, interchange_id, *map(list, zip(*sent, strict=True)))


_OF_ACCOUNTS = """
SELECT claim_key, claim_id, payer_id, charge_cents, service_from_on, sent_on, state, frequency_code, replaces_claim_id,
       original_payer_claim_control_number, payer_claim_control_number
FROM claims WHERE tenant_id = $1 AND claim_key = ANY ($2::uuid[]) ORDER BY row_id
"""


async def claims_of_accounts(tx: AsyncConnection, tenant_id: str, keys: Collection[UUID]) -> dict[UUID, list[Known]]:
    """Return the claims of some accounts, oldest first."""
    found: dict[UUID, list[Known]] = {}
    for row in await (await driver(tx)).fetch(_OF_ACCOUNTS, tenant_id, list(keys)):
        found.setdefault(row["claim_key"], []).append(Known(*tuple(row)[1:]))
    return found


async def claims_by_payer_number(tx: AsyncConnection, tenant_id: str, numbers: Collection[str]) -> dict[str, UUID]:
    """Return the newest claim that a payer knows by each of these numbers."""
    query = (
        "SELECT payer_claim_control_number, claim_id FROM claims WHERE tenant_id = $1"
        " AND payer_claim_control_number = ANY ($2::text[]) AND payer_claim_control_number <> '' ORDER BY row_id"
    )
    rows = await (await driver(tx)).fetch(query, tenant_id, list(numbers))
    return {row["payer_claim_control_number"]: row["claim_id"] for row in rows}


async def account_numbers(
    tx: AsyncConnection, tenant_id: str, ids: Collection[UUID], numbers: Collection[str]
) -> tuple[dict[UUID, str], dict[str, set[str]]]:
    """Return the account numbers of some claims by id, and of those that a payer knows by some numbers by number."""
    query = (
        "SELECT claim_id, payer_claim_control_number, patient_control_number FROM claims WHERE tenant_id = $1 AND"
        " (claim_id = ANY ($2::uuid[]) OR payer_claim_control_number = ANY ($3::text[]) AND payer_claim_control_number <> '')"
    )
    by_id: dict[UUID, str] = {}
    by_number: dict[str, set[str]] = {}
    for claim_id, number, pcn in await (await driver(tx)).fetch(query, tenant_id, list(ids), list(numbers)):
        by_id[claim_id] = pcn
        if number:  # found by its id, a claim may have none yet
            by_number.setdefault(number, set()).add(pcn)
    return by_id, by_number


async def admit_requests(tx: AsyncConnection, tenant_id: str, interchange_id: UUID, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Write which requests for records have come; return those that were here before, each with the file that brought it."""
    connection = await driver(tx)
    query = "SELECT request_id, interchange_id FROM records_requests WHERE tenant_id = $1 AND request_id = ANY ($2::uuid[])"
    here = {row["request_id"]: row["interchange_id"] for row in await connection.fetch(query, tenant_id, list(ids))}
    insert = "INSERT INTO records_requests (tenant_id, request_id, interchange_id) SELECT $1, unnest($2::uuid[]), $3"
    await connection.execute(insert, tenant_id, sorted(set(ids) - set(here)), interchange_id)
    return here


_OF_SET = """
WITH newest AS (
    SELECT interchange_id FROM claims
    WHERE tenant_id = $1 AND group_control_number = $2 AND ($3 = '' OR set_control_number = $3) AND interchange_id IS NOT NULL
    ORDER BY row_id DESC LIMIT 1
)
SELECT claim_id, claim_key, patient_control_number, interchange_id FROM claims
WHERE tenant_id = $1 AND group_control_number = $2 AND ($3 = '' OR set_control_number = $3)
  AND interchange_id = (SELECT interchange_id FROM newest)
"""


async def claims_of_set(tx: AsyncConnection, tenant_id: str, group: str, set_control: str) -> list[tuple[UUID, UUID, str, UUID]]:
    """Return (claim id, claim key, PCN, interchange id) of the set that was last sent under these control numbers.

    An empty set number is the whole group.
    """
    return [tuple(row) for row in await (await driver(tx)).fetch(_OF_SET, tenant_id, group, set_control)]


_SET_ANSWERS = """
SELECT answer, answered_on, interchange_id FROM set_answers
WHERE tenant_id = $1 AND group_control_number = ANY ($2::text[])
  AND (sent_interchange_id = $3 OR (sent_interchange_id IS NULL AND answered_on >= $4))
"""


async def set_answers(
    tx: AsyncConnection, tenant_id: str, groups: Collection[str], interchange_id: UUID | None, since: date
) -> list[tuple[SetAnswer, date, UUID]]:
    """Return (answer, its day, the file that holds it) for a file's groups: its own answers, and those that wait since a day."""
    rows = await (await driver(tx)).fetch(_SET_ANSWERS, tenant_id, list(groups), interchange_id, since)
    return [(msgspec.convert(row["answer"], SetAnswer), row["answered_on"], row["interchange_id"]) for row in rows]


async def known_acknowledgements(tx: AsyncConnection, tenant_id: str, ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the acknowledgements that are here, each with the file that brought it."""
    query = (
        "SELECT acknowledgement_id, interchange_id FROM acknowledgements"
        " WHERE tenant_id = $1 AND acknowledgement_id = ANY ($2::uuid[])"
    )
    rows = await (await driver(tx)).fetch(query, tenant_id, list(ids))
    return {row["acknowledgement_id"]: row["interchange_id"] for row in rows}


async def statuses_of_accounts(
    tx: AsyncConnection, tenant_id: str, keys: Collection[UUID]
) -> list[tuple[UUID, UUID, Acknowledgement]]:
    """Return (claim key, interchange id, acknowledgement) of what was answered by 277 or 277CA; by a 999 its claims are known."""
    query = "SELECT * FROM acknowledgements WHERE tenant_id = $1 AND claim_key = ANY ($2::uuid[]) AND source <> '999'"
    return [
        (
            row["claim_key"],
            row["interchange_id"],
            Acknowledgement(
                acknowledgement_id=row["acknowledgement_id"],
                patient_control_number=row["patient_control_number"],
                verdict=row["verdict"],
                source=row["source"],
                acknowledged_on=row["acknowledged_on"],
                statuses=msgspec.convert(row["statuses"], tuple[AcknowledgedStatus, ...]),
                payer_id=row["payer_id"],
                payer_name=row["payer_name"],
                payer_claim_control_number=row["payer_claim_control_number"],
                charge_cents=row["charge_cents"],
                service_from_on=row["service_from_on"],
                claim_id=row["claim_id"],
            ),
        )
        for row in await (await driver(tx)).fetch(query, tenant_id, list(keys))
    ]


Told = tuple[date, str, str, str]  # day, source, verdict, the payer's number


async def answers_of(tx: AsyncConnection, tenant_id: str, claim_ids: Collection[UUID]) -> dict[UUID, list[Told]]:
    """Return the answers of some claims, in the order of their days."""
    query = (
        "SELECT claim_id, acknowledged_on, source, verdict, payer_claim_control_number FROM acknowledgements"
        " WHERE tenant_id = $1 AND claim_id = ANY ($2::uuid[]) ORDER BY acknowledged_on, acknowledgement_id"
    )
    found: dict[UUID, list[Told]] = {}
    for row in await (await driver(tx)).fetch(query, tenant_id, list(claim_ids)):
        found.setdefault(row["claim_id"], []).append(tuple(row)[1:])
    return found


async def set_states(tx: AsyncConnection, tenant_id: str, states: Mapping[UUID, tuple[str, str]]) -> None:
    """Write claims' states, and the payer's numbers as far as answers told them."""
    await (await driver(tx)).execute(
        "UPDATE claims SET state = told.state, payer_claim_control_number = told.number"
        " FROM unnest($2::uuid[], $3::text[], $4::text[]) AS told (claim_id, state, number)"
        " WHERE claims.tenant_id = $1 AND claims.claim_id = told.claim_id",
        tenant_id,
        list(states),
        [state for state, _ in states.values()],
        [number for _, number in states.values()],
    )


async def link(tx: AsyncConnection, tenant_id: str, replaced: Mapping[UUID, UUID]) -> list[Mapping[str, Any]]:
    """Write what claims replace that came before it; return their rows."""
    if not replaced:
        return []
    rows = await (await driver(tx)).fetch(
        "UPDATE claims SET replaces_claim_id = told.replaces FROM unnest($2::uuid[], $3::uuid[]) AS told (claim_id, replaces)"
        " WHERE claims.tenant_id = $1 AND claims.claim_id = told.claim_id RETURNING claims.*",
        tenant_id,
        list(replaced),
        list(replaced.values()),
    )
    cipher = await cipher_of(tx, tenant_id)
    return [{**row, "content": cipher.open(CLAIM, (row["claim_id"],), row["content"])} for row in rows]
