"""Until when: every known limit with its source and its day, and nothing where nobody knows."""

from datetime import date
from typing import Any

import pytest

from libs.common.contracts.denial_classified import Deadline
from services.classifier import deadlines
from services.classifier.decision import AdjudicatedClaim, Adjustment, Remark
from services.classifier.rules.model import NO_RULES, Rule, RuleSet, Then, When
from services.classifier.verdict import Adjudicated, Verdict, judge

PAID, SERVED, LEFT = date(2026, 3, 2), date(2026, 1, 5), date(2026, 1, 9)


def verdict(  # one refused line
    carc: str = "50",
    *,
    payer_kind: str | None = "medicare",
    claim_type: str | None = "professional",
    rarc: str | None = None,
    rules: RuleSet = NO_RULES,
    **days: Any,
) -> Verdict:
    remarks = (Remark(rarc),) if rarc else ()
    claim = AdjudicatedClaim("1", 10_000, 0, (Adjustment("CO", carc, 10_000, 1),), remarks, claim_type, payer_kind)
    told = {"payment_on": PAID, "service_from_on": SERVED, "service_to_on": LEFT} | days
    return judge(Adjudicated(claim, "P1", **told), rules)


def due(deadline: Deadline | None) -> date | None:
    return deadline.due_on if deadline is not None else None


def test_medicare_appeals_within_120_days_of_a_receipt_presumed_after_five() -> None:
    told = verdict().appeal_by
    assert told is not None
    assert (told.due_on, told.rule, told.trigger, told.trigger_on) == (
        date(2026, 7, 5),
        "medicare_redetermination",
        "payment_on",
        PAID,
    )
    assert told.source.startswith("42 CFR 405.942")
    assert told.firm


def test_medicare_takes_a_corrected_claim_for_a_calendar_year_counted_by_the_kind_of_bill() -> None:
    assert due(verdict("4").correct_by) == date(2027, 1, 5)
    assert due(verdict("4", claim_type="institutional").correct_by) == date(2027, 1, 9)
    assert due(verdict("4", service_from_on=date(2024, 2, 29)).correct_by) == date(2025, 2, 28)


@pytest.mark.parametrize(
    "payer_kind", ["commercial", "marketplace", "medicare_advantage", "workers_comp", "auto_liability", "other", None]
)
def test_what_nobody_knows_is_unknown(payer_kind: str | None) -> None:
    told = verdict("11", payer_kind=payer_kind)
    assert (told.appeal_by, told.correct_by) == (None, None)
    assert " by 20" not in told.explanation


def test_without_its_day_a_limit_is_unknown() -> None:
    assert verdict("4", service_from_on=None).correct_by is None
    assert verdict("4", claim_type=None).correct_by is None
    assert verdict(payment_on=None).appeal_by is None


def test_a_way_that_is_closed_has_no_last_day() -> None:
    assert verdict("16", rarc="MA130").appeal_by is None
    assert verdict("50", rarc="N211").appeal_by is None
    assert verdict("18").correct_by is None


def test_a_limit_that_a_contract_may_shorten_says_so() -> None:
    told = verdict("4", payer_kind="medicaid")
    assert told.correct_by is not None
    assert not told.correct_by.firm
    assert told.explanation.endswith(", by 2027-01-05 (a state or contract may say earlier).")


def test_a_tenants_limit_comes_first_with_its_source() -> None:
    limit = Rule(
        "contract", "contract, section 7", When(payer_id="P1"), Then(limit="appeal", days=30, counted_from="payment_on"), PAID
    )
    told = verdict(payer_kind="other", rules=RuleSet(4, [limit]))
    assert told.appeal_by == Deadline(date(2026, 4, 1), "tenant:contract", "contract, section 7", "payment_on", PAID, firm=True)
    assert told.rule_version.endswith(".4")
    assert verdict(rarc="N211", rules=RuleSet(4, [limit])).appeal_by is None


def test_the_sentences_name_the_last_day_of_what_has_to_be_done() -> None:
    told = verdict()
    assert told.explanation.endswith(", by 2026-07-05.")
    assert told.explanation_fr.endswith(", au plus tard le 2026-07-05.")


def test_every_limit_names_its_source() -> None:
    assert [limit for limit in deadlines._limits().values() if not limit.source or not (limit.days or limit.years)] == []


def test_nothing_is_counted_from_a_day_at_an_end_of_the_calendar() -> None:
    for day in (date.min, date.max):
        told = verdict(payment_on=day, service_from_on=day, service_to_on=day)
        assert (told.appeal_by, told.correct_by) == (None, None)
