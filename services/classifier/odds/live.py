"""The models of overturn that are live, read for whoever tells odds. LightGBM is loaded when there is one, and not before."""

from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.models.registry import Altered, Registry
from services.classifier.odds.book import Model

log = structlog.get_logger()


def _read(body: bytes) -> Any:
    from services.classifier.odds.boosting import read  # noqa: PLC0415 - large, and most processes never need it

    return read(body)


class LiveModels:
    """One for a process. A model whose file was altered is not read: the table tells the odds without it."""

    def __init__(self) -> None:
        self._registry: Registry[Any] = Registry("overturn", _read)

    async def of_all(self, tx: AsyncConnection) -> dict[str, Model]:
        """Return the live models of all tenants that this transaction may see."""
        rows = await tx.execute(text("SELECT tenant_id FROM models WHERE subject = 'overturn' AND state = 'live'"))
        models = {}
        for row in rows.all():
            try:
                ready = await self._registry.live(tx, row.tenant_id)
            except Altered as error:
                log.exception("model_altered", model=error.name)
                continue
            if ready is not None:
                models[row.tenant_id] = Model(ready.name, ready.scorer)
        return models
