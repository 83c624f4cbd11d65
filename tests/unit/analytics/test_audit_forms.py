"""Plans and reviews as people enter them: what they mean, and which field is told as wrong."""

from typing import Any

import pytest

from services.analytics.audits.schedules_api import ScheduleBody
from services.analytics.audits.views import AuditBody, VerdictBody
from services.analytics.pages.audit_forms import entered_payers, plan_of, tick, verdict_of

NAMES = {"P1": "Northwind", "P2": "Lakeshore", "P3": "Lakeshore", "Northwind 2": "Another"}
PLAN = {
    "reviewer_1": "dana",
    "reviewer_2": "lee",
    "confidence": "95",
    "precision": "2,5",
    "expected_errors": "10",
    "repeat": "once",
}
REVIEW = dict.fromkeys(("classification_right", "code_right", "documentation_sufficient"), "yes")


def test_a_plan_is_read_with_its_population() -> None:
    entered = {"payer": "Northwind\nP9\n\nLakeshore", "facility": " F1 \nF2", tick("duplicate"): "on", "from": "2026-01-01"}
    body = plan_of(PLAN | entered, NAMES)
    assert isinstance(body, AuditBody)
    assert body.filter == {"payer": ["P1", "P9", "Lakeshore"], "facility": ["F1", "F2"], "category": ["duplicate"]}
    assert (str(body.from_), body.to, body.precision, body.expected_rate) == ("2026-01-01", None, 0.025, 0.1)
    repeated = plan_of(PLAN | {"repeat": "monthly", "facility": "F1"}, NAMES)
    assert isinstance(repeated, ScheduleBody)
    assert (repeated.cadence, repeated.plan.filter) == ("monthly", {"facility": ["F1"]})


def test_payers_are_shown_by_a_name_that_leads_back_to_them() -> None:
    assert entered_payers(["P1", "P2", "P9"], NAMES) == "Northwind\nP2\nP9"


@pytest.mark.parametrize(
    ("entered", "wrong"),
    [
        ({"reviewer_1": ""}, ["reviewer_1"]),
        ({"reviewer_2": ""}, ["reviewer_2"]),
        ({"reviewer_2": "dana"}, ["reviewer_2"]),
        ({"method": "stratified"}, ["stratify_by"]),
        ({"stratify_by": "payer"}, ["stratify_by"]),
        ({"stratify_by": "birthday", "method": "stratified"}, ["stratify_by"]),
        ({"method": "none"}, ["method"]),
        ({"confidence": "100", "precision": "x", "expected_errors": "nan"}, ["confidence", "precision", "expected_errors"]),
        ({"from": "2026-02-01", "to": "2026-01-01"}, ["to"]),
        ({"from": "1826-01-01", "to": "2026-01-01"}, ["to"]),
        ({"from": "yesterday"}, ["from"]),
        ({"payer": "x" * 101}, ["payer"]),
        ({"provider": "\n".join(map(str, range(51)))}, ["provider"]),
        ({"repeat": "daily"}, ["repeat"]),
        ({"repeat": "weekly", "to": "2026-01-01", "as_of": "2026-01-01"}, ["to", "as_of"]),
        ({"repeat": "weekly", "reviewer_2": "dana"}, ["reviewer_2"]),
        ({"seed": "x" * 101}, ["seed"]),
    ],
)
def test_a_plan_that_cannot_be_says_which_field_is_wrong(entered: dict[str, str], wrong: list[str]) -> None:
    body = plan_of(PLAN | entered, NAMES)
    assert isinstance(body, tuple)
    assert sorted(body) == sorted(wrong)


def test_a_review_is_read() -> None:
    told = verdict_of(REVIEW | {"remark": "seen"})
    assert isinstance(told, VerdictBody)
    assert (told.classification_right, told.category, told.note) == (True, None, "seen")
    corrected = verdict_of(REVIEW | {"classification_right": "no", "correct_category": "duplicate", "correct_action": "none"})
    assert isinstance(corrected, VerdictBody)
    assert (corrected.classification_right, corrected.category, corrected.action) == (False, "duplicate", "none")


@pytest.mark.parametrize(
    ("entered", "wrong"),
    [
        ({"code_right": ""}, ("code_right",)),
        ({"code_right": "perhaps"}, ("code_right",)),
        ({"classification_right": "no"}, ("correct_category", "correct_action")),
        ({"classification_right": "no", "correct_category": "duplicate"}, ("correct_action",)),
        ({"correct_category": "duplicate"}, ("correct_category",)),
        ({"correct_action": "SMITH", "classification_right": "no"}, ("correct_action",)),
        ({"remark": "x" * 501}, ("remark",)),
    ],
)
def test_a_review_that_cannot_be_says_which_field_is_wrong(entered: dict[str, str], wrong: tuple[str, ...]) -> None:
    told: Any = verdict_of(REVIEW | entered)
    assert told == wrong
