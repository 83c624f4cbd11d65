"""A claim's way through all services, in one line of time: what each of them tells, put in order. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

from msgspec import Struct

Told = Mapping[str, Any]
_RANK: Final = {"ingest": 0, "classifier": 1, "appeals": 2}


class Step(Struct, frozen=True):
    """One thing that happened. `word` names a sentence of `timeline_...`; `value` completes it.

    `is_exact`: there is a time; else the day alone is known, and `at` is where in it the step stands: behind what led to it, before
    what follows from it. `trace`: the trace in which it came in. `on`: a day that the step is about, and not on which it happened.
    """

    at: datetime
    is_exact: bool
    service: str
    word: str
    value: str = ""
    cents: int | None = None
    trace: str | None = None
    on: date | None = None


def steps(claim: Told | None, remit: Told | None, denial: Told, case: Told | None, traces: Mapping[str, str]) -> list[Step]:
    """Return what happened, oldest first; what a service did not tell is missing. `traces`: by interchange."""
    found = [*_claim(claim, traces), *_remit(remit, traces), *_denial(denial), *_case(case)]
    return sorted(found, key=lambda each: (each.at, _RANK[each.service]))


def _claim(claim: Told | None, traces: Mapping[str, str]) -> Iterable[Step]:
    if claim is None:
        return
    by_cause = {each["acknowledgement_id"]: each for each in claim.get("acknowledgements", [])}
    if claim.get("service_from_on"):
        yield Step(_begin(claim["service_from_on"]), False, "ingest", "served")
    for each in claim.get("history", []):
        cause = by_cause.get(each.get("cause_id"))
        interchange = cause["interchange_id"] if cause else claim.get("interchange_id")
        value = cause["source"] if cause else ""
        trace = traces.get(interchange or "")
        cents = None if cause else claim["charge_cents"]
        yield Step(_at(each["at"]), True, "ingest", f"claim_{each['state']}", value, cents, trace)


def _remit(remit: Told | None, traces: Mapping[str, str]) -> Iterable[Step]:
    if remit is not None:
        # It is known from when its file came in. The payer's payment day may lie behind that, and behind all that follows.
        trace, paid_on = traces.get(remit["interchange_id"]), date.fromisoformat(remit["payment_on"])
        received_at = remit.get("received_at")  # an ingest of the release before does not tell it
        at = _at(received_at) if received_at else _begin(remit["payment_on"])
        yield Step(at, received_at is not None, "ingest", "answered", "", remit["paid_cents"], trace, paid_on)


def _denial(denial: Told) -> Iterable[Step]:
    word = "judged" if denial["status"] == "active" else "judged_retracted"
    yield Step(_at(denial["classified_at"]), True, "classifier", word, denial["category"], denial["denied_cents"])


def _case(case: Told | None) -> Iterable[Step]:
    if case is None:
        return
    for each in case.get("history", []):
        yield Step(_at(each["at"]), True, "appeals", "case_state", each["state"])
    for each in case.get("appeals", []):
        if each.get("filed_at"):
            yield Step(_at(each["filed_at"]), True, "appeals", "filed", each["action"], each.get("disputed_cents"))
        known = each.get("decided_on") or each.get("filed_on")
        if each.get("outcome") and known:
            at = _decided(known, each.get("filed_at"))
            yield Step(at, False, "appeals", "decided", each["outcome"], each.get("recovered_cents"))


def _at(told: str) -> datetime:
    return datetime.fromisoformat(told)


def _begin(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _decided(day: str, filed_at: str | None) -> datetime:
    """Return where in its day a decision stands: behind the filing, where that was on the same day."""
    begin = _begin(day)
    filed = _at(filed_at) if filed_at else begin
    return filed if filed.astimezone(UTC).date() == begin.date() else begin
