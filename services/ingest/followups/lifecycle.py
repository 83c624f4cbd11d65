"""How a follow-up opens, changes, ends and comes back: what is known of it and what is judged now, to the step that follows. Pure.

The system resolves what it no longer finds and reopens what it finds again. What a person resolved stays resolved.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.common.people import SYSTEM
from services.ingest.followups.rules import About, Found, Kind, followup_id

Status = Literal["open", "resolved"]
What = Literal["opened", "changed", "resolved", "reopened", "edited"]
CAUSE_GONE: Final = "cause_gone"
_TOLD: Final = ("due_on", "amount_cents", "reason", "status", "resolution", "owner", "note", "snoozed_until")


class Followup(Struct, frozen=True, kw_only=True):
    """One follow-up as it stands."""

    followup_id: UUID
    kind: Kind
    about: About
    due_on: date
    amount_cents: int
    reason: str
    status: Status = "open"
    resolution: str | None = None
    resolved_by: Literal["system", "person"] | None = None
    resolved_at: datetime | None = None
    owner: str | None = None
    note: str | None = None
    snoozed_until: date | None = None
    version: int = 1
    opened_at: datetime
    changed_at: datetime


class Step(Struct, frozen=True):
    """One step of a follow-up's life: what it is afterwards, and what changed (field -> before, after)."""

    what: What
    who: str
    after: Followup
    changes: Mapping[str, tuple[Any, Any]]


def settle(tenant_id: str, about: About, found: Iterable[Found], known: Sequence[Followup], now: datetime) -> list[Step]:
    """Return the steps that bring a subject's follow-ups to what is found of it now."""
    wanted = {each.kind: each for each in found}
    steps = []
    for before in known:
        step = _moved(before, wanted.pop(before.kind, None), now)
        if step is not None:
            steps.append(step)
    for each in wanted.values():
        fresh = Followup(
            followup_id=followup_id(tenant_id, each.kind, about.subject_id),
            kind=each.kind,
            about=about,
            due_on=each.due_on,
            amount_cents=each.amount_cents,
            reason=each.reason,
            opened_at=now,
            changed_at=now,
        )
        steps.append(Step("opened", SYSTEM, fresh, {}))
    return steps


def _moved(before: Followup, found: Found | None, now: datetime) -> Step | None:
    """Return what becomes of a follow-up that is here; None: nothing."""
    if before.resolved_by == "person":
        return None
    if found is None:
        if before.status == "resolved":
            return None
        ended = replace(before, status="resolved", resolution=CAUSE_GONE, resolved_by="system", resolved_at=now)
        return step("resolved", SYSTEM, before, ended, now)
    same = replace(before, due_on=found.due_on, amount_cents=found.amount_cents, reason=found.reason)
    if before.status == "resolved":
        again = replace(same, status="open", resolution=None, resolved_by=None, resolved_at=None)
        return step("reopened", SYSTEM, before, again, now)
    return None if same == before else step("changed", SYSTEM, before, same, now)


def step(what: What, who: str, before: Followup, after: Followup, now: datetime) -> Step:
    """Return a step with its version, its time and what it changed."""
    changes = {
        name: (getattr(before, name), getattr(after, name)) for name in _TOLD if getattr(before, name) != getattr(after, name)
    }
    return Step(what, who, replace(after, version=before.version + 1, changed_at=now), changes)
