"""What holds for every claim, whatever its codes: cents are conserved, order and splitting do not matter, no harmful answer."""

from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.classifier.decision import AdjudicatedClaim, Adjustment, Remark, classify
from services.classifier.facts import Context
from services.classifier.knowledge import ACTIONS, CATEGORIES, load

KNOWN = load()
CARCS = sorted(KNOWN.adjustment_codes)
RARCS = sorted(KNOWN.remark_codes)
REFUSALS = [code.code for code in KNOWN.adjustment_codes.values() if code.treatment == "refusal"]
NO_APPEAL = ["MA130", "N704", "N211", "MA44", "MA113"]
KINDS = ["medicare", "medicare_advantage", "medicaid", "commercial", "marketplace", "workers_comp", "auto_liability", "other"]

carcs = st.sampled_from(CARCS) | st.sampled_from(["16", "96", "A1", "97", "45", "50", "18", "29", "197", "204", "1", "2", "23"])
groups = st.sampled_from(["CO", "CO", "PR", "OA", "PI"])
facts = st.builds(
    Context,
    original_claim=st.sampled_from([None, "paid", "denied", "pending"]),
    authorization_on_file=st.sampled_from([None, True, False]),
    authorization_on_claim=st.sampled_from([None, True, False]),
    proof_of_timely_filing=st.sampled_from([None, True, False]),
    distinct_service=st.sampled_from([None, True, False]),
    capitated_contract=st.sampled_from([None, True, False]),
    eligibility_verified=st.sampled_from([None, True, False]),
)
adjustments = st.lists(
    st.builds(Adjustment, groups, carcs, st.integers(1, 100_000), st.none() | st.integers(1, 4)), min_size=1, max_size=5
).map(tuple)
remarks = st.lists(st.builds(Remark, st.sampled_from(RARCS), st.none() | st.integers(1, 4)), max_size=3).map(tuple)


@st.composite
def claims(draw: st.DrawFn) -> AdjudicatedClaim:
    """Draw a claim that balances, with known codes and positive amounts."""
    drawn = draw(adjustments)
    paid_cents = draw(st.just(0) | st.integers(1, 100_000))
    return AdjudicatedClaim(
        claim_status_code=draw(st.sampled_from(["1", "2", "3", "4", "19", "20", "23"])),
        charge_cents=paid_cents + sum(each.amount_cents for each in drawn),
        paid_cents=paid_cents,
        adjustments=drawn,
        rarcs=draw(remarks),
        claim_type=draw(st.sampled_from([None, "professional", "institutional", "dental"])),
        payer_kind=draw(st.none() | st.sampled_from(KINDS)),
        days_since_service=draw(st.none() | st.integers(0, 900)),
        context=draw(st.none() | facts),
    )


@dataclass(frozen=True)
class Essence:
    is_denial: bool
    category: str
    action: str
    denied_cents: int


def essence(claim: AdjudicatedClaim) -> Essence:
    judged = classify(claim)
    return Essence(judged.is_denial, judged.category, judged.action, judged.denied_cents)


@given(claims())
def test_every_refused_cent_is_in_exactly_one_reason(claim: AdjudicatedClaim) -> None:
    judged = classify(claim)
    assert sum(reason.amount_cents for reason in judged.reasons) == judged.denied_cents
    assert judged.is_denial == (judged.denied_cents > 0) == bool(judged.reasons)
    left = [(each.group_code, each.carc, each.amount_cents, each.line) for each in claim.adjustments]
    for reason in judged.reasons:
        left.remove((reason.group_code, reason.carc, reason.amount_cents, reason.line))


@given(claims())
def test_no_cent_of_a_refusing_code_is_lost(claim: AdjudicatedClaim) -> None:
    """A code that always refuses is in the reasons, except where a remark, a contract or an opposite amount says otherwise."""
    told = {"N620", "N365", "N617", "N45", "N14", "N699", "N807", "N656", "MA125"}
    assume(told.isdisjoint(remark.rarc for remark in claim.rarcs))
    assume(claim.context is None or not claim.context.capitated_contract)
    refused = sum(each.amount_cents for each in claim.adjustments if each.carc in REFUSALS)
    disguised = sum(
        each.amount_cents
        for each in claim.adjustments
        if (code := KNOWN.adjustment_codes[each.carc]).whole_category and not (each.group_code == "PR" and "PR" in code.groups)
    )
    whole = claim.paid_cents == 0 and disguised >= claim.charge_cents
    assert classify(claim).denied_cents == refused + (disguised if whole else 0)


@given(claims(), st.randoms(use_true_random=False))
def test_the_order_of_adjustments_does_not_matter(claim: AdjudicatedClaim, random: object) -> None:
    shuffled = list(claim.adjustments)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis hands over a random.Random
    assert essence(replace(claim, adjustments=tuple(shuffled))) == essence(claim)


@given(claims(), st.integers(2, 5))
def test_splitting_a_remit_into_lines_does_not_matter(claim: AdjudicatedClaim, pieces: int) -> None:
    whole = replace(
        claim,
        adjustments=tuple(replace(each, line=None) for each in claim.adjustments),
        rarcs=tuple(replace(each, line=None) for each in claim.rarcs),
    )
    split = [
        Adjustment(each.group_code, each.carc, cents, line)
        for each in whole.adjustments
        for line, cents in enumerate(portions(each.amount_cents, pieces), start=1)
    ]
    assert essence(replace(whole, adjustments=tuple(split))) == essence(whole)


def portions(cents: int, pieces: int) -> list[int]:
    return [cents // pieces + (1 if number < cents % pieces else 0) for number in range(pieces)]


@given(claims())
def test_a_claim_and_its_reversal_are_nothing(claim: AdjudicatedClaim) -> None:
    negated = tuple(replace(each, amount_cents=-each.amount_cents) for each in claim.adjustments)
    reversal = replace(
        claim, claim_status_code="22", charge_cents=-claim.charge_cents, paid_cents=-claim.paid_cents, adjustments=negated
    )
    assert essence(reversal) == Essence(False, "payment_recovery", "none", 0)
    both = classify(replace(claim, charge_cents=0, paid_cents=0, adjustments=claim.adjustments + negated))
    assert not both.is_denial
    assert both.denied_cents == 0


@given(claims())
def test_the_patient_is_billed_for_group_pr_alone(claim: AdjudicatedClaim) -> None:
    judged = classify(claim)
    if "bill_patient" in (judged.action, *judged.alternative_actions):
        assert any(each.group_code == "PR" for each in claim.adjustments)
        assert {"N842", "N781", "N782", "N783"}.isdisjoint(remark.rarc for remark in claim.rarcs)
    if judged.action == "bill_patient" and judged.is_denial:
        assert any(reason.group_code == "PR" and reason.category == judged.category for reason in judged.reasons)


@pytest.mark.parametrize("group", ["CO", "OA", "PI"])
def test_no_code_offers_to_bill_the_patient_outside_of_group_pr(group: str) -> None:
    """Of every code, as the action and as an alternative: a drawn claim meets a single code too seldom."""
    for carc in CARCS:
        judged = classify(AdjudicatedClaim("1", 10_000, 0, (Adjustment(group, carc, 10_000),)))
        assert "bill_patient" not in (judged.action, *judged.alternative_actions), carc


@given(claims(), st.sampled_from(NO_APPEAL), st.none() | st.integers(1, 4))
def test_without_a_right_nobody_appeals(claim: AdjudicatedClaim, rarc: str, line: int | None) -> None:
    judged = classify(replace(claim, rarcs=(*claim.rarcs, Remark(rarc, line))))
    assert "appeal" not in (judged.action, *judged.alternative_actions)


@given(claims())
def test_a_duplicate_of_a_paid_claim_is_never_sent_again(claim: AdjudicatedClaim) -> None:
    judged = classify(replace(claim, context=replace(claim.context or Context(), original_claim="paid")))
    if judged.category == "duplicate":
        assert judged.action != "correct_and_resubmit"


@given(st.lists(st.tuples(groups, st.sampled_from(["1", "2", "3", "23", "45", "253", "94", "104", "131"]), st.integers(1, 9_999))))
def test_price_share_and_balance_alone_are_no_denial(drawn: list[tuple[str, str, int]]) -> None:
    adjustments = tuple(Adjustment(*each) for each in drawn)
    stated = sum(each.amount_cents for each in adjustments)
    judged = classify(AdjudicatedClaim("1", stated + 5_000, 5_000, adjustments))
    assert (judged.is_denial, judged.kind, judged.denied_cents) == (False, "not_denial", 0)


@given(
    st.text(max_size=3),
    st.integers(-(10**15), 10**15),
    st.integers(-(10**15), 10**15),
    st.lists(
        st.tuples(st.text(max_size=4), st.text(max_size=6) | carcs, st.integers(-(10**15), 10**15), st.none() | st.integers(1))
    ),
    st.lists(st.tuples(st.text(max_size=6) | st.sampled_from(RARCS), st.none() | st.integers(1))),
)
def test_no_claim_is_an_error(
    status: str,
    charge_cents: int,
    paid_cents: int,
    drawn: list[tuple[str, str, int, int | None]],
    rarcs: list[tuple[str, int | None]],
) -> None:
    claim = AdjudicatedClaim(
        status, charge_cents, paid_cents, tuple(Adjustment(*each) for each in drawn), tuple(Remark(*each) for each in rarcs)
    )
    judged = classify(claim)
    assert judged.category in CATEGORIES
    assert judged.action in ACTIONS
    assert set(judged.alternative_actions) <= set(ACTIONS)
    assert judged.denied_cents >= 0
    assert judged.explanation.endswith(".")


@given(claims())
def test_the_same_claim_has_the_same_answer(claim: AdjudicatedClaim) -> None:
    assert classify(claim) == classify(replace(claim))


@given(claims())
def test_the_spelling_of_codes_does_not_matter(claim: AdjudicatedClaim) -> None:
    sloppy = replace(
        claim,
        adjustments=tuple(
            replace(each, group_code=f" {each.group_code.lower()}", carc=f"00{each.carc.lower()} ") for each in claim.adjustments
        ),
        rarcs=tuple(replace(each, rarc=f"{each.rarc.lower()} ") for each in claim.rarcs),
    )
    assert essence(sloppy) == essence(claim)
