"""A claim's way through all services, in one line of time: what each of them tells, put in order. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from msgspec import Struct

Told = Mapping[str, Any]
_REVERSAL: Final = "22"  # CLP02
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


def steps(
    claim: Told | None, remits: Sequence[Told], denials: Sequence[Told], cases: Sequence[Told], traces: Mapping[str, str]
) -> list[Step]:
    """Return what happened, oldest first; what a service did not tell is missing. `traces`: by interchange.

    An event bears the trace of what it follows from. Of what it kept, a service tells no trace; so those steps have one that follow
    from a remit and nothing else: a first judgement, the case that it opened, a decision by remittance.
    """
    by_id = {each["remit_id"]: each for each in remits}
    of_remit = {remit_id: traces.get(each["interchange_id"]) for remit_id, each in by_id.items()}
    found = [*_claim(claim, traces)]
    found += [step for each in remits for step in _remit(each, of_remit)]
    found += [step for each in denials for step in _denial(each, of_remit)]
    found += [step for each in cases for step in _case(each, by_id, of_remit, is_only=len(cases) == 1)]
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


def _remit(remit: Told, of_remit: Mapping[str, str | None]) -> Iterable[Step]:
    # It is known from when its file came in. The payer's payment day may lie behind that, and behind all that follows.
    received_at = remit.get("received_at")  # an ingest of the release before does not tell it
    at = _at(received_at) if received_at else _begin(remit["payment_on"])
    word = "taken_back" if remit.get("claim_status_code") == _REVERSAL else "answered"
    paid_on = date.fromisoformat(remit["payment_on"])
    yield Step(at, received_at is not None, "ingest", word, "", remit["paid_cents"], of_remit[remit["remit_id"]], paid_on)


def _denial(denial: Told, of_remit: Mapping[str, str | None]) -> Iterable[Step]:
    word = "judged" if denial["status"] == "active" else "judged_retracted"
    trace = of_remit.get(denial["remit_id"]) if denial["revision"] == 1 else None
    yield Step(_at(denial["classified_at"]), True, "classifier", word, denial["category"], denial["denied_cents"], trace)


def _case(case: Told, remits: Mapping[str, Told], of_remit: Mapping[str, str | None], *, is_only: bool) -> Iterable[Step]:
    word, cents = ("case_state", None) if is_only else ("case_state_of", case["denied_cents"])
    for each in case.get("history", []):
        is_opening = each["version"] == 1 and each["why"] == "denial_classified"
        trace = of_remit.get(case["remit_id"]) if is_opening else None
        yield Step(_at(each["at"]), True, "appeals", word, each["state"], cents, trace)
    for each in case.get("appeals", []):
        if each.get("filed_at"):
            yield Step(_at(each["filed_at"]), True, "appeals", "filed", each["action"], each.get("disputed_cents"))
        known = each.get("decided_on") or each.get("filed_on")
        if each.get("outcome") and known:
            decided = remits.get(each.get("deciding_remit_id") or "", {})
            is_exact = decided.get("received_at") is not None
            at = _at(decided["received_at"]) if is_exact else _decided(known, each.get("filed_at"))
            trace = of_remit.get(each.get("deciding_remit_id") or "")
            yield Step(at, is_exact, "appeals", "decided", each["outcome"], each.get("recovered_cents"), trace)


def _at(told: str) -> datetime:
    return datetime.fromisoformat(told)


def _begin(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _decided(day: str, filed_at: str | None) -> datetime:
    """Return where in its day a decision stands: behind the filing, where that was on the same day."""
    begin = _begin(day)
    filed = _at(filed_at) if filed_at else begin
    return filed if filed.astimezone(UTC).date() == begin.date() else begin
