"""An operator's command over a service's data keys: `python -m services.NAME.keys show|rotate TENANT`, as its worker role."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from libs.common.database import Database, driver
from libs.common.sealing.master import require_master
from libs.common.sealing.rewriting import rotate
from libs.common.settings import CommonSettings, load

_KEYS: Final = "SELECT key_id, master, created_at::text FROM data_keys WHERE tenant_id = $1 ORDER BY key_id"
_PLACES: Final = """
SELECT key_id, place, rows, done_at::text, CASE WHEN done_at IS NOT NULL THEN 'done' WHEN begins_at > now() THEN 'waiting'
    ELSE 'running' END AS state
FROM key_rewrites WHERE tenant_id = $1 ORDER BY key_id, place
"""


async def show(database: Database, tenant_id: str) -> dict[str, Any]:
    """Return a tenant's data keys, without the keys, and how far what is sealed anew is."""
    async with database.begin(tenant_id) as tx:
        connection = await driver(tx)
        keys, places = [await connection.fetch(query, tenant_id) for query in (_KEYS, _PLACES)]
    return {"tenant_id": tenant_id, "keys": [dict(row) for row in keys], "places": [dict(row) for row in places]}


async def turn(database: Database, tenant_id: str, places: Sequence[str]) -> dict[str, Any]:
    """Give a tenant another data key; the worker seals all anew. Return what `show` does."""
    async with database.begin(tenant_id) as tx:
        await rotate(tx, tenant_id, places)
    return await show(database, tenant_id)


def main(service: str, places: Sequence[str]) -> None:
    """Do what the command line says and print a JSON object."""
    match sys.argv[1:]:
        case ["show" | "rotate" as verb, tenant_id]:
            pass
        case _:
            sys.exit(f"usage: python -m services.{service}.keys show|rotate TENANT")
    require_master()
    database = Database(load(CommonSettings).database_url.get_secret_value(), application_name=f"recours-{service}-keys")

    async def work() -> dict[str, Any]:
        try:
            return await (turn(database, tenant_id, places) if verb == "rotate" else show(database, tenant_id))
        finally:
            await database.close()

    print(json.dumps(asyncio.run(work()), indent=2))  # noqa: T201 - a command's answer
