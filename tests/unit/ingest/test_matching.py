"""Which claim a remit answers: by score over all that both sides say, whatever the order of candidates."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.common.contracts.remit_received import RemitReceivedV1, ServiceLine, Totals
from libs.common.ids import claim_key
from services.ingest.line_matching import BilledLine
from services.ingest.matching import EVIDENCE, MARGIN, POSSIBLE, SURE, Answer, Billed, adds_up, judge

DAY = date(2026, 1, 5)
LINES = (
    BilledLine(1, "G0283", ("GP",), "", 6000, DAY, "A1"),
    BilledLine(2, "A4253", ("NU", "KX"), "", 4000, DAY, ""),
)


def billed(pcn: str = "PCN-0001", **more) -> Billed:
    claim = Billed(
        claim_id=uuid4(), claim_key=claim_key("local", pcn), patient_control_number=pcn, payer_claim_control_number="",
        original_payer_claim_control_number="", payer_id="PAYER1", payer_name="PAYER", payer_sequence="P",
        billing_npi="1999999984", rendering_npi="", frequency_code="1", charge_cents=10000, service_from_on=DAY,
        service_to_on=DAY, lines=LINES,
    )  # fmt: skip
    return replace(claim, **more)


def line(number: int, code: str, charge: int, *modifiers: str, **more) -> ServiceLine:
    return ServiceLine(number, charge, charge, procedure_code=code, modifiers=modifiers, **{"service_on": DAY} | more)


def answer(pcn: str = "PCN-0001", *, icn: str = "ICN1", status: str = "1", extra: dict | None = None, **more) -> Answer:
    told = RemitReceivedV1(
        remit_id=uuid4(), remittance_id=uuid4(), interchange_id=uuid4(), claim_key=claim_key("local", pcn),
        patient_control_number=pcn, payer_claim_control_number=icn, payer_id="1999999999", payer_name="Payer",
        payment_on=date(2026, 2, 1), received_at=datetime(2026, 2, 2, tzinfo=UTC), claim_status_code=status, charge_cents=10000,
        paid_cents=10000, adjustments=(), totals=Totals(0, {}, 0), service_from_on=DAY, service_to_on=DAY,
        lines=(line(1, "G0283", 6000, "GP"), line(2, "A4253", 4000, "NU", "KX")),
    )  # fmt: skip
    return Answer(replace(told, **more), payee_npi="1999999984", **extra or {})


def names(verdict) -> list[str]:
    return [each.name for each in verdict.differences]


def test_what_is_alike_in_all_is_matched_without_differences() -> None:
    claim = billed()
    verdict = judge(answer(), [claim])
    assert (verdict.result, verdict.claim_id, names(verdict)) == ("matched", claim.claim_id, [])


@pytest.mark.parametrize(
    ("remit", "claim", "difference"),
    [
        (answer(charge_cents=9000), billed(), "charge"),
        (answer(service_from_on=date(2026, 1, 4)), billed(), "service_days"),
        (answer(payer_name="OTHER"), billed(), "payer"),
        (answer(extra={"rendering_npi": "1888888885"}), billed(rendering_npi="1999999984"), "rendering_provider"),
        (answer(lines=(line(1, "G0283", 6000, "GP"), line(2, "A4253", 4000, "NU"))), billed(), "modifier_dropped"),
        (answer(lines=(line(1, "G0283", 6000, "GP"), line(2, "J1885", 4000))), billed(), "procedure_changed"),
        (answer(lines=(line(1, "G0283", 6000, "GP"),)), billed(), "line_missing"),
        (answer("PCN-0001X2345678901"), billed("pcn-0001x23456789012345"), "account_number"),
        (answer(icn="PCN-0001", patient_control_number="ICN1"), billed(), "account_number_swapped"),
    ],
)  # fmt: skip
def test_what_differs_is_named_and_matched_all_the_same(remit: Answer, claim: Billed, difference: str) -> None:
    verdict = judge(remit, [claim])
    assert (verdict.result, verdict.claim_id) == ("matched_with_differences", claim.claim_id)
    assert difference in names(verdict)


def test_an_account_number_that_was_used_again_for_something_else_is_no_match() -> None:
    other = billed(service_from_on=date(2024, 5, 1), service_to_on=date(2024, 5, 1), charge_cents=777, lines=(
        BilledLine(1, "J1885", (), "", 777, date(2024, 5, 1), ""),
    ))  # fmt: skip
    verdict = judge(answer(), [other])
    assert (verdict.result, verdict.claim_id, verdict.candidates) == ("unmatched", None, ())
    assert judge(answer(), [other, claim := billed()]).claim_id == claim.claim_id


def test_equal_claims_are_ambiguous_and_the_payers_number_tells_them_apart() -> None:
    one, other = billed(), billed()
    verdict = judge(answer(), [one, other])
    assert (verdict.result, verdict.claim_id) == ("ambiguous", None)
    assert {each.claim_id for each in verdict.candidates} == {one.claim_id, other.claim_id}
    known = replace(other, payer_claim_control_number="ICN1")
    assert judge(answer(), [one, known]).claim_id == other.claim_id
    referred = replace(one, payer_claim_control_number="OLD")
    assert judge(answer(extra={"original_reference": "OLD"}), [referred, other]).claim_id == one.claim_id


def test_a_match_stays_when_an_equal_claim_comes_and_moves_when_a_better_one_does() -> None:
    first, equal = billed(), billed()
    assert judge(answer(), [equal, first], first.claim_id).claim_id == first.claim_id
    poor = billed(charge_cents=500, service_from_on=date(2026, 1, 4), service_to_on=date(2026, 1, 6))
    assert judge(answer(), [poor, first], poor.claim_id).claim_id == first.claim_id


def test_the_payers_number_alone_finds_a_claim_of_another_account() -> None:
    claim = billed("ELSEWHERE", payer_claim_control_number="ICN1")
    verdict = judge(answer("GARBLED"), [claim])
    assert (verdict.result, verdict.claim_id, names(verdict)) == ("matched_with_differences", claim.claim_id, ["account_number"])


def test_a_replacement_is_told_from_its_original_by_the_frequency_and_primary_from_secondary_by_the_status() -> None:
    original, replacement = billed(), billed(frequency_code="7")
    assert judge(answer(extra={"frequency_code": "7"}), [original, replacement]).claim_id == replacement.claim_id
    primary, secondary = billed(), billed(payer_sequence="S", payer_name="SECOND", payer_id="P2")
    assert judge(answer(), [primary, secondary]).claim_id == primary.claim_id
    assert judge(answer(status="2", payer_name="SECOND"), [primary, secondary]).claim_id == secondary.claim_id
    assert judge(answer(status="2", payer_name="SECOND"), [primary]).claim_id == primary.claim_id


def test_a_reversal_finds_what_its_original_found() -> None:
    claim, void = billed(), billed(frequency_code="8")
    lines = (line(1, "G0283", -6000, "GP"), line(2, "A4253", -4000, "NU", "KX"))
    verdict = judge(answer(status="22", charge_cents=-10000, paid_cents=-10000, lines=lines), [claim, void])
    assert (verdict.result, verdict.claim_id) == ("matched", claim.claim_id)


def test_a_part_of_a_claim_is_one_and_parts_add_up() -> None:
    claim = billed()
    part = judge(answer(charge_cents=6000, lines=(line(1, "G0283", 6000, "GP"),)), [claim])
    assert (part.claim_id, names(part)) == (claim.claim_id, ["part_of_claim"])
    assert adds_up(10000, [6000, 4000])
    assert not adds_up(10000, [6000])


def test_every_weight_says_why() -> None:
    assert all(each.why for each in EVIDENCE.values())
    assert MARGIN < POSSIBLE < SURE


pcns = st.sampled_from(["PCN-0001", "pcn0001", "OTHER", "ICN1", ""])
claims = st.builds(
    billed,
    pcn=pcns,
    payer_claim_control_number=st.sampled_from(["", "ICN1", "ICN2"]),
    original_payer_claim_control_number=st.sampled_from(["", "OLD"]),
    charge_cents=st.sampled_from([10000, 6000, 1]),
    service_from_on=st.sampled_from([DAY, date(2026, 1, 9), None]),
    frequency_code=st.sampled_from(["1", "7", "8"]),
    lines=st.sampled_from([LINES, LINES[:1], ()]),
)
remits = st.builds(
    answer,
    pcn=pcns,
    icn=st.sampled_from(["", "ICN1", "PCN-0001"]),
    status=st.sampled_from(["1", "2", "22"]),
    charge_cents=st.sampled_from([10000, 6000, -10000]),
    extra=st.sampled_from([{}, {"original_reference": "OLD"}, {"frequency_code": "7"}]),
)


@given(remits, st.lists(claims, max_size=5), st.randoms())
def test_the_order_of_candidates_changes_nothing(remit: Answer, candidates: list[Billed], random) -> None:
    shuffled = random.sample(candidates, len(candidates))
    assert judge(remit, shuffled) == judge(remit, candidates)


@given(remits, st.lists(claims, max_size=4))
def test_an_unrelated_claim_changes_nothing(remit: Answer, candidates: list[Billed]) -> None:
    unrelated = billed("NOTHING-OF-IT", payer_claim_control_number="NONE", original_payer_claim_control_number="NEITHER")
    assert judge(remit, [unrelated, *candidates]) == judge(remit, candidates)


@given(remits, st.lists(claims, max_size=4))
def test_equal_claims_are_never_told_apart(remit: Answer, candidates: list[Billed]) -> None:
    verdict = judge(remit, candidates)
    if verdict.claim_id is not None:
        chosen = next(each for each in candidates if each.claim_id == verdict.claim_id)
        assert judge(remit, [*candidates, replace(chosen, claim_id=UUID(int=1))]).result == "ambiguous"
