"""Where a case stands on the worklist: from what it is, what is known of its payer, and the day. Pure."""

from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.appeals.deadlines import counting
from services.appeals.deadlines.clocks import Clock, DeadlineIs, Facts, Way, clocks, standing
from services.appeals.deadlines.levels import Payer
from services.appeals.workflow import WORKING, CaseState
from services.appeals.worklist import scoring

# Ours to act on: to work, to answer a request, to go to the next level or to give up.
ACTIONABLE: Final = frozenset({*WORKING, CaseState.MORE_INFORMATION_REQUESTED, CaseState.PARTLY_OVERTURNED, CaseState.UPHELD})
# Ours until somebody acts, also after the last day: one expires, and a payer that waits for documents takes them late, or is asked.
_STAYS: Final = frozenset({*WORKING, CaseState.MORE_INFORMATION_REQUESTED})
_REQUEST: Final = "records_request"  # the payer names the day itself
# `away`: with the payer, or at its end. `snoozed` and `leased` ones come back by themselves.
Place = Literal["free", "leased", "snoozed", "away"]


class Told(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a case's last judgement told, as far as its place depends on it."""

    facts: Facts
    probability: float | None = None
    value_cents: int | None = None  # what a win usually brings, times the odds, where the classifier knows it


class Case(Struct, frozen=True, gc=False):
    """A case as the worklist sees it. `known_on`: since when its deadline is `deadline_on`. `expired_for`: the last day of which it
    expired; a person who opens it again after that is not overruled by the clock. `received_on`: when the last notice came, where
    somebody has evidence; one from before that notice is of an earlier one. `requested_by_on`: the last day to answer what the
    payer asked for.
    """

    tenant_id: str
    case_id: UUID
    state: CaseState
    payer_id: str
    category: str
    denied_cents: int
    told: Told
    deadline_on: date | None = None
    known_on: date | None = None
    assignee: str | None = None
    team: str | None = None
    holder: str | None = None
    leased_until: datetime | None = None
    snoozed_until: date | None = None
    expired_for: date | None = None
    received_on: date | None = None
    requested_by_on: date | None = None
    appeal_by_on: date | None = None
    correct_by_on: date | None = None


class Placed(Struct, frozen=True, gc=False):
    """Where a case stands now.

    `look_at`: when time alone changes it again. `appeal_by_on`, `correct_by_on`: last days that are sure; after them a filing needs
    a good cause. `warn`: (deadline, days before it) of which there has to be a warning. `over`: no way is left, it has to expire.
    """

    place: Place
    queue: str
    score: int
    expected_cents: int
    level: str | None
    deadline_on: date | None
    deadline_is: DeadlineIs
    expires_on: date | None
    known_on: date | None
    look_at: datetime | None
    holder: str | None
    leased_until: datetime | None
    snoozed_until: date | None
    appeal_by_on: date | None
    correct_by_on: date | None
    warn: tuple[tuple[date, int], ...]
    over: bool


def queue_of(assignee: str | None, team: str | None) -> str:
    """Return whose turn a case is: a person's, a team's, or anybody's."""
    return f"person:{assignee}" if assignee else f"team:{team}" if team else ""


def place(case: Case, payer: Payer, now: datetime) -> Placed:
    """Say where a case stands. A deadline that passed while nobody looked is still warned of."""
    today = counting.today(now, payer.zone)
    acting = case.state in ACTIONABLE
    found = clocks_of(case, payer)
    told = standing(found, today)
    known_on = case.known_on if told.deadline_on == case.deadline_on and case.known_on else today
    past = told.expires_on is not None and told.expires_on < today
    over = past and case.state in WORKING and case.expired_for != told.expires_on
    snoozed = case.snoozed_until is not None and case.snoozed_until > today
    leased = case.leased_until is not None and case.leased_until > now
    expected = _expected(case)
    stands: Place = "leased" if leased else "snoozed" if snoozed else "free"
    if not acting or (past and case.state not in _STAYS):
        stands = "away"
    turns = (scoring.next_change(told.deadline_on, today), case.snoozed_until)
    look_on = [day for day in turns if day is not None and day > today]
    return Placed(
        place=stands,
        queue=queue_of(case.assignee, case.team),
        score=scoring.score(expected, told.deadline_on, today, is_unknown=told.deadline_is == "unknown"),
        expected_cents=expected,
        level=next((clock.level for clock in found if clock.way == "appeal"), None),
        deadline_on=told.deadline_on,
        deadline_is=told.deadline_is,
        expires_on=told.expires_on,
        known_on=known_on if told.deadline_on is not None else None,
        look_at=now if over else counting.begins(min(look_on), payer.zone) if acting and look_on else None,
        holder=case.holder if leased and acting else None,
        leased_until=case.leased_until if leased and acting else None,
        snoozed_until=case.snoozed_until if snoozed else None,
        appeal_by_on=_sure(found, "appeal"),
        correct_by_on=_sure(found, "correct_and_resubmit"),
        warn=_warnings(case, told.deadline_on, known_on, today) if acting else (),
        over=over,
    )


def _expected(case: Case) -> int:
    per_10000 = scoring.chance(case.told.facts.payer_kind, case.told.probability)
    value = case.told.value_cents if case.told.value_cents is not None else case.denied_cents * per_10000 // scoring.ALL
    return scoring.less_the_work(value, case.category)


def _sure(found: tuple[Clock, ...], way: Way) -> date | None:
    return next((clock.due_on for clock in found if clock.way == way and clock.firm), None)


def clocks_of(case: Case, payer: Payer) -> tuple[Clock, ...]:
    """Return the clocks of a case that is ours to act on; any other has none."""
    if case.state not in ACTIONABLE:
        return ()
    found = clocks(_facts(case), payer)
    if case.requested_by_on is None:
        return found
    asked = Clock("send_documents", None, case.requested_by_on, firm=True, rule=_REQUEST, source=_REQUEST, trigger=_REQUEST)
    others = tuple(clock for clock in found if clock.way != "send_documents")
    return (asked, *others) if case.state is CaseState.MORE_INFORMATION_REQUESTED else (*others, asked)


def _facts(case: Case) -> Facts:
    """Return what clocks are counted from: while the payer waits for documents, theirs alone."""
    facts = case.told.facts
    if case.received_on is not None and case.received_on >= (facts.decided_on or facts.payment_on):
        facts = replace(facts, received_on=case.received_on)
    if case.state is CaseState.MORE_INFORMATION_REQUESTED:
        return replace(facts, action="send_documents", alternative_actions=())
    return facts


def _warnings(case: Case, deadline_on: date | None, known_on: date, today: date) -> tuple[tuple[date, int], ...]:
    """Return the warnings of a case's deadline, and of the one before it where that passed unseen."""
    found = []
    if case.deadline_on is not None and case.known_on is not None and case.deadline_on < today and case.deadline_on != deadline_on:
        found += [(case.deadline_on, days) for days in scoring.warnings(case.deadline_on, case.known_on, today)]
    if deadline_on is not None:
        found += [(deadline_on, days) for days in scoring.warnings(deadline_on, known_on, today)]
    return tuple(found)


def lease_end(now: datetime, seconds: int) -> datetime:
    return now + timedelta(seconds=seconds)
