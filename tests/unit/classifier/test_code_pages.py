"""A page about a code says what the decision does with it, in two languages, for every code there is."""

import pytest

from services.classifier.codes.pages import adjustment_page, remark_page
from services.classifier.decision import AdjudicatedClaim, Adjustment, classify
from services.classifier.judgement import KNOWLEDGE
from services.classifier.knowledge import ASKED as ASKED_FOR
from services.classifier.knowledge import CATEGORIES, AdjustmentCode, RemarkCode
from services.classifier.knowledge import CHECKLISTS as LOOKED_AT
from services.classifier.knowledge import EFFECTS as EFFECT_NAMES
from services.classifier.sentences import ASKED, CATEGORY_FR, CHECKLISTS, EFFECTS

CODES: list[AdjustmentCode | RemarkCode] = [*KNOWLEDGE.adjustment_codes.values(), *KNOWLEDGE.remark_codes.values()]


def test_every_code_has_a_page() -> None:
    assert all(adjustment_page(code) is not None for code in KNOWLEDGE.adjustment_codes)
    assert all(remark_page(code) is not None for code in KNOWLEDGE.remark_codes)


@pytest.mark.parametrize(("spelled", "code"), [("045", "45"), (" b7 ", "B7"), ("0016", "16")])
def test_any_spelling_finds_the_code(spelled: str, code: str) -> None:
    page = adjustment_page(spelled)
    assert page is not None
    assert page.code.code == code


def test_an_unknown_code_has_no_page() -> None:
    assert adjustment_page("N290") is None
    assert remark_page("45") is None
    assert remark_page("ZZ") is None


def test_a_page_tells_what_the_decision_does() -> None:
    page = adjustment_page("197")
    assert page is not None
    judged = dict(page.by_group)
    claim = AdjudicatedClaim("1", 20_000, 10_000, (Adjustment("CO", "197", 10_000),))
    assert judged["CO"] == classify(claim)


def test_a_page_lists_the_remarks_that_turn_the_outcome() -> None:
    page = adjustment_page("16")
    assert page is not None
    told = {each.code: each.judged for each in page.with_remarks}
    assert told["N290"].action == "correct_and_resubmit"
    assert told["MA130"].kind == "rejection"
    beside = remark_page("N290")
    assert beside is not None
    assert "16" in {each.code for each in beside.beside}


def test_a_price_that_takes_the_whole_charge_is_told_apart() -> None:
    page = adjustment_page("45")
    assert page is not None
    assert page.whole is not None
    assert page.whole.is_denial
    assert not any(judged.is_denial for _, judged in page.by_group)


def test_every_meaning_is_there_in_both_languages_and_differs() -> None:
    assert [code.code for code in CODES if not 3 < len(code.meaning_fr) < 160 or code.meaning_fr == code.meaning] == []


def test_every_word_that_a_page_needs_is_there() -> None:
    assert set(CHECKLISTS) == LOOKED_AT
    assert set(ASKED) == ASKED_FOR
    assert set(EFFECTS) == EFFECT_NAMES
    assert set(CATEGORY_FR) == set(CATEGORIES)
