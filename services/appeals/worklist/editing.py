"""What people say about a case beside its workflow: who has it, until when it is put off, what it is called. Pure."""

from datetime import date
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from services.appeals.worklist.placing import ACTIONABLE, Case


class Edit(Struct, frozen=True, omit_defaults=True):
    """Fields that are set anew; what is UNSET stays. None takes a value away."""

    assignee: str | UnsetType | None = UNSET
    team: str | UnsetType | None = UNSET
    snoozed_until: date | UnsetType | None = UNSET
    received_on: date | UnsetType | None = UNSET
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


class NotDone(Struct, frozen=True):
    """Why a case is left as it is: a stable word, and a sentence."""

    reason: str
    detail: str


_FIELDS: Final = ("assignee", "team", "snoozed_until", "received_on")


def edit(case: Case, told: Edit, today: date) -> Case | NotDone:
    """Return the case as it is then. Nobody puts off a case beyond its deadline, or one that is not ours to act on."""
    until = told.snoozed_until
    if isinstance(until, date):
        if until <= today:
            return NotDone("snooze-in-the-past", "A case is put off until a day after today.")
        if case.state not in ACTIONABLE:
            return NotDone("not-on-worklist", "The case is not ours to act on: there is nothing to put off.")
        if case.deadline_on is not None and today <= case.deadline_on < until:
            return NotDone("snooze-past-deadline", "The case's deadline is before that day.")
    received = told.received_on
    if isinstance(received, date) and not (case.told.facts.decided_on or case.told.facts.payment_on) <= received <= today:
        return NotDone("received-at-no-time", "A notice is received from its own date on, and not after today.")
    wanted: dict[str, Any] = {name: getattr(told, name) for name in _FIELDS}
    return replace(case, **{name: value for name, value in wanted.items() if value is not UNSET})


def difference(before: Case, after: Case, told: Edit) -> dict[str, Any]:
    """Return what an edit changed: field -> (before, after); tags as they were asked for."""
    changed: dict[str, Any] = {
        name: (getattr(before, name), getattr(after, name)) for name in _FIELDS if getattr(before, name) != getattr(after, name)
    }
    for name in ("add_tags", "remove_tags"):
        if getattr(told, name):
            changed[name] = getattr(told, name)
    return changed
