"""Sessions that somebody ended before their time, so that a copy of the cookie opens nothing; nothing here commits."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import driver


async def is_ended(tx: AsyncConnection, tenant_id: str, session_id: str, rights_id: str) -> bool:
    """Say whether a session is over, or has other rights by now."""
    query = "SELECT EXISTS (SELECT FROM ended_sessions WHERE tenant_id = $1 AND session_id IN ($2, $3))"
    return bool(await (await driver(tx)).fetchval(query, tenant_id, session_id, rights_id))


async def end(tx: AsyncConnection, tenant_id: str, session_id: str, ends_at: datetime, now: datetime) -> None:
    """Note that a session, or what it had of rights, is over; it is forgotten once it would be over by itself."""
    connection = await driver(tx)
    await connection.execute("DELETE FROM ended_sessions WHERE tenant_id = $1 AND ends_at < $2", tenant_id, now)
    await connection.execute(
        "INSERT INTO ended_sessions (tenant_id, session_id, ends_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        tenant_id,
        session_id,
        ends_at,
    )
