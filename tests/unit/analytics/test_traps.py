"""What must not be counted wrongly: each trap of the field's key figures, as facts of one account."""

from uuid import UUID

import pytest

from services.analytics.facts import Fact
from tests.unit.analytics.facts import answer, claim, closing, counted, decision, denial, filing, followup, match, on, remit


def test_a_paid_claim_and_one_paid_nothing_without_a_refusal_are_not_denied() -> None:
    paid, nothing_paid = counted(claim(), remit(paid=8_000)), counted(claim(), remit(paid=0))
    for each in (paid, nothing_paid):  # contractual adjustments and patients' shares make no denial, so no fact says one
        assert each["first_adjudicated"] == (1, 10_000)
        assert each["resolved_first"] == (1, 10_000)
        assert "initially_denied" not in each


def test_an_initial_denial_stays_one_after_its_overturn() -> None:
    before: list[Fact] = [claim(), remit(), denial()]
    reversal = remit(2, 40, charge_cents=-10_000, status="22")
    after: list[Fact] = [*before, reversal, denial(version=2, is_active=False), remit(3, 40, paid=9_000), decision()]
    for facts in (before, after):
        found = counted(*facts)
        assert found["first_adjudicated"] == found["initially_denied"] == (1, 10_000)
        assert found["denied"] == (1, 10_000)
        assert "resolved_first" not in found
    assert counted(*before)["standing_denied"] == counted(*before)["unrecovered"] == (1, 10_000)
    found = counted(*after)
    assert "standing_denied" not in found
    assert found["standing"] == (1, 10_000)
    assert found["recovered"] == (1, 10_000)


def test_a_payment_taken_back_and_then_refused_is_no_initial_denial() -> None:
    found = counted(
        claim(), remit(paid=9_000), remit(2, 40, -9_000, charge_cents=-10_000, status="22"), remit(3, 40), denial(3, 40)
    )
    assert found["first_adjudicated"] == (1, 10_000)
    assert "initially_denied" not in found
    assert "resolved_first" not in found
    assert found["denied"] == (1, 10_000)


@pytest.mark.parametrize("days", [20, 27])
def test_the_parts_of_a_split_claim_are_one_claim_also_on_two_days(days: int) -> None:
    found = counted(claim(), remit(1, 20, charge_cents=6_000), denial(cents=6_000), remit(2, days, 3_000, charge_cents=4_000))
    assert found["first_adjudicated"] == found["initially_denied"] == (1, 10_000)
    assert found["initially_refused"] == (1, 6_000)
    assert found["first_lines"] == (4, 0)
    assert found["standing"] == (2, 10_000)


def test_a_corrected_resubmission_and_its_answer_are_the_same_claim() -> None:
    corrected = claim(2, replaces=UUID(int=1), frequency_code="7", known_on=on(25))
    found = counted(claim(), remit(), denial(), corrected, remit(2, 40, 8_000, claim_number=2))
    assert found["submitted"] == found["first_adjudicated"] == found["initially_denied"] == (1, 10_000)


def test_answers_of_one_account_and_day_of_service_are_one_claim_where_no_claim_is_known() -> None:
    first, second = remit(claim_number=None, service_on=on(0)), remit(2, 40, 8_000, claim_number=None, service_on=on(0))
    assert counted(first, denial(), second)["first_adjudicated"] == (1, 10_000)
    other_day = remit(2, 40, 8_000, claim_number=None, service_on=on(3))
    assert counted(first, denial(), other_day)["first_adjudicated"] == (2, 20_000)


def test_what_a_later_payer_decides_is_no_first_answer() -> None:
    primary = remit(paid=6_000)
    secondary = remit(2, 30, payer_id="P2", status="2")
    found = counted(claim(), primary, secondary, denial(2, 30, payer_id="P2"))
    assert found["first_adjudicated"] == (1, 10_000)
    assert "initially_denied" not in found
    assert found["denied"] == (1, 10_000)
    alone = counted(claim(is_secondary=True, payer_id="P2"), remit(payer_id="P2"))
    assert "first_adjudicated" not in alone
    assert "submitted" not in alone
    for status in ("2", "3", "20", "21", "23"):  # no claim is known: only the answer says that another payer came first
        assert "first_adjudicated" not in counted(remit(claim_number=None, status=status), denial())


def test_reversals_and_predeterminations_are_no_answers() -> None:
    assert "first_adjudicated" not in counted(claim(), remit(status="25"))
    assert counted(claim(), remit(status="25"))["outstanding"] == (1, 10_000)
    found = counted(remit(), remit(2, 30, charge_cents=-10_000, status="22"))
    assert found["first_adjudicated"] == (1, 10_000)
    assert "standing" not in found


def test_refused_lines_are_counted_and_a_claim_refused_as_a_whole_counts_all_its_lines() -> None:
    assert counted(remit(lines=5), denial(lines=2))["initially_denied_lines"] == (2, 0)
    assert counted(remit(lines=5), denial(lines=0))["initially_denied_lines"] == (5, 0)
    assert counted(remit(lines=0), denial(lines=0))["initially_denied_lines"] == (1, 0)


def test_a_rejection_is_no_denial_and_makes_a_claim_unclean_once() -> None:
    corrected = claim(2, replaces=UUID(int=1), known_on=on(3))
    found = counted(claim(), answer(1, "rejected"), corrected, answer(2, "accepted", 2))
    assert found["submitted"] == found["answered"] == found["rejected"] == (1, 10_000)
    assert "clean" not in found
    assert "denied" not in found
    assert counted(claim(), answer())["clean"] == (1, 10_000)
    assert "clean" not in counted(claim(has_error=True), answer())
    assert "answered" not in counted(claim(), answer(status="received"))


def test_a_claim_is_outstanding_until_it_is_answered_or_voided() -> None:
    void = claim(2, replaces=UUID(int=1), frequency_code="8", known_on=on(3))
    assert counted(claim())["outstanding"] == (1, 10_000)
    assert "outstanding" not in counted(claim(), void)
    assert "outstanding" not in counted(claim(), remit())
    assert "submitted" not in counted(void)


def test_a_match_that_comes_later_moves_an_answer_to_its_claim() -> None:
    unmatched = remit(paid=9_000, claim_number=None)
    assert counted(claim(), unmatched)["outstanding"] == (1, 10_000)
    found = counted(claim(), unmatched, match(1, 1))
    assert "outstanding" not in found
    assert found["responded"] == (1, 20)
    undecided = counted(claim(), remit(paid=9_000), match(1, None))
    assert undecided["outstanding"] == (1, 10_000)


def test_appeals_are_counted_by_level_at_the_day_of_the_denial_once_they_are_closed() -> None:
    open_case = counted(remit(), denial(), filing())
    assert open_case["appealed"] == (1, 10)
    assert "closed" not in open_case
    found = counted(
        remit(),
        denial(),
        filing(),
        decision(recovered=0),
        filing(2, days=55, level="second", due_on=on(54)),
        decision(2, days=80, recovered=4_000, outcome="partly_overturned", level="second", filed_on=on(55)),
    )
    assert found["closed"] == (2, 20_000)
    assert found["overturned"] == (1, 4_000)
    assert found["appealed"] == (1, 10)
    assert found["decided"] == (2, 20 + 25)
    assert found["cashed"] == (1, 60)
    assert found["unrecovered"] == (1, 6_000)
    assert (found["filed_with_deadline"][0], found["filed_in_time"][0]) == (2, 1)


def test_an_appeal_that_nobody_answered_ends_with_its_case_and_is_not_won() -> None:
    appealed: list[Fact] = [remit(), denial(), filing()]
    for closed_as in ("withdrawn", "written_off", "expired"):
        found = counted(*appealed, closing(closed_as=closed_as))
        assert found["closed"] == (1, 10_000)
        assert "overturned" not in found
        assert "decided" not in found
    taken_up = closing(version=6, days=65, closed_as="")
    assert "closed" not in counted(*appealed, closing(closed_as="withdrawn"), taken_up)
    assert counted(*appealed, closing(closed_as="withdrawn"), decision(days=70))["overturned"] == (1, 10_000)
    assert counted(*appealed, decision(recovered=0), closing())["closed"] == (1, 10_000)  # decided, and then given up
    again = filing(2, days=70, disputed_cents=9_000)
    refiled: list[Fact] = [*appealed, closing(closed_as="withdrawn"), taken_up, again]
    assert "closed" not in counted(*refiled)
    assert counted(*refiled, closing(version=9, days=99, closed_as="withdrawn"))["closed"] == (1, 9_000)
    assert counted(*refiled, decision(2, days=99))["closed"] == (1, 10_000)
    sent = filing(2, days=40, action="send_documents", level="")
    won = decision(2, action="send_documents", recovered=4_000, outcome="partly_overturned", level="")
    assert "closed" not in counted(*appealed, sent, won, closing(left_cents=6_000))
    corrected = filing(action="correct_and_resubmit", level="")
    assert "closed" not in counted(remit(), denial(), corrected, closing(closed_as="withdrawn"))


def test_two_won_and_eight_withdrawn_are_an_overturn_rate_of_a_fifth() -> None:
    won = counted(remit(), denial(), filing(), decision())
    withdrawn = counted(remit(), denial(), filing(), closing(closed_as="withdrawn"))
    assert won["overturned"][0] * 2 / (won["closed"][0] * 2 + withdrawn["closed"][0] * 8) == 0.2


def test_what_was_corrected_and_sent_again_is_worked_and_no_appeal() -> None:
    found = counted(remit(), denial(), filing(action="correct_and_resubmit", level="", due_on=None))
    assert found["worked"] == (1, 10_000)
    assert "appealed" not in found


def test_prevention_catches_what_checks_saw_before() -> None:
    assert counted(claim(has_warning=True), remit(), denial())["caught"] == (1, 10_000)
    found = counted(claim(), remit(), denial())
    assert found["catchable"] == (1, 10_000)
    assert "caught" not in found
    assert "catchable" not in counted(remit(claim_number=None), denial())


def test_what_was_given_up_is_what_was_left_and_what_is_paid_or_taken_up_again_is_not_written_off() -> None:
    refused: list[Fact] = [claim(), remit(), denial()]
    assert counted(*refused, closing())["written_off"] == (1, 10_000)
    partly = decision(recovered=4_000, outcome="partly_overturned")
    assert counted(*refused, partly, closing(left_cents=6_000))["written_off"] == (1, 6_000)
    assert counted(*refused, closing(), decision(days=70, recovered=4_000))["written_off"] == (1, 6_000)  # paid all the same
    undone: list[list[Fact]] = [
        [closing(), closing(version=6, days=65, closed_as="")],
        [closing(), decision(days=70)],
        [closing(), denial(version=2, is_active=False, known_on=on(70))],
        [closing(closed_as="expired")],
        [closing(closed_as="billed_to_patient")],
    ]
    for each in undone:
        assert "written_off" not in counted(*refused, *each)
    assert counted(closing())["written_off"] == (1, 10_000)  # known before its denial


def test_an_underpayment_stands_until_the_payer_makes_it_good() -> None:
    paid: list[Fact] = [claim(), remit(paid=5_000)]
    assert counted(*paid, followup())["underpaid"] == (1, 2_500)
    assert counted(*paid, followup(), followup(version=2, is_open=False))["underpaid"] == (1, 2_500)  # a person put it aside
    gone = followup(version=2, is_open=False, is_gone=True)
    assert "underpaid" not in counted(*paid, followup(), gone)
    assert counted(*paid, gone, followup(version=3, amount_cents=700))["underpaid"] == (1, 700)
    assert "underpaid" not in counted(claim(), followup(kind="unpaid"))


def test_what_was_mended_after_a_check_and_then_paid_is_saved() -> None:
    found = claim(has_error=True)
    mended = claim(2, replaces=UUID(int=1), frequency_code="7", known_on=on(3))
    paid = remit(paid=8_000, claim_number=2)
    assert counted(found, mended, paid)["saved"] == (1, 8_000)
    unsaved: list[list[Fact]] = [
        [found, remit(paid=8_000)],  # paid as it was
        [found, claim(2, replaces=UUID(int=1), known_on=on(3), has_error=True), paid],  # not mended
        [claim(), mended, paid],  # nothing was found
        [found, mended, remit(claim_number=2), denial()],  # refused all the same
        [found, claim(2, replaces=UUID(int=1), known_on=on(25)), remit(paid=8_000)],  # mended after the answer
        [found, mended, paid, remit(3, 40, -8_000, claim_number=2, charge_cents=-10_000, status="22")],  # and taken back
    ]
    for each in unsaved:
        assert "saved" not in counted(*each)
