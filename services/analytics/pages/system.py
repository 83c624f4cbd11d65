"""How the system stands: each service's readiness, what waits, what could not be processed, and whether the ledgers agree. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

SERVICES: Final = ("ingest", "classifier", "appeals", "analytics")
TOTALS: Final = ("remits", "charge_cents", "paid_cents", "adjustment_cents", "unbalanced_cents")
Health = Literal["ok", "waits", "away"]


class ServiceRow(Struct, frozen=True):
    """What one service says; None: it did not say."""

    name: str
    health: Health
    lag: int | None
    waiting: int | None
    oldest_seconds: float | None
    letters: int | None
    more_letters: bool
    totals: Mapping[str, int] | None


def rows(
    ready: Mapping[str, Any],
    ledgers: Mapping[str, Any],
    outboxes: Mapping[str, Any],
    letters: Mapping[str, Any],
    behind: Mapping[str, int],
) -> list[ServiceRow]:
    found = []
    for name in SERVICES:
        ledger, box, buried = (_told(each, name) for each in (ledgers, outboxes, letters))
        health: Health = "away" if _told(ready, name) is None else "ok"
        oldest = box["oldest_seconds"] if box else None
        if health == "ok" and (_told(ready, name) or {}).get("status") != "ok":
            health = "waits"
        found.append(
            ServiceRow(
                name,
                health,
                behind.get(name),
                box["waiting"] if box else None,
                oldest,
                len(buried["items"]) if buried else None,
                bool(buried and buried.get("next_cursor")),
                ledger["totals"] if ledger else None,
            )
        )
    return found


def agreement(found: Sequence[ServiceRow]) -> Literal["agree", "differ", "unknown"]:
    """Say whether all ledgers hold the same; where one did not answer, nobody knows."""
    if any(each.totals is None for each in found):
        return "unknown"
    totals = [[(each.totals or {}).get(name) for name in TOTALS] for each in found]
    return "agree" if all(each == totals[0] for each in totals) else "differ"


def _told(answers: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    told = answers.get(name)
    return told if isinstance(told, Mapping) else None
