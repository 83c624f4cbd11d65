"""Which cases are meant: one filter for lists and for bulk actions. Pure; it says the conditions, the stores ask them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct

from libs.common.ids import claim_key

Sort = Literal["newest", "deadline", "expected", "amount"]
Task = Literal["promise_missed"]  # what somebody has to see to


class Chosen(Struct, frozen=True, omit_defaults=True):
    """A filter; what is None does not narrow. `open_only`: what is ours to act on."""

    state: str | None = None
    payer: str | None = None
    category: str | None = None
    action: str | None = None
    carc: str | None = None
    denial_id: UUID | None = None
    pcn: str | None = None
    first_on: date | None = None
    last_on: date | None = None
    assignee: str | None = None
    team: str | None = None
    tag: str | None = None
    mentioned: str | None = None
    snoozed: bool | None = None
    deadline: str | None = None
    due_before: date | None = None
    submission_id: UUID | None = None
    task: str | None = None
    open_only: bool = False


_CONDITIONS: Final[Mapping[str, str]] = {
    "state": "c.state = :state",
    "payer": "w.payer_id = :payer",
    "category": "c.category = :category",
    "action": "c.action = :action",
    "carc": "c.reasons @> jsonb_build_array(jsonb_build_object('carc', CAST(:carc AS text)))",
    "denial_id": "c.denial_id = :denial_id",
    "pcn": "c.claim_key = :key",
    "first_on": "c.payment_on >= :first_on",
    "last_on": "c.payment_on <= :last_on",
    "assignee": "w.assignee = :assignee",
    "team": "w.team = :team",
    "tag": "EXISTS (SELECT 1 FROM case_tags AS t WHERE t.tenant_id = w.tenant_id AND t.case_id = w.case_id AND t.tag = :tag)",
    "mentioned": "EXISTS (SELECT 1 FROM case_comments AS m WHERE m.tenant_id = w.tenant_id AND m.case_id = w.case_id"
    " AND m.mentions @> ARRAY[CAST(:mentioned AS text)])",
    "snoozed": "(w.place = 'snoozed') = :snoozed",
    "deadline": "w.deadline_is = :deadline AND w.place <> 'away'",
    "due_before": "w.deadline_on < :due_before AND w.place <> 'away'",
    "submission_id": "EXISTS (SELECT 1 FROM submission_cases AS s WHERE s.tenant_id = w.tenant_id AND s.case_id = w.case_id"
    " AND s.submission_id = :submission_id)",
    "task": "EXISTS (SELECT 1 FROM case_tasks AS k WHERE k.tenant_id = w.tenant_id AND k.case_id = w.case_id"
    " AND k.task = :task AND k.done_at IS NULL)",
}


def conditions(chosen: Chosen, tenant_id: str) -> tuple[list[str], dict[str, Any]]:
    """Return the SQL conditions on `cases AS c` beside `worklist AS w`, and their values."""
    found = ["w.tenant_id = :tenant_id", "c.tenant_id = :tenant_id"]
    values: dict[str, Any] = {"tenant_id": tenant_id}
    for name, condition in _CONDITIONS.items():
        value = getattr(chosen, name)
        if value is not None:
            found.append(condition)
            values["key" if name == "pcn" else name] = claim_key(tenant_id, value) if name == "pcn" else value
    if chosen.open_only:
        found.append("w.place <> 'away'")
    return found, values
