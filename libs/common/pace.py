"""Work that comes in drops is gathered: a turn takes what has come since the last one began, in one transaction.

What comes after a pause is dealt with at once. After a short turn there is a rest as long as the turn was: what comes meanwhile is
dealt with together, and short turns take half of a core at most. The longer turns get under load, the more is gathered by itself.
"""

import asyncio


async def rest(worked: float, most: float) -> None:
    """Rest as long as was worked, so that the next turn begins no later than `most` after this one did; all in seconds."""
    seconds = min(worked, most - worked)
    if seconds > 0:
        await asyncio.sleep(seconds)
