"""How an alert opens, is taken up, ends: from a payer's charts and what stands, to the steps that follow. Pure.

One shift is one alert: where one category carries it, the alert is about that category; else about all of the payer's refusals.
What was told stands as it was told, whatever comes late; it ends by the chart (back, or settled as the new level), or by a person.
With it ends the shift on every chart that showed it: what is told of afterwards rests on later days alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.common.people import SYSTEM
from services.analytics.alerts.charts import Chart, Episode, Shift

Status = Literal["open", "acknowledged", "resolved"]
What = Literal["opened", "acknowledged", "resolved"]
Resolution = Literal["back", "new_normal", "fixed", "false_alarm"]
ByPerson = Literal["fixed", "false_alarm", "new_normal"]

ALL: Final = ""  # the category of a chart of all refusals
_SAME_SHIFT: Final = timedelta(days=14)
_STALE: Final = timedelta(days=30)  # a payer that answers no more is no news of today
# (status, step) -> status; an absent pair is refused.
TRANSITIONS: Final[Mapping[tuple[Status, What], Status]] = {
    ("open", "acknowledged"): "acknowledged",
    ("open", "resolved"): "resolved",
    ("acknowledged", "resolved"): "resolved",
}


class Alert(Struct, frozen=True, kw_only=True):
    """One alert as it stands. `category` empty: of all refusals. `expected_milli`: thousandths of claims."""

    tenant_id: str
    alert_id: UUID
    payer_id: str
    category: str
    status: Status = "open"
    began_on: date
    signalled_on: date
    last_on: date
    usual_rate: float
    claims: int
    denied: int
    expected_milli: int
    refused_cents: int
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: Resolution | None = None
    ended_on: date | None = None
    version: int = 1

    @property
    def excess_cents(self) -> int:
        """Return the refused cents beyond what is usual: those of the claims beyond it, at the mean."""
        beyond = max(self.denied * 1000 - self.expected_milli, 0)
        return self.refused_cents * beyond // (self.denied * 1000) if self.denied else 0


class Step(Struct, frozen=True):
    """One step of an alert's life: what it is afterwards."""

    what: What
    who: str
    at: datetime
    after: Alert
    note: str | None = None


class Refused(Struct, frozen=True):
    """A step that an alert cannot take: it is `status` already."""

    status: Status


class Settled(Struct, frozen=True):
    """What follows from charts: steps, and alerts whose figures moved and nothing else."""

    steps: list[Step]
    moved: list[Alert]


def episodes(alerts: Iterable[Alert], category: str) -> list[Episode]:
    """Return what was told of a chart before."""
    return [
        Episode(
            each.began_on,
            each.signalled_on,
            each.ended_on,
            counts=each.resolution in ("false_alarm", "new_normal"),
            is_level=each.resolution == "new_normal",
        )
        for each in alerts
        if each.category == category
    ]


def ended_elsewhere(chart: Chart, category: str, alerts: Iterable[Alert]) -> Episode | None:
    """Return the first shift of a chart that none of its own alerts told of and that ended with an alert of another chart.

    A chart of all refusals shows what a category's alert told of, and a category's chart what that of all did: when the alert ends,
    the shift is over on both, by the same word on what its days are.
    """
    known = list(alerts)
    own = {(each.began_on, each.signalled_on) for each in known if each.category == category}
    others = [each for each in known if each.status == "resolved" and (category == ALL) != (each.category == ALL)]
    for shift in chart.shifts:
        if (shift.began_on, shift.signalled_on) in own:
            continue
        over = [each for each in others if _is_told_by(shift, category, each)]
        last = max(over, key=_ended_on, default=None)
        if last is not None and (shift.ended_on is None or shift.ended_on > _ended_on(last)):
            (told,) = episodes([last], last.category)
            return replace(told, began_on=shift.began_on, signalled_on=shift.signalled_on)
    return None


def settle(
    tenant_id: str, payer_id: str, charts: Mapping[str, Chart], known: Sequence[Alert], now: datetime, ids: Iterable[UUID]
) -> Settled:
    """Return what brings a payer's alerts to what its charts say now. `ids`: for those that open."""
    settled = Settled([], [])
    standing, ended = [], []
    for alert in (each for each in known if each.status != "resolved"):
        shift = _shift_of(alert, charts.get(alert.category))
        if shift is None:
            standing.append(alert)
            continue
        after = _with_figures(alert, shift, charts[alert.category])
        if shift.ended_on is not None and shift.ended is not None:
            settled.steps.append(_ended(after, shift.ended, SYSTEM, shift.ended_on, None, now))
            ended.append(settled.steps[-1].after)
            continue
        standing.append(after)
        if after != alert:
            settled.moved.append(after)
    fresh = zip(_fresh(charts, standing, ended, now), ids, strict=False)
    for (category, shift), alert_id in fresh:
        opened = _opened(tenant_id, payer_id, category, shift, charts[category], alert_id, now)
        settled.steps.append(Step("opened", SYSTEM, now, opened))
    return settled


def acknowledge(alert: Alert, who: str, note: str | None, now: datetime) -> Step | Refused:
    """Take an alert up."""
    if (alert.status, "acknowledged") not in TRANSITIONS:
        return Refused(alert.status)
    after = replace(alert, status="acknowledged", acknowledged_at=now, acknowledged_by=who, version=alert.version + 1)
    return Step("acknowledged", who, now, after, note)


def resolve(alert: Alert, who: str, resolution: ByPerson, note: str | None, now: datetime) -> Step | Refused:
    """End an alert. Its chart begins anew after what is known today, so that what goes on, or comes again, is told of again."""
    if (alert.status, "resolved") not in TRANSITIONS:
        return Refused(alert.status)
    return _ended(alert, resolution, who, max(alert.last_on, now.date()), note, now)


def _ended(alert: Alert, resolution: Resolution, who: str, ended_on: date, note: str | None, now: datetime) -> Step:
    after = replace(
        alert,
        status="resolved",
        resolution=resolution,
        ended_on=ended_on,
        resolved_at=now,
        resolved_by=who,
        version=alert.version + 1,
    )
    return Step("resolved", who, now, after, note)


def _shift_of(alert: Alert, chart: Chart | None) -> Shift | None:
    """Return the shift that an alert told of; None where its days are no longer there."""
    if chart is None:
        return None
    told = alert.began_on, alert.signalled_on
    return next((each for each in reversed(chart.shifts) if (each.began_on, each.signalled_on) == told), None)


def _fresh(
    charts: Mapping[str, Chart], standing: Sequence[Alert], ended: Sequence[Alert], now: datetime
) -> list[tuple[str, Shift]]:
    """Return the shifts that nothing stands for yet, each once. `ended`: alerts that these very charts have ended."""
    taken = {each.category: (each.began_on, each.signalled_on) for each in standing}
    found = {
        category: shift
        for category, chart in charts.items()
        if (shift := chart.standing) is not None
        and category not in taken
        and chart.points[-1].on >= now.date() - _STALE
        and not any((category == ALL) != (each.category == ALL) and _is_told_by(shift, category, each) for each in ended)
    }
    whole = found.pop(ALL, None)
    if ALL in taken:
        told_on, signalled_on = taken[ALL]
        return [each for each in found.items() if not _same(each[1], told_on, signalled_on)]
    if whole is None:
        return list(found.items())
    carried = max((_excess(shift) for shift in found.values()), default=0.0)
    carried = max(carried, sum(each.denied - each.expected_milli / 1000 for each in standing))
    if carried * 2 >= _excess(whole):
        return list(found.items())
    others = [each for each in found.items() if not _same(each[1], whole.began_on, whole.signalled_on)]
    return [(ALL, whole), *others]


def _excess(shift: Shift) -> float:
    return shift.denied - shift.expected


def _same(shift: Shift, began_on: date, signalled_on: date) -> bool:
    """Say whether a category's shift is part of one of all refusals."""
    return began_on - _SAME_SHIFT <= shift.began_on <= signalled_on + _SAME_SHIFT


def _is_told_by(shift: Shift, category: str, alert: Alert) -> bool:
    """Say whether a shift that has no alert of its own is what an alert of another chart told of, which is over now.

    It began with it; or it is one of all refusals, was on the chart while the alert stood, and was not told of since a category
    carried it.
    """
    ended_on = _ended_on(alert)
    if not alert.began_on - _SAME_SHIFT <= shift.began_on <= ended_on:
        return False
    return _same(shift, alert.began_on, alert.signalled_on) or (category == ALL and shift.signalled_on <= ended_on)


def _ended_on(alert: Alert) -> date:
    return alert.ended_on or date.max


def _opened(tenant_id: str, payer_id: str, category: str, shift: Shift, chart: Chart, alert_id: UUID, now: datetime) -> Alert:
    blank = Alert(
        tenant_id=tenant_id,
        alert_id=alert_id,
        payer_id=payer_id,
        category=category,
        began_on=shift.began_on,
        signalled_on=shift.signalled_on,
        last_on=shift.signalled_on,
        usual_rate=0.0,
        claims=0,
        denied=0,
        expected_milli=0,
        refused_cents=0,
        opened_at=now,
    )
    return _with_figures(blank, shift, chart)


def _with_figures(alert: Alert, shift: Shift, chart: Chart) -> Alert:
    return replace(
        alert,
        last_on=shift.ended_on or chart.points[-1].on,
        usual_rate=round(shift.usual_rate, 6),
        claims=shift.claims,
        denied=shift.denied,
        expected_milli=round(shift.expected * 1000),
        refused_cents=shift.refused_cents,
    )
