"""Who may go ahead while one tenant's events fill the relay's windows: the others, each in its own order.

Pure. Positions are transaction ids. Order is promised within an aggregate, and an aggregate is one tenant's: what one tenant's
events do among another's is free.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_LANES_MAX = 4


def crowding(tenants: Sequence[str]) -> str | None:
    """Return the tenant that has more than half of a window, if one has."""
    if not tenants:
        return None
    (name, count), *_ = Counter(tenants).most_common(1)
    return name if 2 * count > len(tenants) else None


@dataclass
class Lane:
    """One tenant, or all that have no lane of their own, and the transaction up to which theirs are sent."""

    tenant: str | None
    position: int


class Overtaking:
    """How far tenants were sent ahead of the relay's position, from when one of them, the flood, began to fill its windows.

    The flood itself goes at the relay's position. Whoever comes to crowd the others gets a lane beside them, as long as there are
    few.
    """

    def __init__(self, position: int, flood: str) -> None:
        self._flood = flood
        self._others = Lane(None, position)
        self._own: dict[str, Lane] = {}

    @property
    def lanes(self) -> list[Lane]:
        return [self._others, *self._own.values()]

    @property
    def apart(self) -> list[str]:
        """The tenants that are not among the others."""
        return [self._flood, *self._own]

    def separate(self, tenant: str) -> None:
        """Give one of the others its own lane from here on, if there is room."""
        if len(self._own) < _LANES_MAX:
            self._own[tenant] = Lane(tenant, self._others.position)

    def keep_up(self, position: int) -> None:
        """Let no lane stay behind the relay, which has sent all up to here: large transactions carry it past a lane."""
        for lane in self.lanes:
            lane.position = max(lane.position, position)

    def is_sent(self, tenant: str, position: int) -> bool:
        return tenant != self._flood and position <= self._own.get(tenant, self._others).position

    def is_over(self, position: int) -> bool:
        """Say whether the relay itself has come to where the first of all is."""
        return position >= max(lane.position for lane in self.lanes)
