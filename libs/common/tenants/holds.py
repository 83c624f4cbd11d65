"""Legal hold: nothing of a tenant under it is forgotten by itself, however old it is."""

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver

# Where a query of a worker, which sees all tenants, passes over the rows of those that are held; `{}` is the table of the rows.
NOT_HELD = "NOT EXISTS (SELECT 1 FROM public.tenants AS held WHERE held.tenant_id = {}.tenant_id AND held.legal_hold)"


async def is_held(tx: AsyncConnection, tenant_id: str) -> bool:
    """Say whether a tenant is under legal hold, within a transaction that sees it."""
    query = "SELECT EXISTS (SELECT 1 FROM public.tenants WHERE tenant_id = $1 AND legal_hold)"
    return bool(await (await driver(tx)).fetchval(query, tenant_id))
