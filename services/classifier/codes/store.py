"""How often a tenant saw a code, and what became of it; nothing here commits."""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.odds.store import DECIDED

_SEEN: Final = text(
    """
    SELECT count(*) AS denials,
           count(*) FILTER (WHERE status = 'active') AS standing,
           count(*) FILTER (WHERE status = 'retracted') AS retracted,
           COALESCE(sum(refused.cents), 0)::bigint AS refused_cents,
           min(payment_on) AS first_on, max(payment_on) AS last_on
    FROM denials, LATERAL (
        SELECT COALESCE(sum((reason ->> 'amount_cents')::bigint), 0) AS cents FROM jsonb_array_elements(reasons) AS reason
        WHERE COALESCE(NULLIF(ltrim(upper(trim(reason ->> 'carc')), '0'), ''), '0') = :code OR reason -> 'rarcs' ? :code
    ) AS refused
    WHERE tenant_id = :tenant AND codes @> ARRAY[:code]
    """
)
_ACTIONS: Final = text(
    "SELECT action, count(*) AS denials FROM denials WHERE tenant_id = :tenant AND codes @> ARRAY[:code] AND status = 'active'"
    " GROUP BY action ORDER BY action"
)
# What was sent tells more than what merely came; of several decisions the latest holds, and each recovered cent is in one.
_ENDED: Final = text(
    f"""
    SELECT count(*) FILTER (WHERE ending = 'overturned') AS overturned,
           count(*) FILTER (WHERE ending = 'partly_overturned') AS partly_overturned,
           count(*) FILTER (WHERE ending = 'upheld') AS upheld, COALESCE(sum(recovered_cents), 0)::bigint AS recovered_cents
    FROM (
        SELECT DISTINCT ON (denial_id) ending,
               sum(recovered_cents) FILTER (WHERE source = first_source) OVER (PARTITION BY denial_id) AS recovered_cents
        FROM (
            SELECT outcomes.*, min(source) OVER (PARTITION BY denial_id) AS first_source
            FROM outcomes JOIN denials USING (tenant_id, denial_id) WHERE tenant_id = :tenant AND codes @> ARRAY[:code]
              AND {DECIDED}
        ) AS decided
        ORDER BY denial_id, source, decided_on DESC, outcome_id
    ) AS latest
    """  # noqa: S608 - our own text
)


async def seen(tx: AsyncConnection, tenant_id: str, code: str) -> dict[str, Any]:
    """Count a tenant's denials that name a code (in its usual spelling), and the cents that stand beside it."""
    values = {"tenant": tenant_id, "code": code}
    counted = dict((await tx.execute(_SEEN, values)).mappings().one())
    counted["ended"] = dict((await tx.execute(_ENDED, values)).mappings().one())
    return counted | {"to_do": {row.action: row.denials for row in await tx.execute(_ACTIONS, values)}}
