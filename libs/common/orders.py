"""Orders: what somebody asks a service for and its worker does. Whoever writes one rings, and whose job it is looks at once."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import wake

CHANNEL: Final = "recours_orders"
# A ring may get lost, and work that nobody orders comes due: a lease has ended, a delivery is to be tried again.
LOOK_SECONDS: Final = 5.0


async def ring(tx: AsyncConnection) -> None:
    """Have the jobs of the service's workers look when this transaction has committed."""
    await wake(tx, CHANNEL)
