"""The SQL of letters: templates, letterheads, what was written. Versions are added; nothing here commits."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver, lock_name
from libs.common.sealing.keys import cipher_of
from services.appeals.letters.facts import Letterhead, Sheet
from services.appeals.letters.language import Language
from services.appeals.letters.paragraphs import Paragraph
from services.appeals.seals import LETTER

_encode = msgspec.json.Encoder().encode


class TemplateKey(Struct, frozen=True):
    """Which template."""

    category: str
    level: str
    language: Language


async def find_template(tx: AsyncConnection, tenant_id: str, key: TemplateKey, version: int | None = None) -> RowMapping | None:
    """Return a tenant's own template: the newest version, or the one that is asked for."""
    query = text(
        "SELECT * FROM letter_templates WHERE tenant_id = :tenant AND category = :category AND level = :level"
        " AND language = :language AND (CAST(:version AS int) IS NULL OR version = :version) ORDER BY version DESC LIMIT 1"
    )
    asked = {"tenant": tenant_id, **msgspec.structs.asdict(key), "version": version}
    return (await tx.execute(query, asked)).mappings().first()


async def list_templates(tx: AsyncConnection, tenant_id: str) -> list[RowMapping]:
    """Return the newest version of each template of a tenant's own."""
    query = text(
        "SELECT DISTINCT ON (category, level, language) * FROM letter_templates WHERE tenant_id = :tenant"
        " ORDER BY category, level, language, version DESC"
    )
    return list((await tx.execute(query, {"tenant": tenant_id})).mappings())


async def list_template_versions(tx: AsyncConnection, tenant_id: str, key: TemplateKey) -> list[RowMapping]:
    query = text(
        "SELECT * FROM letter_templates WHERE tenant_id = :tenant AND category = :category AND level = :level"
        " AND language = :language ORDER BY version DESC"
    )
    return list((await tx.execute(query, {"tenant": tenant_id, **msgspec.structs.asdict(key)})).mappings())


async def lock_template(tx: AsyncConnection, tenant_id: str, key: TemplateKey) -> None:
    await lock_name(tx, "recours.letter_template", tenant_id, key.category, key.level, key.language)


async def insert_template(
    tx: AsyncConnection, tenant_id: str, key: TemplateKey, version: int, body: str, note: str, who: str, now: datetime
) -> Mapping[str, Any]:
    """Write a template's next version, and return it as it stands."""
    row: Any = await (await driver(tx)).fetchrow(
        "INSERT INTO letter_templates (tenant_id, category, level, language, version, body, note, written_by, written_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *",
        tenant_id, key.category, key.level, key.language, version, body, note, who, now,
    )  # fmt: skip
    return cast("Mapping[str, Any]", row)


async def find_letterhead(tx: AsyncConnection, tenant_id: str, version: int | None = None) -> RowMapping | None:
    """Return a tenant's letterhead: the newest version, or the one that is asked for."""
    query = text(
        "SELECT * FROM letterheads WHERE tenant_id = :tenant AND (CAST(:version AS int) IS NULL OR version = :version)"
        " ORDER BY version DESC LIMIT 1"
    )
    return (await tx.execute(query, {"tenant": tenant_id, "version": version})).mappings().first()


async def insert_letterhead(
    tx: AsyncConnection, tenant_id: str, version: int, head: Letterhead, logo: bytes, who: str, now: datetime
) -> None:
    await (await driver(tx)).execute(
        "INSERT INTO letterheads (tenant_id, version, content, logo, written_by, written_at) VALUES ($1, $2, $3, $4, $5, $6)",
        tenant_id, version, _encode(head).decode(), logo, who, now,
    )  # fmt: skip


async def payer_of(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> str:
    """Return the payer of a case that exists."""
    query = text("SELECT payer_id FROM cases WHERE tenant_id = :tenant AND case_id = :case")
    return str((await tx.execute(query, {"tenant": tenant_id, "case": case_id})).scalar_one())


class NewLetter(Struct, frozen=True):
    """A letter as it is written down."""

    case_id: UUID
    category: str
    level: str
    language: str
    template_category: str
    template_level: str
    template_version: int
    edits_version: int | None
    sheet: Sheet
    paragraphs: tuple[Paragraph, ...]


async def lock_letters(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> None:
    """Hold a case's letters until the transaction ends, so that two who write get two versions."""
    await lock_name(tx, "recours.letters", tenant_id, str(case_id))


async def find_letter(tx: AsyncConnection, tenant_id: str, case_id: UUID, version: int | None = None) -> Mapping[str, Any] | None:
    """Return a case's letter: the newest version, or the one that is asked for."""
    query = text(
        "SELECT * FROM letters WHERE tenant_id = :tenant AND case_id = :case"
        " AND (CAST(:version AS int) IS NULL OR version = :version) ORDER BY version DESC LIMIT 1"
    )
    rows = (await tx.execute(query, {"tenant": tenant_id, "case": case_id, "version": version})).mappings()
    return next(iter(await _opened(tx, tenant_id, rows)), None)


async def list_letters(tx: AsyncConnection, tenant_id: str, case_id: UUID) -> list[Mapping[str, Any]]:
    """Return all versions of a case's letter, newest first."""
    query = text("SELECT * FROM letters WHERE tenant_id = :tenant AND case_id = :case ORDER BY version DESC")
    return await _opened(tx, tenant_id, (await tx.execute(query, {"tenant": tenant_id, "case": case_id})).mappings())


async def _opened(tx: AsyncConnection, tenant_id: str, rows: Iterable[RowMapping]) -> list[Mapping[str, Any]]:
    """Return letters with their `sheet` and `paragraphs`, which are sealed together."""
    cipher = await cipher_of(tx, tenant_id)
    letters: list[Mapping[str, Any]] = []
    for row in rows:
        content = cipher.open(LETTER, (row["case_id"], row["version"]), row["content"])
        sheet, paragraphs = msgspec.json.decode(content)
        letters.append({**row, "sheet": sheet, "paragraphs": paragraphs})
    return letters


async def insert_letter(tx: AsyncConnection, tenant_id: str, version: int, letter: NewLetter, who: str, now: datetime) -> None:
    plain = _encode((letter.sheet, letter.paragraphs))
    content = (await cipher_of(tx, tenant_id)).seal(LETTER, (letter.case_id, version), plain)
    await (await driver(tx)).execute(
        "INSERT INTO letters (tenant_id, case_id, version, category, level, language, template_category, template_level,"
        " template_version, edits_version, content, written_by, written_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        tenant_id, letter.case_id, version, letter.category, letter.level, letter.language, letter.template_category,
        letter.template_level, letter.template_version, letter.edits_version, content, who, now,
    )  # fmt: skip


def sheet_of(row: Mapping[Any, Any]) -> Sheet:
    return msgspec.convert(row["sheet"], Sheet)


def paragraphs_of(row: Mapping[Any, Any]) -> tuple[Paragraph, ...]:
    return msgspec.convert(row["paragraphs"], tuple[Paragraph, ...])
