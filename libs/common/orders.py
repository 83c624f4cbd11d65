"""Orders: what somebody asks a service for and its worker does. Whoever writes one rings, and whose job it is looks at once."""

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import wake

CHANNEL: Final = "recours_orders"
# A ring may get lost, and work that nobody orders comes due: a lease has ended, a delivery is to be tried again.
LOOK_SECONDS: Final = 5.0
# Who writes an order has a clock of his own: one that nobody works on was free so long ago, or who looks at once does not see it.
CLOCKS_APART: Final = timedelta(minutes=1)


async def ring(tx: AsyncConnection, channel: str = CHANNEL) -> None:
    """Have the service's jobs look when this transaction has committed; what comes by the batch has a channel apart."""
    await wake(tx, channel)
