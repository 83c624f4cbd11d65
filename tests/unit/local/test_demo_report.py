"""The demonstration's verdict: it holds for what is true, and falls for anything else."""

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import msgspec
import pytest
from rich.console import Console

from deploy.local.demo_report import Case, Denial, Outcome, Rate, Rates, checks, show
from libs.client.shapes import Interchange as Received
from libs.client.shapes import InterchangeTotals, Ledger, LedgerTotals, Progress, Transaction
from libs.synthetic import Interchange, Payout, month, standing

FIRST_ON = date(2026, 10, 1)
SERVICES = ("ingest", "classifier", "appeals", "analytics")
replace = msgspec.structs.replace


def transaction(payout: Payout) -> Transaction:
    remits = [answer.remit for answer in payout.answers]
    return Transaction(
        claims=len(remits),
        claims_new=len(remits),
        claims_duplicate=0,
        claims_conflicting=0,
        claims_unreadable=0,
        charge_cents=sum(remit.charge_cents for remit in remits),
        paid_cents=sum(remit.paid_cents for remit in remits),
        adjustment_cents=sum(remit.adjustment_cents for remit in remits),
        balance_difference_cents=payout.difference_cents,
    )


def true_outcome(files: list[Interchange]) -> Outcome:
    """Return what services would answer that did everything right."""
    answers = [answer for file in files for answer in file.answers()]
    held = {answer.remit.payer_claim_control_number for answer in standing(answers)}
    denials = [
        Denial(
            denial_id=answer.remit.payer_claim_control_number,
            status="active" if answer.remit.payer_claim_control_number in held else "retracted",
            payer_id=answer.claim.payer_id,
            payer_claim_control_number=answer.remit.payer_claim_control_number,
            category=answer.truth.category or "",
            action=answer.truth.action or "",
            denied_cents=answer.truth.denied_cents,
            recoverable=answer.truth.action not in ("bill_patient", "write_off"),
        )
        for answer in answers
        if answer.truth.denied_cents
    ]
    received = [
        Received(
            uuid4(),
            "accepted",
            Progress(len(file.body), len(file.body)),
            [transaction(payout) for payout in file.payouts],
            0,
            [],
            InterchangeTotals(len(file.payouts), *[0] * 8),  # the report adds up transactions
        )
        for file in files
    ]
    booked = [each for file in received for each in file.transactions]
    totals = LedgerTotals(
        remits=len(answers),
        charge_cents=sum(each.charge_cents for each in booked),
        paid_cents=sum(each.paid_cents for each in booked),
        adjustment_cents=sum(each.adjustment_cents for each in booked),
        adjustments_by_group={},
        unbalanced_cents=0,
    )
    active = [denial for denial in denials if denial.status == "active"]
    states = {"active": "open", "retracted": "retracted"}
    return Outcome(
        files=files,
        first_on=FIRST_ON,
        new=len(files),
        received=received,
        ledgers={service: Ledger(totals, []) for service in SERVICES},
        ledgers_of_month={service: Ledger(totals, []) for service in SERVICES},
        rates=Rates(Rate(len(active), sum(denial.denied_cents for denial in active), 0.1)),
        denials=denials,
        cases=[Case(denial.denial_id, states[denial.status]) for denial in denials if denial.recoverable],
    )


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return true_outcome(list(month(first_on=FIRST_ON)))


def other_ledger(outcome: Outcome) -> Ledger:
    totals = outcome.ledgers["ingest"].totals
    return Ledger(replace(totals, paid_cents=totals.paid_cents - 1), [])


def shown(outcome: Outcome) -> tuple[bool, str]:
    console = Console(width=80, record=True, quiet=False, force_terminal=False)
    verdict = show(console, outcome, dict.fromkeys(SERVICES, "http://127.0.0.1:1"))
    return verdict, console.export_text()


def test_what_is_true_holds_and_is_shown_in_eighty_columns(outcome: Outcome) -> None:
    assert outcome.waits_for() is None
    verdict, text = shown(outcome)
    assert verdict
    assert "✗" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_month_that_was_sent_before_changes_nothing_and_says_so(outcome: Outcome) -> None:
    verdict, text = shown(replace(outcome, new=0, before=outcome.ledgers["ingest"]))
    assert verdict
    assert "All files were received before." in text
    assert "changed nothing" in text
    assert not shown(replace(outcome, new=0, before=other_ledger(outcome)))[0]


def one_ledger_differs(outcome: Outcome) -> Outcome:
    return replace(outcome, ledgers={**outcome.ledgers, "appeals": other_ledger(outcome)})


def a_cent_is_missing(outcome: Outcome) -> Outcome:
    first, *rest = outcome.received
    booked, *others = first.transactions
    changed = replace(first, transactions=[replace(booked, paid_cents=booked.paid_cents - 1), *others])
    return replace(outcome, received=[changed, *rest])


def a_denial_is_missed(outcome: Outcome) -> Outcome:
    return replace(outcome, denials=[denial for denial in outcome.denials if denial.category != "timely_filing"])


def a_denial_is_filed_under_another_category(outcome: Outcome) -> Outcome:
    return replace(outcome, denials=[replace(denial, category="other") for denial in outcome.denials])


def the_reversed_denial_stands(outcome: Outcome) -> Outcome:
    return replace(outcome, denials=[replace(denial, status="active") for denial in outcome.denials])


def the_reversed_denials_case_is_open(outcome: Outcome) -> Outcome:
    return replace(outcome, cases=[replace(case, state="open") for case in outcome.cases])


def the_difference_is_not_seen(outcome: Outcome) -> Outcome:
    blind = [
        replace(file, transactions=[replace(each, balance_difference_cents=0) for each in file.transactions])
        for file in outcome.received
    ]
    return replace(outcome, received=blind)


def a_payment_is_not_there(outcome: Outcome) -> Outcome:
    return replace(outcome, received=[replace(outcome.received[0], transactions=[]), *outcome.received[1:]])


@pytest.mark.parametrize(
    "damage",
    [
        one_ledger_differs,
        a_cent_is_missing,
        a_denial_is_missed,
        a_denial_is_filed_under_another_category,
        the_reversed_denial_stands,
        the_reversed_denials_case_is_open,
        the_difference_is_not_seen,
        a_payment_is_not_there,
    ],
)
def test_whatever_is_not_true_is_told(outcome: Outcome, damage: Callable[[Outcome], Outcome]) -> None:
    damaged = damage(outcome)
    assert any(not check.holds for check in checks(damaged))
    verdict, text = shown(damaged)
    assert not verdict
    assert "✗" in text


def test_it_waits_for_the_first_service_that_is_not_done(outcome: Outcome) -> None:
    assert replace(outcome, received=[replace(outcome.received[0], status="processing")]).waits_for() == "ingest"
    behind = {**outcome.ledgers, "classifier": other_ledger(outcome), "analytics": other_ledger(outcome)}
    assert replace(outcome, ledgers=behind).waits_for() == "classifier"
    for place in range(len(outcome.cases)):
        assert replace(outcome, cases=[*outcome.cases[:place], *outcome.cases[place + 1 :]]).waits_for() == "appeals"
    assert the_reversed_denials_case_is_open(outcome).waits_for() == "appeals"
    assert replace(outcome, rates=Rates(Rate(0, 0, 0.0))).waits_for() == "analytics"
