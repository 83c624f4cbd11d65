"""Steps of alerts are written, and kept for the webhooks that tell of them. SQL; nothing here commits."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.analytics import queries
from services.analytics.alerts import store
from services.analytics.alerts.lifecycle import Alert, Step
from services.analytics.alerts.views import ToldView
from services.analytics.webhooks import messages


async def write(tx: AsyncConnection, steps: Sequence[Step], moved: Sequence[Alert] = ()) -> None:
    """Write a tenant's alerts as they are after their steps, and what is told of these."""
    await store.write(tx, steps, moved)
    if not steps:
        return
    tenant_id = steps[0].after.tenant_id
    names = await queries.payer_names(tx, tenant_id)
    for step in steps:
        told = ToldView.of(step, names).model_dump_json().encode()
        await messages.keep(tx, tenant_id, f"alert.{step.what}", [told], step.at)
