"""Alerts as HTTP shows them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from pydantic import BaseModel, Field

from libs.common.money import dollars
from services.analytics.alerts.charts import OF_ALL, OF_CATEGORY, Chart, Point, Shift, State
from services.analytics.alerts.lifecycle import Alert, ByPerson, Resolution, Status, Step, What
from services.analytics.alerts.store import Told
from services.analytics.kpis import ratio


class AlertView(BaseModel):
    """A payer refuses more than usual."""

    alert_id: UUID
    payer_id: str
    payer_name: str | None
    category: str | None = Field(description="null: all refusals of the payer together")
    status: Status
    began_on: date = Field(description="payment day from which on it counts")
    signalled_on: date = Field(description="payment day on which it was no longer noise")
    last_on: date = Field(description="last payment day that is counted")
    claims: int = Field(description="answered for the first time from `began_on` to `last_on`")
    denied: int = Field(description="of them, refused")
    denial_rate: float = Field(description="denied / claims")
    usual_rate: float = Field(description="what it was before, without what is special to weekdays")
    expected_denied: float = Field(description="refusals that would have been usual")
    refused_cents: int = Field(description="of the refused claims, in this category")
    excess_cents: int = Field(description="of them, beyond what is usual")
    summary: str = Field(description="all this in a sentence")
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: Resolution | None = Field(
        description="back, new_normal (stood so long that it is usual now): by itself; fixed, false_alarm, new_normal: by a person"
    )
    ended_on: date | None
    version: int

    @classmethod
    def of(cls, alert: Alert, names: Mapping[str, str]) -> "AlertView":
        return cls.model_validate(_told(alert, names))


def _told(alert: Alert, names: Mapping[str, str]) -> dict[str, Any]:
    told = {name: getattr(alert, name) for name in alert.__struct_fields__}
    return told | {
        "category": alert.category or None,
        "payer_name": names.get(alert.payer_id),
        "denial_rate": ratio(alert.denied, alert.claims),
        "expected_denied": alert.expected_milli / 1000,
        "excess_cents": alert.excess_cents,
        "summary": summary(alert, names),
    }


def summary(alert: Alert, names: Mapping[str, str]) -> str:
    """Say in a sentence what an alert says."""
    payer = names.get(alert.payer_id) or alert.payer_id
    what = f" for {alert.category.replace('_', ' ')}" if alert.category else ""
    return (
        f"Since {alert.began_on}, {payer} refuses {ratio(alert.denied, alert.claims):.1%} of claims{what};"
        f" before: {alert.usual_rate:.1%}; {alert.denied:,} of {alert.claims:,} claims,"
        f" {dollars(alert.excess_cents)} more than usual."
    )


class PointView(BaseModel):
    """A payment day with volume."""

    on: date
    claims: int
    denied: int
    expected: float | None = Field(description="share that is usual on such a day; null: not known yet")
    upper_limit: float | None = Field(description="Laney's p' limit, three sigma: beyond it a day is unusual by itself")
    evidence: float = Field(description="CUSUM: for a shift; in a shift, for its end")
    state: State
    signal_at: float | None = Field(description="evidence at which a shift is told of; null: not known yet")

    @classmethod
    def of(cls, point: Point) -> "PointView":
        return cls.model_validate(msgspec.structs.asdict(point))


class ShiftView(BaseModel):
    """A shift on a chart."""

    began_on: date
    signalled_on: date
    ended_on: date | None = Field(description="null: it stands")
    usual_rate: float
    claims: int
    denied: int
    expected_denied: float = Field(description="refusals that would have been usual")
    refused_cents: int
    alert_id: UUID | None = Field(
        description="null: none of this chart's own; an alert of all refusals, or of a category, tells of it"
    )

    @classmethod
    def of(cls, shift: Shift, alerts: Sequence[Alert]) -> "ShiftView":
        told = msgspec.structs.asdict(shift) | {
            "expected_denied": round(shift.expected, 3),
            "usual_rate": round(shift.usual_rate, 6),
        }
        same = [each.alert_id for each in alerts if (each.began_on, each.signalled_on) == (shift.began_on, shift.signalled_on)]
        return cls.model_validate(told | {"alert_id": same[-1] if same else None})


class ChartView(BaseModel):
    """A payer's chart, whether it has an alert or not."""

    payer_id: str
    payer_name: str | None
    category: str | None = Field(description="null: all refusals of the payer together")
    state: State = Field(description="learning: nothing is usual yet; watching; shifted: an alert stands, or would")
    back_at: float = Field(description="evidence, in a shift, at which it is over")
    points: list[PointView] = Field(description="finished payment days with volume, the last 400 days")
    shifts: list[ShiftView] = Field(description="what it told of, or would, the last one last")
    waits: bool = Field(description="there are days that are not finished yet, and not on it")

    @classmethod
    def of(
        cls, payer_id: str, category: str, chart: Chart, alerts: Sequence[Alert], names: Mapping[str, str], *, waits: bool
    ) -> "ChartView":
        own = [each for each in alerts if each.category == category]
        return cls(
            payer_id=payer_id,
            payer_name=names.get(payer_id),
            category=category or None,
            state=chart.state,
            back_at=(OF_CATEGORY if category else OF_ALL).back_at,
            points=[PointView.of(point) for point in chart.points],
            shifts=[ShiftView.of(shift, own) for shift in chart.shifts],
            waits=waits,
        )


class CategoryView(BaseModel):
    """What a category adds to an alert."""

    category: str
    denied: int
    expected_denied: float


class StepView(BaseModel):
    what: What
    who: str
    at: datetime
    note: str | None


class AlertDetail(AlertView):
    """An alert with its chart and its life."""

    points: list[PointView]
    by_category: list[CategoryView] = Field(description="since it began, the largest excess first")
    history: list[StepView]

    @classmethod
    def build(
        cls,
        alert: Alert,
        names: Mapping[str, str],
        chart: Chart | None,
        by_category: Sequence[tuple[str, int, float]],
        history: Sequence[Mapping[str, Any]],
    ) -> "AlertDetail":
        shares = sorted(by_category, key=lambda each: (each[2] - each[1], each[0]))
        return cls.model_validate(
            _told(alert, names)
            | {
                "points": [PointView.of(point) for point in chart.points] if chart else [],
                "by_category": [
                    {"category": name, "denied": denied, "expected_denied": round(expected, 3)} for name, denied, expected in shares
                ],
                "history": list(history),
            }
        )


class AcknowledgeBody(BaseModel, extra="forbid"):
    note: str | None = Field(None, min_length=1, max_length=1000, description="why, or what is done; no patient data")


class ResolveBody(AcknowledgeBody):
    resolution: ByPerson = Field(
        description="fixed: its days are no measure of what is usual; false_alarm: they are; new_normal: only they are"
    )


class ToldView(BaseModel):
    """A step of an alert, as those are told who follow: on the stream, and by webhooks (as `data`)."""

    what: What
    who: str
    at: datetime
    note: str | None
    alert: AlertView = Field(description="as it was then")

    @classmethod
    def of(cls, told: Told | Step, names: Mapping[str, str]) -> "ToldView":
        return cls(what=told.what, who=told.who, at=told.at, note=told.note, alert=AlertView.of(told.after, names))
