"""The life of a case: one table of transitions and a pure decision. A pair that the table does not hold is refused."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from libs.common.people import SYSTEM


class CaseState(StrEnum):
    """Where the work on a denial stands; docs/appeals.md draws it, the glossary says what each word means."""

    OPEN = "open"
    IN_REVIEW = "in_review"
    GATHERING = "gathering"
    READY = "ready"
    FILED = "filed"
    ACKNOWLEDGED = "acknowledged"
    MORE_INFORMATION_REQUESTED = "more_information_requested"
    CORRECTED_CLAIM_SENT = "corrected_claim_sent"
    OVERTURNED = "overturned"
    PARTLY_OVERTURNED = "partly_overturned"
    UPHELD = "upheld"
    ESCALATED = "escalated"
    WRITTEN_OFF = "written_off"
    BILLED_TO_PATIENT = "billed_to_patient"
    BILLED_TO_OTHER_PAYER = "billed_to_other_payer"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    RETRACTED = "retracted"


class Command(StrEnum):
    """What is asked of a case: by a revision of its denial, by the clock, by a remittance, by a person."""

    PURSUE = "pursue"  # the denial stands, and somebody can pursue it
    DROP = "drop"  # it stands, and nobody can
    RETRACT = "retract"  # the payer reversed it
    RESUME = "resume"  # it stands again, and what was filed is still with the payer
    EXPIRE = "expire"
    TAKE_BACK = "take_back"  # what the payer paid unasked is gone again
    START_REVIEW = "start_review"
    GATHER = "gather"
    MARK_READY = "mark_ready"
    FILE = "file"
    SEND_DOCUMENTS = "send_documents"
    SEND_CORRECTED_CLAIM = "send_corrected_claim"
    ACKNOWLEDGE = "acknowledge"
    REQUEST_INFORMATION = "request_information"
    OVERTURN = "overturn"
    PARTLY_OVERTURN = "partly_overturn"
    UPHOLD = "uphold"
    ESCALATE = "escalate"
    WRITE_OFF = "write_off"
    BILL_PATIENT = "bill_patient"
    BILL_OTHER_PAYER = "bill_other_payer"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


S, C = CaseState, Command

WORKING: Final = (S.OPEN, S.IN_REVIEW, S.GATHERING, S.READY, S.ESCALATED)  # ours to act
WAITING: Final = (S.FILED, S.ACKNOWLEDGED, S.MORE_INFORMATION_REQUESTED, S.CORRECTED_CLAIM_SENT)  # with the payer
DECIDED: Final = (S.OVERTURNED, S.PARTLY_OVERTURNED, S.UPHELD)
CLOSED: Final = (S.WRITTEN_OFF, S.BILLED_TO_PATIENT, S.BILLED_TO_OTHER_PAYER, S.WITHDRAWN)
_UNDECIDED: Final = (*WORKING, *WAITING, *CLOSED, S.EXPIRED, S.RETRACTED)
_GIVE_UP: Final = (*WORKING, S.PARTLY_OVERTURNED, S.UPHELD, S.EXPIRED)


def _table() -> dict[tuple[CaseState | None, Command], CaseState]:
    def each(command: Command, states: Iterable[CaseState], to: CaseState) -> dict[tuple[CaseState | None, Command], CaseState]:
        return {(state, command): to for state in states}

    def stay(command: Command, states: Iterable[CaseState]) -> dict[tuple[CaseState | None, Command], CaseState]:
        return {(state, command): state for state in states}

    return {
        # None stands for a case that does not exist yet. A later revision that comes first makes one all the same, closed: so the
        # older revision that comes after it opens nothing.
        (None, C.PURSUE): S.OPEN,
        (None, C.DROP): S.WITHDRAWN,
        (None, C.RETRACT): S.RETRACTED,
        # A new judgement does not undo people's work: what is under way or ended by a person stays.
        **stay(C.PURSUE, (*WORKING, *WAITING, *DECIDED, *CLOSED, S.EXPIRED)),
        # The reversal turned out to undo another payment of the same claim: the refusal stands again.
        (S.RETRACTED, C.PURSUE): S.OPEN,
        (S.RETRACTED, C.RESUME): S.FILED,
        (S.WITHDRAWN, C.RESUME): S.OPEN,
        **stay(C.DROP, (*WAITING, *DECIDED, *CLOSED, S.EXPIRED)),
        **each(C.DROP, (*WORKING, S.RETRACTED), S.WITHDRAWN),
        # A reversal mostly comes with the correction that decides the appeal: what was won stays won, whichever is read first.
        **stay(C.RETRACT, (S.OVERTURNED, S.PARTLY_OVERTURNED)),
        **each(C.RETRACT, (*WORKING, *WAITING, S.UPHELD, *CLOSED, S.EXPIRED, S.RETRACTED), S.RETRACTED),
        **each(C.EXPIRE, WORKING, S.EXPIRED),
        **each(C.START_REVIEW, (S.OPEN, S.ESCALATED), S.IN_REVIEW),
        **each(C.GATHER, (S.OPEN, S.IN_REVIEW, S.READY, S.ESCALATED), S.GATHERING),
        **each(C.MARK_READY, (S.OPEN, S.IN_REVIEW, S.GATHERING, S.ESCALATED), S.READY),
        **each(C.FILE, (*WORKING, S.EXPIRED), S.FILED),
        **each(C.SEND_DOCUMENTS, (*WORKING, S.EXPIRED, S.MORE_INFORMATION_REQUESTED), S.FILED),
        **each(C.SEND_CORRECTED_CLAIM, (*WORKING, S.EXPIRED), S.CORRECTED_CLAIM_SENT),
        **each(C.ACKNOWLEDGE, (S.FILED,), S.ACKNOWLEDGED),
        **each(C.REQUEST_INFORMATION, (S.FILED, S.ACKNOWLEDGED, S.CORRECTED_CLAIM_SENT), S.MORE_INFORMATION_REQUESTED),
        **each(C.OVERTURN, (*_UNDECIDED, *DECIDED), S.OVERTURNED),
        **each(C.PARTLY_OVERTURN, (*_UNDECIDED, *DECIDED), S.PARTLY_OVERTURNED),
        **each(C.UPHOLD, (*WAITING, *DECIDED), S.UPHELD),
        **stay(C.UPHOLD, (*WORKING, *CLOSED, S.EXPIRED, S.RETRACTED)),  # of an earlier filing; the case has gone on since
        **each(C.TAKE_BACK, (S.OVERTURNED, S.PARTLY_OVERTURNED), S.OPEN),
        **each(C.ESCALATE, (S.PARTLY_OVERTURNED, S.UPHELD), S.ESCALATED),
        **each(C.WRITE_OFF, _GIVE_UP, S.WRITTEN_OFF),
        **each(C.BILL_PATIENT, _GIVE_UP, S.BILLED_TO_PATIENT),
        **each(C.BILL_OTHER_PAYER, _GIVE_UP, S.BILLED_TO_OTHER_PAYER),
        **each(C.WITHDRAW, (*WORKING, *WAITING), S.WITHDRAWN),
        **each(C.REOPEN, (*CLOSED, S.EXPIRED), S.OPEN),
    }


TRANSITIONS: Final[Mapping[tuple[CaseState | None, Command], CaseState]] = _table()

# Nothing more is done about a case in one of these; the commands are those that take it out again.
ENDED: Final = frozenset({*CLOSED, S.EXPIRED})
LEAVES_END: Final = frozenset(
    command for (state, command), to in TRANSITIONS.items() if state in ENDED and to not in ENDED
)  # fmt: skip

WHY: Final[Mapping[Command, str]] = {
    C.PURSUE: "denial_classified",
    C.DROP: "denial_not_recoverable",
    C.RETRACT: "denial_retracted",
    C.RESUME: "denial_classified",
    C.EXPIRE: "deadline_passed",
    C.UPHOLD: "remittance",
}
# What a person may ask by itself; filing and outcomes say more than a word, and have routes of their own.
PLAIN: Final = (
    C.START_REVIEW, C.GATHER, C.MARK_READY, C.ACKNOWLEDGE, C.REQUEST_INFORMATION, C.ESCALATE, C.WRITE_OFF, C.BILL_PATIENT,
    C.BILL_OTHER_PAYER, C.WITHDRAW, C.REOPEN,
)  # fmt: skip
FILINGS: Final = (C.FILE, C.SEND_DOCUMENTS, C.SEND_CORRECTED_CLAIM)
OUTCOMES: Final = (C.OVERTURN, C.PARTLY_OVERTURN, C.UPHOLD)
_NAMES: Final = {C.OVERTURN: "overturned", C.PARTLY_OVERTURN: "partly_overturned", C.UPHOLD: "upheld"}
BY_PEOPLE: Final = (*PLAIN, *FILINGS, *OUTCOMES)

_FIRST_REVISION: Final = 1
_PATIENT: Final = "PR"
# Remarks and reasons by which the patient owes nothing, whatever the group says: billing forbidden (N842, CARC 209), and Qualified
# Medicare Beneficiaries (N781 to N783, CARC 303).
_NEVER_RARCS: Final = frozenset({"N842", "N781", "N782", "N783"})
_NEVER_CARCS: Final = frozenset({"209", "303"})


class Refused(Struct, frozen=True):
    """What billing a patient depends on: one refused adjustment."""

    group_code: str
    carc: str
    rarcs: tuple[str, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """A case as far as its next step depends on it. `state` None: it does not exist yet."""

    state: CaseState | None = None
    version: int = 0
    denial_revision: int = 0
    closed_by: Literal["system", "person"] | None = None
    judged: Command | None = None  # what the newest revision asked: pursue, drop or retract
    outcome: str | None = None  # of what was filed last
    filings: int = 0  # how often something was filed, at any level
    due_on: date | None = None
    refused: tuple[Refused, ...] = ()


class Revision(Struct, frozen=True):
    """What a revision of a denial says that matters here."""

    number: int
    retracted: bool
    recoverable: bool


class Move(Struct, frozen=True, kw_only=True):
    """What anybody else asks. `why`: a person's own words, or a word of ours. `good_cause`: why a deadline does not bind. `on`: the
    day of it, where that is not today.
    """

    command: Command
    who: str
    why: str
    good_cause: str | None = None
    on: date | None = None


class Step(Struct, frozen=True):
    """One step of a case's life, as its history keeps it."""

    version: int
    state: CaseState
    command: Command
    who: str
    why: str
    at: datetime


class Decision(Struct, frozen=True):
    """The case as it is now, and the steps that brought it there; none where nothing changes."""

    case: Case
    steps: tuple[Step, ...] = ()


class Refusal(Struct, frozen=True):
    """Why something is not done: a stable word, and a sentence for the person who asked."""

    reason: Literal["not-allowed", "deadline-passed", "patient-owes-nothing"]
    detail: str


def decide(case: Case, asked: Revision | Move, now: datetime) -> Decision | Refusal:
    """Return what a case comes to. A revision is never refused: an older one, or one that was never to pursue, changes nothing."""
    if isinstance(asked, Revision):
        return _heed(case, asked, now)
    to = TRANSITIONS.get((case.state, asked.command))
    if to is None:
        return Refusal("not-allowed", f"A case that is {_words(case.state)} does not take this step.")
    if asked.command is C.UPHOLD and not case.filings:
        return Refusal("not-allowed", "Nothing was filed that could be upheld.")
    if asked.command in FILINGS and asked.good_cause is None and case.due_on is not None and (asked.on or now.date()) > case.due_on:
        return Refusal("deadline-passed", "The last day for this has passed; say in `good_cause` why it may still be filed.")
    if asked.command is C.BILL_PATIENT and (forbidden := _why_not_the_patient(case.refused)) is not None:
        return Refusal("patient-owes-nothing", forbidden)
    by_person = to in CLOSED and asked.who != SYSTEM
    closed_by: Literal["system", "person"] | None = "person" if by_person else case.closed_by if to is case.state else None
    filed = case.filings + (asked.command in FILINGS)
    after = replace(case, state=to, version=case.version + 1, closed_by=closed_by, filings=filed)
    if asked.command in OUTCOMES or asked.command in FILINGS:
        after = replace(after, outcome=_NAMES.get(asked.command))
    step = Step(after.version, to, asked.command, asked.who, asked.why, now)
    # What was won hid that the denial was taken back, or is nobody's to pursue; when it is lost again, that counts.
    hidden = after.judged if asked.command in (C.TAKE_BACK, C.UPHOLD) else None
    return _follow(Decision(after, (step,)), hidden if hidden in (C.RETRACT, C.DROP) else None, now)


def _follow(decision: Decision, command: Command | None, now: datetime) -> Decision:
    """Add the step that a decision brings with it, if it changes anything."""
    case = decision.case
    to = None if command is None else TRANSITIONS.get((case.state, command))
    if command is None or to is None or to is case.state:
        return decision
    after = replace(case, state=to, version=case.version + 1, closed_by="system" if to in CLOSED else None)
    return Decision(after, (*decision.steps, Step(after.version, to, command, SYSTEM, WHY[command], now)))


def _heed(case: Case, revision: Revision, now: datetime) -> Decision:
    if revision.number <= case.denial_revision:
        return Decision(case)
    if case.state is None and not revision.recoverable and (revision.retracted or revision.number == _FIRST_REVISION):
        return Decision(case)
    judged = command = C.RETRACT if revision.retracted else C.PURSUE if revision.recoverable else C.DROP
    withdrawn_by_itself = case.state is S.WITHDRAWN and case.closed_by == "system"
    if command is C.PURSUE and (withdrawn_by_itself or (case.state is S.RETRACTED and case.filings)):
        command = C.RESUME
    to = TRANSITIONS[case.state, command]
    closed_by: Literal["system", "person"] | None = case.closed_by if to is case.state else "system" if to in CLOSED else None
    after = replace(case, state=to, version=case.version + 1, denial_revision=revision.number, closed_by=closed_by, judged=judged)
    decision = Decision(after, (Step(after.version, to, command, SYSTEM, WHY[command], now),))
    return _follow(decision, C.UPHOLD if command is C.RESUME and case.outcome == _NAMES[C.UPHOLD] else None, now)


def allowed(case: Case, now: datetime) -> list[Command]:
    """Return what a person may ask of a case now, in the order of the table; filing late counts where good cause could be given."""
    return [
        command
        for command in BY_PEOPLE
        if not isinstance(decide(case, Move(command=command, who="", why="", good_cause=""), now), Refusal)
    ]


def _why_not_the_patient(refused: Collection[Refused]) -> str | None:
    """Say why a patient must not be billed for what was refused; None where it is the patient's."""
    if any(_NEVER_RARCS.intersection(each.rarcs) or each.carc in _NEVER_CARCS for each in refused):
        return "The payer says that this patient may not be billed."
    if not refused or any(each.group_code != _PATIENT for each in refused):
        return "Only what the payer assigned to the patient (PR) may be billed to the patient; here is more than that."
    return None


def _words(state: CaseState | None) -> str:
    return "not there" if state is None else state.replace("_", " ")


def replay(history: Sequence[tuple[Command, CaseState]]) -> CaseState | None:
    """Return the state that a history explains. Errors: ValueError where a step is not one of the table's."""
    state: CaseState | None = None
    for command, told in history:
        if TRANSITIONS.get((state, command)) is not told:
            raise ValueError(f"{state} does not become {told} by {command}")
        state = told
    return state
