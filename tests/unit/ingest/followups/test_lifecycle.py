"""How follow-ups open, end and come back: a table of what is known and what is found."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from services.ingest.followups.lifecycle import Followup, settle
from services.ingest.followups.rules import About, Found

NOW = datetime(2026, 3, 6, tzinfo=UTC)
ABOUT = About("claim", UUID(int=1), "A", "PAYER1", "PAYER")
FOUND = Found("unpaid", date(2026, 3, 6), 100, "because")
OPEN = Followup(
    followup_id=UUID(int=9),
    kind="unpaid",
    about=ABOUT,
    due_on=FOUND.due_on,
    amount_cents=FOUND.amount_cents,
    reason=FOUND.reason,
    owner="billing-2",
    opened_at=NOW - timedelta(days=1),
    changed_at=NOW - timedelta(days=1),
)
GONE = replace(OPEN, status="resolved", resolution="cause_gone", resolved_by="system", resolved_at=NOW)
ENDED = replace(OPEN, status="resolved", resolution="done", resolved_by="person", resolved_at=NOW)
CHANGED = replace(FOUND, amount_cents=200)


@pytest.mark.parametrize(
    ("known", "found", "step"),
    [
        (None, FOUND, "opened"),
        (None, None, None),
        (OPEN, FOUND, None),
        (OPEN, CHANGED, "changed"),
        (OPEN, None, "resolved"),
        (GONE, None, None),
        (GONE, FOUND, "reopened"),
        (ENDED, FOUND, None),
        (ENDED, CHANGED, None),
        (ENDED, None, None),
    ],
)
def test_what_is_known_and_what_is_found_say_what_follows(known: Followup | None, found: Found | None, step: str | None) -> None:
    steps = settle("local", ABOUT, [found] if found else [], [known] if known else [], NOW)
    assert [each.what for each in steps] == ([step] if step else [])


def test_what_comes_back_keeps_its_owner_and_takes_the_new_amount_and_the_next_version() -> None:
    (step,) = settle("local", ABOUT, [CHANGED], [GONE], NOW)
    after = step.after
    assert (after.status, after.owner, after.amount_cents, after.version) == ("open", "billing-2", 200, 2)
    assert (after.resolution, after.resolved_by, after.resolved_at) == (None, None, None)
    assert step.changes["amount_cents"] == (100, 200)


def test_two_kinds_at_one_subject_live_apart() -> None:
    other = Found("filing_limit_near", date(2026, 4, 1), 100, "soon")
    steps = settle("local", ABOUT, [other], [OPEN], NOW)
    assert [(each.what, each.after.kind) for each in steps] == [("resolved", "unpaid"), ("opened", "filing_limit_near")]
