"""How often a tenant saw a code, and what became of it; nothing here commits."""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def seen(tx: AsyncConnection, tenant_id: str, code: str) -> dict[str, Any]:
    """Count a tenant's denials that name a code (in its usual spelling), and the cents that stand beside it."""
    values = {"tenant": tenant_id, "code": code}
    counted = dict((await tx.execute(_SEEN, values)).mappings().one())
    return counted | {"to_do": {row.action: row.denials for row in await tx.execute(_ACTIONS, values)}}
