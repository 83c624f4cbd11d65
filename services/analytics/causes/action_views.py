"""Actions against root causes, as HTTP takes and tells them."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from libs.common.http.written import Day
from services.analytics.causes import naming
from services.analytics.causes.action_store import Action
from services.analytics.causes.actions import TRANSITIONS, Effect, Observed, State, Step, Verdict
from services.analytics.causes.prevention import Kind
from services.analytics.causes.views import ConditionView, PayerRuleView, condition

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]


class ActionBody(BaseModel):
    """What is to be done about a root cause."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "owner": "Coding lead",
                "due_on": "2026-12-15",
                "change": "Modifier 59 only with a note of the separate site; coders were shown how.",
                "expected_rate": 0.05,
                "began_on": "2026-03-03",
            }
        },
    )

    owner: Name = Field(description="who sees to it; no patient's name")
    due_on: Day
    change: Prose = Field(description="what is changed; no patient data")
    expected_rate: float | None = Field(None, ge=0, le=1, description="to which rate the refusals should fall")
    began_on: Day | None = Field(None, description="`began_on` of the finding: days before it are not held against the action")


class StepBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    step: Step
    by: Name = Field(description="who says so")
    note: str = Field("", max_length=2_000, pattern=r"^[^\x00]*$")
    effective_on: Day | None = Field(None, description="finish: the day from which the change holds; null: today")


class StepView(BaseModel):
    step: Step | None = Field(description="null: it was planned")
    by: str
    at: datetime
    note: str


class ActionView(BaseModel):
    """An action, its state, and what can be done with it."""

    action_id: UUID
    root_cause_id: str
    category: str
    conditions: list[ConditionView]
    state: State
    next_steps: list[Step]
    owner: str
    due_on: date
    change: str
    expected_rate: float | None
    began_on: date | None
    effective_on: date | None = Field(description="from which day the change holds; null: it is not done")
    created_at: datetime
    updated_at: datetime
    history: list[StepView]


class CountsView(BaseModel):
    claims: int
    refused: int
    rate: float | None = Field(description="null: there are no claims")


class ObservedView(BaseModel):
    before: CountsView
    after: CountsView


class EffectView(BaseModel):
    """Whether an action worked: before and after, with the cause and beside it (difference in differences)."""

    action_id: UUID
    verdict: Verdict = Field(description="too_few: fewer than 20 claims in one of the four groups; not_seen: the interval holds 0")
    difference: float | None = Field(description="change of the rate beyond the change beside it; negative: fewer are refused")
    low: float | None = Field(description="its 95 % interval")
    high: float | None
    avoided_claims: float | None = Field(description="claims that were not refused because of it, so far")
    reached_expected: bool | None = Field(description="whether the rate after is at most the expected one; null: none was expected")
    apart_before: bool | None = Field(description="true: the two groups moved apart before it already, doubt the comparison")
    before_from: date
    effective_on: date
    after_until: date = Field(description="the first day that is not counted any more")
    by_payment_day: int = Field(0, description="claims of all groups whose submission is not known: they go by their payment day")
    with_cause: ObservedView = Field(description="claims that the cause is about, by the day on which they were sent")
    beside: ObservedView = Field(description="claims that it is not about; of the same payer, where the cause names one")


class RuleBody(BaseModel):
    """A rule of the payer that warns of the cause before a claim is sent."""

    model_config = ConfigDict(extra="forbid")

    effective_from: Day
    kind: Kind | None = Field(None, description="null: what is usual for the category")
    dry_run: bool = Field(True, description="true: say what it would do, and change nothing")
    version: int | None = Field(None, ge=0, description="with dry_run false: the version of the payer's rules that a dry run told")


class TrialView(BaseModel):
    """What all rules of the payer, with this one, would have said of its newest claims."""

    claims: int
    flagged: int = Field(description="claims with an error or a warning")
    flagged_now: int = Field(description="the same by the rules that are live")
    warnings: list[str] = Field(description="what speaks against making it live")


class RuleView(BaseModel):
    payer_id: str
    rule: PayerRuleView
    state: Literal["tried", "live", "live_already"]
    version: int = Field(description="of the payer's rules")
    dry_run: TrialView | None = Field(description="of a trial alone")


def view(action: Action) -> ActionView:
    told = msgspec.to_builtins(action, builtin_types=(UUID, datetime, date))
    named = naming.read(action.root_cause_id)
    conditions = [condition(name, value, {}) for name, value in named.conditions] if named else []
    steps = [step for (state, step) in TRANSITIONS if state == action.state]
    return ActionView.model_validate(
        {**told, "category": named.category if named else "", "conditions": conditions, "next_steps": steps}
    )


def effect_view(
    action: Action, found: Effect, windows: tuple[date, date, date], with_cause: Observed, beside: Observed
) -> EffectView:
    after, expected = with_cause.after.rate, action.expected_rate
    return EffectView.model_validate(
        {
            **msgspec.structs.asdict(found),
            "action_id": action.action_id,
            "reached_expected": None if expected is None or after is None else after <= expected,
            "before_from": windows[0],
            "effective_on": action.effective_on,
            "after_until": windows[2],
            "with_cause": _observed(with_cause),
            "beside": _observed(beside),
        }
    )


def _observed(told: Observed) -> dict[str, object]:
    return {
        name: {"claims": each.claims, "refused": each.refused, "rate": None if each.rate is None else round(each.rate, 6)}
        for name, each in (("before", told.before), ("after", told.after))
    }
