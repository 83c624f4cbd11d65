"""What appeals takes away after its time, of cases with which nothing is done any more. SQL; nothing here commits.

Rows stay, with codes, days and amounts. Bytes beside the database go after the row that says so: the sweeps of documents and of
packets take them away.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, touched
from libs.common.people import SYSTEM
from libs.common.retention.forgetting import SUBJECT
from libs.common.retention.kinds import YEARS_7, Asked, Done, Kind
from libs.common.retention.words import FORGOTTEN, taking_out, words
from libs.common.sealing.keys import cipher_of
from services.appeals.documents.store import tell
from services.appeals.seals import DIFFERENCE, FILE_NAME, LETTER
from services.appeals.workflow import WAITING, WORKING

_FORGOTTEN: Final = b"forgotten"
_OPEN_STATES: Final = tuple(state.value for state in (*WORKING, *WAITING))
_RESTS: Final = "JOIN cases USING (tenant_id, case_id) WHERE tenant_id = $1 AND cases.changed_at < $2 AND cases.state <> ALL ($3)"
_DOCUMENTS: Final = f"""
SELECT document_id, case_id FROM documents {_RESTS}
    AND documents.changed_at < $2 AND documents.state NOT IN ('deleted', 'refused')
ORDER BY document_id LIMIT $4 FOR NO KEY UPDATE OF documents
"""  # noqa: S608 - our own names
_DELETE: Final = """
UPDATE documents SET state = 'deleted', changed_at = $3, file_name = told.file_name
FROM unnest($2::uuid[], $4::bytea[]) AS told (document_id, file_name)
WHERE documents.tenant_id = $1 AND documents.document_id = told.document_id
"""
# A packet that is still to be built needs its letter.
_LETTERS: Final = f"""
SELECT case_id, letters.version, content FROM letters {_RESTS} AND written_at < $2 AND forgotten_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM packets WHERE packets.tenant_id = letters.tenant_id AND packets.case_id = letters.case_id
      AND packets.letter_version = letters.version AND packets.state = 'waiting')
ORDER BY case_id, letters.version LIMIT $4 FOR NO KEY UPDATE OF letters
"""  # noqa: S608 - our own names
_EMPTY_LETTERS: Final = """
UPDATE letters SET content = told.content, forgotten_at = now()
FROM unnest($2::uuid[], $3::int[], $4::bytea[]) AS told (case_id, version, content)
WHERE letters.tenant_id = $1 AND letters.case_id = told.case_id AND letters.version = told.version
"""
_PACKETS: Final = f"""
WITH old AS (
    SELECT packet_id FROM packets {_RESTS} AND greatest(asked_at, built_at) < $2 AND packets.state <> 'waiting'
      AND forgotten_at IS NULL
    ORDER BY packet_id LIMIT $4 FOR NO KEY UPDATE OF packets
)
UPDATE packets SET manifest = NULL, forgotten_at = now() FROM old WHERE packets.tenant_id = $1 AND packets.packet_id = old.packet_id
"""  # noqa: S608 - our own names
_ANSWERS: Final = f"""
WITH old AS (
    SELECT appeal_id FROM records_answers {_RESTS} AND written_at < $2 AND key IS NOT NULL
    ORDER BY appeal_id LIMIT $4 FOR NO KEY UPDATE OF records_answers
)
UPDATE records_answers AS a SET key = NULL FROM old WHERE a.tenant_id = $1 AND a.appeal_id = old.appeal_id
"""  # noqa: S608 - our own names
_CORRECTIONS: Final = f"""
SELECT correction_id FROM corrected_claims {_RESTS} AND greatest(begun_at, sent_at) < $2 AND forgotten_at IS NULL
ORDER BY correction_id LIMIT $4 FOR NO KEY UPDATE OF corrected_claims
"""  # noqa: S608 - our own names
_EMPTY_CORRECTIONS: Final = """
UPDATE corrected_claims AS c SET difference = told.difference, why = '', forgotten_at = now()
FROM unnest($2::uuid[], $3::bytea[]) AS told (correction_id, difference)
WHERE c.tenant_id = $1 AND c.correction_id = told.correction_id
"""


_OF_A_CASE: Final = "JOIN cases ON cases.tenant_id = {0}.tenant_id AND cases.case_id = {0}.case_id"
_OLD_CASE: Final = f"cases.changed_at < $2 AND cases.state NOT IN ({', '.join(map(repr, _OPEN_STATES))})"


def _words(table: str, gone: str, *, at: str, still: str) -> str:
    return taking_out(table, gone, at=at, still=f"{still} AND {_OLD_CASE}", join=_OF_A_CASE.format(table))


# The index of each stands in migration 0032.
_WORDS: Final = (
    _words("case_comments", "words = '', forgotten_at = now()", at="at", still="case_comments.forgotten_at IS NULL"),
    _words("case_messages", "text = '', forgotten_at = now()", at="at", still="case_messages.forgotten_at IS NULL"),
    _words(
        "correspondence",
        "party = '', reference_number = NULL, said = '', promise = left(promise, 0), forgotten_at = now()",
        at="logged_at",
        still="correspondence.forgotten_at IS NULL",
    ),
    _words("case_history", f"why = '{FORGOTTEN}'", at="at", still=f"who <> '{SYSTEM}' AND why <> '{FORGOTTEN}'"),
    _words("document_history", f"why = '{FORGOTTEN}'", at="at", still=f"who <> '{SYSTEM}' AND why NOT IN ('', '{FORGOTTEN}')"),
    _words("evidence_waivers", f"reason = '{FORGOTTEN}'", at="at", still=f"reason <> '{FORGOTTEN}'"),
    _words("filings", f"good_cause = '{FORGOTTEN}'", at="filed_at", still=f"good_cause <> '{FORGOTTEN}'"),
)


async def forget_documents(tx: AsyncConnection, asked: Asked) -> Done:
    """Delete documents as people do; the sweep takes their bytes away. Their rows stay, without the names of their files."""
    connection = await driver(tx)
    rows = await _resting(connection, _DOCUMENTS, asked)
    if not rows:
        return Done(0, more=False)
    now: datetime = await connection.fetchval("SELECT now()")
    cipher = await cipher_of(tx, asked.tenant_id)
    names = [cipher.seal(FILE_NAME, (row["document_id"],), _FORGOTTEN) for row in rows]
    await connection.execute(_DELETE, asked.tenant_id, [row["document_id"] for row in rows], now, names)
    for row in rows:
        await tell(tx, asked.tenant_id, row["case_id"], row["document_id"], "deleted", SUBJECT, "retention", now)
    return Done.of(len(rows), asked.limit)


async def forget_letters(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away what letters say, and to whom; on which day and letterhead each was written stays."""
    connection = await driver(tx)
    rows = await _resting(connection, _LETTERS, asked)
    if not rows:
        return Done(0, more=False)
    cipher = await cipher_of(tx, asked.tenant_id)
    contents = []
    for row in rows:
        key = (row["case_id"], row["version"])
        contents.append(cipher.seal(LETTER, key, emptied(cipher.open(LETTER, key, row["content"]))))
    cases, versions = [row["case_id"] for row in rows], [row["version"] for row in rows]
    await connection.execute(_EMPTY_LETTERS, asked.tenant_id, cases, versions, contents)
    return Done.of(len(rows), asked.limit)


def emptied(content: bytes) -> bytes:
    """Return a letter's content with no words in it."""
    sheet, _ = msgspec.json.decode(content)
    kept = {name: sheet[name] for name in ("letter_on", "letterhead_version")}
    return msgspec.json.encode(({**kept, "exhibits": ()}, ()))


async def forget_packets(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away what is in packets; the sweep takes their bytes away."""
    return Done.of(await _changed(tx, _PACKETS, asked), asked.limit)


async def forget_answers(tx: AsyncConnection, asked: Asked) -> Done:
    """Let go of the bytes of 275s that were never sent, which the sweep takes away; those that were went with that."""
    return Done.of(await _changed(tx, _ANSWERS, asked), asked.limit)


async def forget_corrections(tx: AsyncConnection, asked: Asked) -> Done:
    """Take away which values corrected claims changed; the claims are ingest's."""
    connection = await driver(tx)
    rows = await _resting(connection, _CORRECTIONS, asked)
    if not rows:
        return Done(0, more=False)
    cipher = await cipher_of(tx, asked.tenant_id)
    ids = [row["correction_id"] for row in rows]
    await connection.execute(_EMPTY_CORRECTIONS, asked.tenant_id, ids, [cipher.seal(DIFFERENCE, (each,), b"[]") for each in ids])
    return Done.of(len(rows), asked.limit)


async def _resting(connection: Connection, query: str, asked: Asked) -> list[Any]:
    """Return rows of cases that rest since the day that is asked for."""
    return list(await connection.fetch(query, asked.tenant_id, asked.before, list(_OPEN_STATES), asked.limit))


async def _changed(tx: AsyncConnection, query: str, asked: Asked) -> int:
    return touched(await (await driver(tx)).execute(query, asked.tenant_id, asked.before, list(_OPEN_STATES), asked.limit))


KINDS: Final = (
    Kind("documents", "documents of cases with which nothing was done since", "documents", YEARS_7, 365, forget_documents),
    Kind("letters", "the words of letters of such cases", "letters", YEARS_7, 365, forget_letters),
    Kind("packets", "packets of such cases: what is in them, and their bytes", "packets", YEARS_7, 365, forget_packets),
    Kind("records-answers", "275s of such cases that were never sent", "records_answers", YEARS_7, 365, forget_answers),
    words("what people wrote about such cases", "cases", _WORDS),
    Kind("corrections", "what corrected claims of such cases changed", "corrected_claims", YEARS_7, 365, forget_corrections),
)
