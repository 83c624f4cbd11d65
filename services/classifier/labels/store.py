"""SQL of labels; nothing here commits."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.ids import uuid7
from services.classifier.labels.evaluation import Reviewed
from services.classifier.rules.model import RuleSet
from services.classifier.verdict import Adjudicated, judge

_adjudicated = msgspec.json.Decoder(Adjudicated).decode


class Label(Struct, frozen=True):
    """What somebody says that a denial is. One of each source is kept: the latest."""

    denial_id: UUID
    source: str
    category: str
    action: str
    note: str
    labelled_at: datetime
    row_id: UUID


_KEEP: Final = text(
    """
    INSERT INTO labels (tenant_id, denial_id, source, category, action, note, labelled_at, row_id)
    SELECT tenant_id, denial_id, :source, :category, :action, :note, :now, :row_id FROM denials
    WHERE tenant_id = :tenant AND denial_id = :denial
    ON CONFLICT (tenant_id, denial_id, source) DO UPDATE SET category = excluded.category, action = excluded.action,
        note = excluded.note, labelled_at = excluded.labelled_at
    RETURNING denial_id, source, category, action, note, labelled_at, row_id
    """
)


async def keep(
    tx: AsyncConnection, tenant_id: str, denial_id: UUID, source: str, category: str, action: str, note: str, now: datetime
) -> Label | None:
    """Keep a label in the place of the source's earlier one; None where there is no such denial."""
    values = {"tenant": tenant_id, "denial": denial_id, "source": source, "category": category, "action": action}
    row = (await tx.execute(_KEEP, values | {"note": note, "now": now, "row_id": uuid7()})).mappings().one_or_none()
    return None if row is None else Label(**row)


async def labels(tx: AsyncConnection, tenant_id: str, *, before: UUID | None, limit: int) -> list[Label]:
    """Return labels, newest first."""
    query = text(
        "SELECT denial_id, source, category, action, note, labelled_at, row_id FROM labels"
        " WHERE tenant_id = :t AND (CAST(:before AS uuid) IS NULL OR row_id < :before) ORDER BY row_id DESC LIMIT :limit"
    )
    rows = await tx.execute(query, {"t": tenant_id, "before": before, "limit": limit})
    return [Label(**row) for row in rows.mappings()]


# An audit outweighs the biller: 'audit' sorts before 'biller'.
_REVIEWED: Final = text(
    """
    SELECT DISTINCT ON (labels.denial_id) labels.category, labels.action, denials.category AS judged_category,
           denials.action AS judged_action, alternative_actions, codes, denied_cents, adjudicated
    FROM labels JOIN denials USING (tenant_id, denial_id)
    WHERE labels.tenant_id = :t AND (CAST(:source AS text) IS NULL OR source = :source)
      AND (CAST(:first AS date) IS NULL OR payment_on >= :first) AND (CAST(:last AS date) IS NULL OR payment_on <= :last)
    ORDER BY labels.denial_id, source
    """
)


async def reviewed(
    tx: AsyncConnection, tenant_id: str, source: str | None, first: date | None, last: date | None, rules: RuleSet | None
) -> list[Reviewed]:
    """Return labelled denials as they stand, or as a version of the rules judges them where it can."""
    rows = await tx.execute(_REVIEWED, {"t": tenant_id, "source": source, "first": first, "last": last})
    return [each for row in rows.mappings() if (each := _reviewed(row, rules)) is not None]


def _reviewed(row: Any, rules: RuleSet | None) -> Reviewed | None:
    category, ways = row["judged_category"], (row["judged_action"], *row["alternative_actions"])
    if rules is not None:
        if row["adjudicated"] is None:
            return None
        judged = judge(_adjudicated(row["adjudicated"]), rules).judged
        category, ways = judged.category, (judged.action, *judged.alternative_actions)
    return Reviewed(row["category"], row["action"], category, ways, tuple(row["codes"]), row["denied_cents"])
