"""What became of each service line at its first answer follows from the facts alone."""

from msgspec.structs import replace

from services.analytics.causes.outcomes import NOT_REFUSED, outcomes
from services.analytics.facts import Fact, Refused, decode, encode
from services.analytics.facts.points import read
from tests.unit.analytics.facts import claim, denial, on, remit

CLAIM = claim(
    place="11", claim_type="professional", authorization=False, diagnosis="E11", services=("G0283:59", "A4550"), coder="C1"
)
REMIT = remit(services=("G0283:59", "A4550"))


def test_a_refused_line_is_refused_and_its_neighbour_is_not() -> None:
    told = outcomes(read([CLAIM, REMIT, denial(cents=4_000, reasons=(Refused(1, "coding_bundling", "4", 4_000),))]))
    assert [(each.service, each.reason, each.denied_cents) for each in told] == [
        ("G0283:59", ("coding_bundling", "4"), 4_000),
        ("A4550", NOT_REFUSED, 0),
    ]
    assert told[0].subject == ("P1", "F1", "D1", "11", "professional", "none", "E11", "C1")
    assert told[0].day == on(20)


def test_a_reason_for_the_whole_claim_goes_to_all_lines_to_the_cent() -> None:
    told = outcomes(read([CLAIM, REMIT, denial(cents=10_001, reasons=(Refused(0, "timely_filing", "29", 10_001),))]))
    assert [each.denied_cents for each in told] == [5_001, 5_000]
    assert {each.reason for each in told} == {("timely_filing", "29")}


def test_equal_services_of_a_claim_are_one_and_of_several_reasons_the_largest_counts() -> None:
    reasons = (Refused(1, "duplicate", "18", 1_000), Refused(2, "non_covered", "96", 3_000), Refused(3, "other", "A1", 500))
    (told,) = outcomes(read([CLAIM, remit(services=("G0283", "G0283")), denial(cents=4_500, reasons=reasons)]))
    assert (told.service, told.reason, told.denied_cents) == ("G0283", ("non_covered", "96"), 4_500)


def test_a_line_that_no_payer_shows_is_known_from_the_claim() -> None:
    told = outcomes(read([CLAIM, remit(), denial(cents=10_000)]))
    assert [(each.service, each.reason) for each in told] == [("G0283:59", ("authorization", "")), ("A4550", ("authorization", ""))]


def test_an_answer_to_an_unknown_claim_says_payer_and_services_alone() -> None:
    (told,) = outcomes(read([remit(claim_number=None, services=("A4550",))]))
    assert told.subject == ("P1", "", "", "", "", "", "", "")
    assert (told.service, told.claim_id, told.denial_id) == ("A4550", None, None)


def test_the_first_answer_stays_when_it_is_corrected_or_overturned_later() -> None:
    first: list[Fact] = [CLAIM, REMIT, denial(cents=4_000, reasons=(Refused(1, "coding_bundling", "4", 4_000),))]
    later: list[Fact] = [
        remit(2, 40, 8_000, services=("G0283", "A4550")),
        denial(version=2, is_active=False, cents=4_000, known_on=on(45)),
    ]
    told = outcomes(read([*first, *later]))
    assert [(each.episode, each.service, each.day) for each in told] == [(0, "G0283:59", on(20)), (0, "A4550", on(20))]
    assert all(each.reason == ("authorization", "") for each in told)  # the revision names no lines: the whole claim


def test_claims_without_an_answer_are_not_there() -> None:
    assert outcomes(read([CLAIM])) == []
    assert outcomes(read([])) == []


def test_what_is_asked_of_facts_comes_back_from_the_store() -> None:
    for fact in (CLAIM, REMIT, denial(reasons=(Refused(1, "coding_bundling", "4", 4_000),))):
        assert decode(encode(fact)) == fact


def test_a_line_says_when_its_claim_was_first_sent_where_that_is_known() -> None:
    corrected = claim(2, replaces=CLAIM.claim_id, frequency_code="7", known_on=on(5))
    assert {each.sent_on for each in outcomes(read([CLAIM, corrected, REMIT]))} == {CLAIM.known_on}
    late = replace(CLAIM, known_on=on(90))  # brought in after its answer
    assert {each.sent_on for each in outcomes(read([late, REMIT]))} == {None}
    assert {each.sent_on for each in outcomes(read([remit(claim_number=None)]))} == {None}
