"""Work that comes in drops is gathered: a turn now and then takes what has come since the last one, in one transaction.

What comes after a pause is dealt with at once; only what follows closely on the last turn waits, and never longer than the pace.
"""

import asyncio


class Pace:
    """Keeps the beginnings of turns at least `seconds` apart."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Return when the next turn may begin."""
        loop = asyncio.get_running_loop()
        wait = self._next - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        self._next = loop.time() + self._seconds
