"""The workflow against its table: whatever is asked in whatever order, no state comes about that its history does not explain."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common.people import SYSTEM
from services.appeals.workflow import (
    BY_PEOPLE,
    CLOSED,
    FILINGS,
    OUTCOMES,
    PLAIN,
    TRANSITIONS,
    WAITING,
    WORKING,
    Case,
    CaseState,
    Command,
    Decision,
    Move,
    Refusal,
    Refused,
    Revision,
    Step,
    allowed,
    decide,
    replay,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DUE = date(2026, 3, 10)
BY_ITSELF = {Command.PURSUE, Command.DROP, Command.RETRACT, Command.RESUME, Command.EXPIRE, Command.TAKE_BACK}


def move(command: Command, **said: Any) -> Move:
    return Move(**{"command": command, "who": "ada", "why": "because"} | said)


def case(state: CaseState | None = CaseState.OPEN, **told: Any) -> Case:
    return Case(state=state, version=1, denial_revision=1, **told)


def done(before: Case, asked: Revision | Move, now: datetime = NOW) -> Case:
    decision = decide(before, asked, now)
    assert isinstance(decision, Decision), decision
    return decision.case


def refused(before: Case, asked: Move, now: datetime = NOW) -> str:
    decision = decide(before, asked, now)
    assert isinstance(decision, Refusal), decision
    return decision.reason


class Workflow(RuleBasedStateMachine):
    """Everybody asks anything of one case at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.case = Case(due_on=DUE, refused=(Refused("PR", "96"),))
        self.steps: list[Step] = []
        self.now = NOW

    def ask(self, asked: Revision | Move) -> None:
        before = self.case
        decision = decide(before, asked, self.now)
        if isinstance(decision, Refusal):
            assert isinstance(asked, Move)
            return
        assert [each.version for each in decision.steps] == list(range(before.version + 1, decision.case.version + 1))
        self.case = decision.case
        self.steps += decision.steps

    @rule(number=st.integers(1, 6), retracted=st.booleans(), recoverable=st.booleans())
    def judge(self, number: int, retracted: bool, recoverable: bool) -> None:
        before = self.case
        self.ask(Revision(number, retracted, recoverable))
        if number <= before.denial_revision:
            assert self.case == before

    @rule(command=st.sampled_from(BY_PEOPLE), late=st.booleans())
    def act(self, command: Command, late: bool) -> None:
        before = self.case
        offered = command in allowed(before, self.now)
        self.ask(move(command, good_cause="flood" if late else None))
        if command not in FILINGS or late:
            assert (self.case != before) is offered, "what is offered is taken, and nothing else"

    @rule(command=st.sampled_from([Command.EXPIRE, Command.TAKE_BACK, *OUTCOMES]))
    def happen(self, command: Command) -> None:
        self.ask(move(command, who=SYSTEM))

    @rule(days=st.integers(1, 6))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @invariant()
    def the_history_explains_the_state(self) -> None:
        assert replay([(each.command, each.state) for each in self.steps]) is self.case.state
        assert self.case.version == len(self.steps)

    @invariant()
    def who_ended_it_is_known_of_what_is_ended(self) -> None:
        assert (self.case.closed_by is not None) is (self.case.state in CLOSED)

    @invariant()
    def nothing_waits_at_the_payer_that_was_never_filed(self) -> None:
        assert self.case.state not in WAITING or self.case.filings


TestWorkflow = Workflow.TestCase
TestWorkflow.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


def test_every_state_can_be_reached_and_every_command_leads_somewhere() -> None:
    reached: set[CaseState | None] = {None}
    while more := {to for (state, _), to in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == {None, *CaseState}
    assert {command for _, command in TRANSITIONS} == set(Command)
    assert set(Command) - set(BY_PEOPLE) == BY_ITSELF


def test_every_state_heeds_every_judgement() -> None:
    judged = {(state, command) for state in CaseState for command in (Command.PURSUE, Command.DROP, Command.RETRACT)}
    assert judged <= set(TRANSITIONS)


def test_a_history_with_a_step_that_does_not_exist_explains_nothing() -> None:
    with pytest.raises(ValueError, match="does not become"):
        replay([(Command.PURSUE, CaseState.OPEN), (Command.ACKNOWLEDGE, CaseState.ACKNOWLEDGED)])


@pytest.mark.parametrize("state", WAITING)
def test_what_is_retracted_while_it_is_filed_comes_back_to_the_payer_when_the_refusal_stands_again(state: CaseState) -> None:
    retracted = done(case(state, filings=1), Revision(2, retracted=True, recoverable=False))
    assert retracted.state is CaseState.RETRACTED
    assert done(retracted, Revision(3, retracted=False, recoverable=True)).state is CaseState.FILED


def test_what_was_won_stays_won_whether_the_reversal_is_read_before_or_after_the_correction() -> None:
    filed = case(CaseState.FILED, filings=1)
    retraction, won = Revision(2, retracted=True, recoverable=False), move(Command.OVERTURN)
    assert done(done(filed, retraction), won).state is CaseState.OVERTURNED
    assert done(done(filed, won), retraction).state is CaseState.OVERTURNED


def test_a_judgement_opens_what_a_judgement_closed_and_never_what_a_person_closed() -> None:
    pursue = Revision(3, retracted=False, recoverable=True)
    dropped = done(case(), Revision(2, retracted=False, recoverable=False))
    assert (dropped.state, dropped.closed_by) == (CaseState.WITHDRAWN, "system")
    assert done(dropped, pursue).state is CaseState.OPEN
    ended = done(case(), move(Command.WITHDRAW))
    assert (done(ended, pursue).state, done(ended, pursue).closed_by) == (CaseState.WITHDRAWN, "person")


@pytest.mark.parametrize("command", FILINGS)
def test_after_the_last_day_only_good_cause_files(command: Command) -> None:
    on_the_day = datetime(2026, 3, 10, 23, 59, tzinfo=UTC)
    the_day_after = datetime(2026, 3, 11, tzinfo=UTC)
    assert done(case(due_on=DUE), move(command), on_the_day).filings == 1
    assert refused(case(due_on=DUE), move(command), the_day_after) == "deadline-passed"
    assert done(case(due_on=DUE), move(command, good_cause="flood"), the_day_after).filings == 1
    assert done(case(CaseState.EXPIRED, due_on=DUE), move(command, good_cause="flood"), the_day_after).filings == 1


@pytest.mark.parametrize(
    "amounts",
    [
        (),
        (Refused("CO", "16"),),
        (Refused("PR", "96"), Refused("CO", "16")),
        (Refused("OA", "23"),),
        (Refused("PR", "96", ("N842",)),),
        (Refused("PR", "2", ("N782",)),),
        (Refused("PR", "303"),),
    ],
)
@pytest.mark.parametrize("state", [*WORKING, CaseState.UPHELD])
def test_a_patient_is_never_billed_for_what_is_not_the_patients(state: CaseState, amounts: tuple[Refused, ...]) -> None:
    assert refused(case(state, refused=amounts), move(Command.BILL_PATIENT)) == "patient-owes-nothing"


def test_a_patient_is_billed_for_what_the_payer_assigned_to_the_patient() -> None:
    assert done(case(refused=(Refused("PR", "96"),)), move(Command.BILL_PATIENT)).state is CaseState.BILLED_TO_PATIENT


def test_what_is_offered_is_what_is_not_refused() -> None:
    offered = allowed(case(), NOW)
    assert Command.ACKNOWLEDGE not in offered
    assert Command.BILL_PATIENT not in offered
    assert {Command.START_REVIEW, Command.FILE, Command.WRITE_OFF} <= set(offered)
    assert set(offered) <= {*PLAIN, *FILINGS, *OUTCOMES}


def test_only_what_was_filed_can_be_upheld() -> None:
    assert Command.UPHOLD not in allowed(case(), NOW)
    assert Command.UPHOLD in allowed(case(filings=1), NOW)
