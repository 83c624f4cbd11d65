"""A tenant's rules change what they name and nothing else, the same for ever; what would do harm is refused or has no effect."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classifier.decision import AdjudicatedClaim, Adjustment, Classification, Remark, classify
from services.classifier.facts import Context
from services.classifier.judgement import KNOWLEDGE
from services.classifier.knowledge import ACTIONS, CATEGORIES, NOT_REFUSED
from services.classifier.rules.checking import conflicts, faults
from services.classifier.rules.model import Rule, RuleSet, Then, When

DAY = date(2026, 3, 1)
ENROLLMENT = Then(category="provider_enrollment", action="contact_payer")


def rule(name: str = "one", then: Then = ENROLLMENT, begins: date = DAY, ends: date | None = None, **when: Any) -> Rule:
    return Rule(name, "a bulletin", When(**when), then, begins, ends)


def judged(  # one refused line under one code
    *rules: Rule, group: str = "CO", carc: str = "16", rarcs: tuple[str, ...] = (), payer: str = "P1", day: date = DAY, **rest: Any
) -> Classification:
    claim = AdjudicatedClaim("1", 9_000, 0, (Adjustment(group, carc, 9_000, 1),), tuple(map(Remark, rarcs)), **rest)
    return classify(claim, RuleSet(1, rules).scope(payer, claim.payer_kind, claim.claim_type, day))


def test_a_rule_sets_category_and_action_where_it_holds() -> None:
    mine = rule(payer_id="P1", group_code="CO", carc="16", rarc="N290")
    told = judged(mine, rarcs=("N290",))
    assert (told.category, told.action) == ("provider_enrollment", "contact_payer")
    assert {"tenant_rule", "tenant:one"} <= set(told.rules)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"payer": "P2"},
        {"rarcs": ("N382",)},
        {"group": "PR"},
        {"carc": "252"},
        {"day": date(2026, 2, 28)},
        {"day": date(2026, 3, 4)},
    ],
)
def test_a_rule_changes_nothing_elsewhere(elsewhere: dict[str, Any]) -> None:
    mine = rule(payer_id="P1", group_code="CO", carc="16", rarc="N290", ends=date(2026, 3, 3))
    asked = {"rarcs": ("N290",)} | elsewhere
    assert judged(mine, **asked) == judged(**asked)


def test_a_code_can_be_read_as_another() -> None:
    local = rule("local", Then(treat_as="197"), payer_id="P1", carc="L77")
    told = judged(local, carc="L77")
    assert (told.category, told.action) == ("authorization", judged(carc="197").action)
    assert told.reasons[0].carc == "L77"
    assert "tenant:local" in told.rules


def test_the_more_exact_rule_wins_then_the_first() -> None:
    wide = rule("wide", carc="16", rarc="N290")
    exact = rule("exact", Then(category="other", action="contact_payer"), payer_id="P1", carc="16", rarc="N290")
    equal = rule("equal", Then(category="eligibility_coverage", action="contact_payer"), payer_id="P1", carc="16", rarc="N290")
    assert judged(wide, exact, equal, rarcs=("N290",)).category == "other"
    assert judged(wide, equal, exact, rarcs=("N290",)).category == "eligibility_coverage"
    told = conflicts([wide, exact, equal])
    assert {(each.rules, each.wins, each.because) for each in told} == {
        (("wide", "exact"), "exact", "it is more exact"),
        (("wide", "equal"), "equal", "it is more exact"),
        (("exact", "equal"), "exact", "it stands first"),
    }


def test_rules_that_cannot_meet_are_no_conflict() -> None:
    other = Then(category="other", action="contact_payer")
    apart = [rule("a", payer_id="P1", carc="16"), rule("b", other, payer_id="P2", carc="16")]
    later = [
        rule("a", payer_id="P1", carc="16", ends=date(2026, 3, 2)),
        rule("b", other, date(2026, 3, 3), payer_id="P1", carc="16"),
    ]
    assert conflicts(apart) == conflicts(later) == []


REFUSED: dict[str, tuple[list[Rule], str]] = {
    "no code": ([rule(payer_id="P1")], "swallow everything"),
    "an alert alone": ([rule(payer_id="P1", rarc="MA01")], "swallow them all"),
    "a code that says nothing, for every payer": ([rule(carc="16")], "swallow them all"),
    "a limit for every payer": ([rule(then=Then(limit="appeal", days=9, counted_from="payment_on"))], "swallow everything"),
    "a ring of two": (
        [rule("a", Then(treat_as="226"), payer_id="P1", carc="16"), rule("b", Then(treat_as="16"), carc="226", rarc="N290")],
        "loop",
    ),
    "a code read as itself": ([rule(then=Then(treat_as="197"), carc="197")], "loop"),
    "every code read as one": ([rule(then=Then(treat_as="197"), rarc="N290")], "loop"),
    "two things": ([rule(then=Then(category="other", action="appeal", treat_as="197"), carc="50")], "one thing"),
    "nothing": ([rule(then=Then(), carc="50")], "one thing"),
    "a category alone": ([rule(then=Then(category="other"), carc="50")], "go together"),
    "no refusal": ([rule(then=Then(category="contractual", action="write_off"), carc="50")], "none of a refusal"),
    "nothing to do": ([rule(then=Then(category="other", action="none"), carc="50")], "none of the list"),
    "a patient billed under CO": (
        [rule(then=Then(category="other", action="bill_patient"), carc="50", group_code="CO")],
        "PR alone",
    ),
    "a patient billed under any": ([rule(then=Then(category="other", action="bill_patient"), carc="50")], "PR alone"),
    "a duplicate sent again": ([rule(then=Then(category="duplicate", action="correct_and_resubmit"), carc="97")], "never sent"),
    "a duplicate under another name": ([rule(carc="18")], "another name"),
    "a duplicate read as another": ([rule(then=Then(treat_as="16"), payer_id="P1", carc="18")], "another name"),
    "read as a price": ([rule(then=Then(treat_as="45"), carc="50")], "in force that refuses"),
    "of a code that is no refusal": ([rule(carc="1")], "no refusal"),
    "one name twice": ([rule(carc="50"), rule(carc="4")], "two rules"),
    "an end before the beginning": ([rule(carc="50", ends=date(2026, 1, 1))], "before it begins"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_set_that_does_harm_or_nothing_is_refused(name: str) -> None:
    rules, told = REFUSED[name]
    assert any(told in fault.problem for fault in faults(rules, KNOWLEDGE)), faults(rules, KNOWLEDGE)


def test_a_plain_set_is_taken() -> None:
    chain = [rule("a", Then(treat_as="226"), payer_id="P1", carc="L1"), rule("b", payer_id="P1", carc="226")]
    assert faults(chain, KNOWLEDGE) == []
    assert judged(*chain, carc="L1").category == "provider_enrollment"


codes = st.sampled_from(sorted(KNOWLEDGE.adjustment_codes))
remarks = st.sampled_from(["N290", "N842", "MA130", "N211", "N704", "N522", "N115", "N782", "M127", "MA01", "N382"])
groups = st.sampled_from(["CO", "PR", "OA", "PI"])
thens = st.one_of(
    st.builds(
        lambda category, action: Then(category=category, action=action),
        st.sampled_from([each for each in CATEGORIES if each not in NOT_REFUSED]),
        st.sampled_from([each for each in ACTIONS if each != "none"]),
    ),
    st.builds(lambda code: Then(treat_as=code), codes),
)
whens = st.builds(
    When,
    payer_id=st.sampled_from([None, "P1"]),
    group_code=st.one_of(st.none(), groups),
    carc=st.one_of(st.none(), codes),
    rarc=st.one_of(st.none(), remarks),
)
rule_sets = (
    st.lists(st.tuples(whens, thens), max_size=6)
    .map(lambda parts: [Rule(f"r{place}", "a bulletin", when, then, DAY) for place, (when, then) in enumerate(parts)])
    .map(lambda rules: [each for each in rules if not faults([each], KNOWLEDGE)])
)
contexts = st.one_of(st.none(), st.builds(Context, original_claim=st.sampled_from([None, "paid", "denied", "pending"])))
claims = st.builds(
    lambda lines, rarcs, context: AdjudicatedClaim(
        "1",
        sum(cents for *_, cents in lines) or 1,
        0,
        tuple(Adjustment(*line) for line in lines),
        tuple(map(Remark, rarcs)),
        context=context,
    ),
    st.lists(st.tuples(groups, codes, st.integers(1, 10**6)), min_size=1, max_size=4),
    st.lists(remarks, max_size=3),
    contexts,
)


@given(claims, rule_sets)
def test_no_rules_do_harm(claim: AdjudicatedClaim, rules: list[Rule]) -> None:
    plain = classify(claim)
    told = classify(claim, RuleSet(1, rules).scope("P1", None, None, DAY))
    assert told.is_denial == plain.is_denial
    assert told.denied_cents == plain.denied_cents == sum(reason.amount_cents for reason in told.reasons)
    effects = {KNOWLEDGE.remark_codes[each.rarc].effect for each in claim.rarcs}
    if told.is_denial and effects & {"no_appeal", "resubmit"}:
        assert "appeal" not in (told.action, *told.alternative_actions)
    if told.action == "bill_patient" and told.is_denial:
        assert "PR" in {each.group_code for each in claim.adjustments}
        assert not effects & {"never_patient", "never_patient_refused", "qmb"}
    if told.is_denial and {reason.category for reason in plain.reasons} == {"duplicate"}:
        assert {reason.category for reason in told.reasons} == {"duplicate"}
        assert told.action == plain.action


@given(claims, rule_sets, st.lists(claims, max_size=3))
def test_the_same_input_and_version_give_the_same_answer_whatever_was_judged_before(
    claim: AdjudicatedClaim, rules: list[Rule], others: list[AdjudicatedClaim]
) -> None:
    mine, again = RuleSet(1, rules), RuleSet(1, rules)
    first = classify(claim, mine.scope("P1", None, None, DAY))
    for other in others:
        classify(other, again.scope("P2", None, None, DAY))
        classify(other)
    assert classify(claim, again.scope("P1", None, None, DAY)) == first
