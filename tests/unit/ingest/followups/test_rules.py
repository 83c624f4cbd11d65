"""Each rule of follow-up: the case that triggers it, and its nearest neighbour that does not."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from services.ingest.followups.habits import Habit, usual_days
from services.ingest.followups.rules import (
    STEPS,
    About,
    ClaimFacts,
    DepositFacts,
    Kind,
    RemitFacts,
    RemittanceFacts,
    Shortfall,
    followup_id,
    judge_claim,
    judge_deposit,
    judge_remit,
    judge_remittance,
)

SENT = date(2026, 3, 1)
ABOUT = About("claim", UUID(int=1), "A", "PAYER1", "PAYER")


def claim(**told: object) -> ClaimFacts:
    facts: dict[str, object] = {
        "about": ABOUT,
        "state": "submitted",
        "frequency_code": "1",
        "charge_cents": 10_000,
        "service_to_on": SENT,
        "submitted_on": SENT,
        "decided_on": None,
        "is_replaced": False,
        "answers": 0,
        "usual_days": 30,
        "filing_limit_on": None,
    }
    return ClaimFacts(**(facts | told))  # type: ignore[arg-type]  # a test's facts by name


def remit(**told: object) -> RemitFacts:
    facts: dict[str, object] = {
        "about": About("remit", UUID(int=2)),
        "result": "unmatched",
        "decided_by": "score",
        "paid_cents": 8_000,
        "charge_cents": 10_000,
        "received_on": SENT,
        "bills_since": SENT,
    }
    return RemitFacts(**(facts | told))  # type: ignore[arg-type]  # as above


def payment(**told: object) -> RemittanceFacts:
    facts: dict[str, object] = {
        "about": About("remittance", UUID(int=3)),
        "trace_number": "T1",
        "amount_cents": 8_000,
        "method": "ACH",
        "payment_on": SENT,
        "received_on": SENT,
        "difference_cents": 0,
        "unbalanced_cents": 0,
        "is_deposited": False,
        "bank_since": SENT,
        "deposit_of_other_amount_cents": None,
    }
    return RemittanceFacts(**(facts | told))  # type: ignore[arg-type]  # as above


def kinds(facts: ClaimFacts, days: int) -> list[str]:
    return [each.kind for each in judge_claim(facts, SENT + timedelta(days=days)).found]


@pytest.mark.parametrize(
    ("facts", "day", "kind"),
    [
        (claim(), 5, "no_acknowledgement"),
        (claim(state="received"), 30, "unpaid"),
        (claim(state="accepted", usual_days=14), 14, "unpaid"),
        (claim(state="rejected", decided_on=SENT + timedelta(days=2)), 7, "rejected_not_resent"),
        (claim(filing_limit_on=SENT + timedelta(days=16)), 2, "filing_limit_near"),
        (claim(state="rejected", filing_limit_on=SENT + timedelta(days=16)), 2, "filing_limit_near"),
    ],
)
def test_a_claim_is_followed_up_on_its_day_and_not_the_day_before(facts: ClaimFacts, day: int, kind: str) -> None:
    assert kind in kinds(facts, day)
    before = judge_claim(facts, SENT + timedelta(days=day - 1))
    assert kind not in [each.kind for each in before.found]
    assert before.look_on == SENT + timedelta(days=day)


@pytest.mark.parametrize(
    "facts",
    [
        claim(answers=1),
        claim(is_replaced=True),
        claim(state="rejected", is_replaced=True),
        claim(state="accepted", frequency_code="8"),
        claim(state="accepted", answers=1, filing_limit_on=SENT),
        claim(state="accepted", usual_days=1000, filing_limit_on=SENT),
    ],
)
def test_what_is_answered_replaced_or_void_is_left_alone(facts: ClaimFacts) -> None:
    assert kinds(facts, 365) == []


def test_what_is_answered_is_looked_at_again_only_when_it_is_touched() -> None:
    assert judge_claim(claim(answers=1), SENT).look_on is None
    assert judge_claim(claim(is_replaced=True), SENT).look_on is None


def test_a_silent_claim_near_its_limit_has_two_follow_ups_with_two_days() -> None:
    found = judge_claim(claim(filing_limit_on=SENT + timedelta(days=10)), SENT + timedelta(days=6)).found
    assert [(each.kind, each.due_on) for each in found] == [
        ("no_acknowledgement", SENT + timedelta(days=5)),
        ("filing_limit_near", SENT + timedelta(days=10)),
    ]


@pytest.mark.parametrize(("allowed", "missing"), [(8_999, 1), (9_000, None), (9_001, None)])
def test_an_answered_claim_is_underpaid_below_the_schedule_by_a_cent(allowed: int, missing: int | None) -> None:
    facts = claim(answers=1, shortfall=Shortfall(9_000, allowed, (1,), SENT))
    found = [(each.kind, each.amount_cents) for each in judge_claim(facts, SENT).found]
    assert found == ([] if missing is None else [("underpaid", missing)])


@pytest.mark.parametrize(
    ("facts", "day", "kind"),
    [
        (remit(), 2, "remit_unmatched"),
        (remit(), 1, None),
        (remit(bills_since=SENT + timedelta(days=2)), 2, "remit_unmatched"),
        (remit(bills_since=SENT + timedelta(days=3)), 9, None),
        (remit(bills_since=None), 9, None),
        (remit(decided_by="person"), 9, None),
        (remit(result="matched"), 9, None),
        (remit(result="ambiguous"), 0, "remit_ambiguous"),
        (remit(result="ambiguous", decided_by="person"), 0, None),
    ],
)
def test_a_remit_is_followed_up_where_somebody_must_decide(facts: RemitFacts, day: int, kind: str | None) -> None:
    assert [each.kind for each in judge_remit(facts, SENT + timedelta(days=day)).found] == ([kind] if kind else [])


def test_a_remit_that_pays_nothing_is_at_stake_with_its_charge_and_a_reversal_with_what_it_takes() -> None:
    on = SENT + timedelta(days=2)
    assert [judge_remit(remit(paid_cents=cents), on).found[0].amount_cents for cents in (0, -8_000)] == [10_000, 8_000]


@pytest.mark.parametrize(
    ("facts", "day", "kind"),
    [
        (payment(), 5, "deposit_missing"),
        (payment(), 4, None),
        (payment(is_deposited=True), 9, None),
        (payment(bank_since=None), 9, None),
        (payment(bank_since=SENT + timedelta(days=1)), 9, None),
        (payment(amount_cents=0), 9, None),
        (payment(method="NON"), 9, None),
        (payment(difference_cents=1, is_deposited=True), 0, "out_of_balance"),
        (payment(unbalanced_cents=1, is_deposited=True), 0, "out_of_balance"),
    ],
)
def test_a_payment_is_followed_up_until_it_adds_up_and_its_money_is_there(
    facts: RemittanceFacts, day: int, kind: str | None
) -> None:
    assert [each.kind for each in judge_remittance(facts, SENT + timedelta(days=day)).found] == ([kind] if kind else [])


@pytest.mark.parametrize(("day", "known", "found"), [(5, False, 1), (4, False, 0), (9, True, 0)])
def test_a_deposit_waits_five_days_for_its_remittance(day: int, known: bool, found: int) -> None:
    facts = DepositFacts(about=About("deposit", UUID(int=4)), amount_cents=100, deposited_on=SENT, has_remittance=known)
    assert len(judge_deposit(facts, SENT + timedelta(days=day)).found) == found


@pytest.mark.parametrize(("answers", "days", "usual"), [(30, 45, 45), (29, 45, 30), (30, 3, 14), (30, 14, 14), (0, 0, 30)])
def test_a_payers_usual_time_has_a_floor_and_a_default_until_it_is_known(answers: int, days: int, usual: int) -> None:
    assert usual_days({"PAYER1": Habit(answers, days)}, "PAYER1") == usual
    assert usual_days({}, "PAYER1") == 30


def test_every_kind_has_a_step_and_a_name_of_its_own_at_a_subject() -> None:
    all_kinds: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]  # a Literal's own
    assert set(STEPS) == set(all_kinds)
    assert len({followup_id("local", kind, UUID(int=1)) for kind in all_kinds}) == len(all_kinds)
    assert followup_id("local", "unpaid", UUID(int=1)) != followup_id("other", "unpaid", UUID(int=1))
