"""Which line of a claim an answered line is about: singly, split, unbundled, bundled, or not at all."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.remit_received import ServiceLine
from services.ingest import line_matching
from services.ingest.line_matching import BilledLine, match_lines

DAY = date(2026, 1, 5)


def own(line: int, code: str, charge: int, *modifiers: str, number: str = "", on: date = DAY) -> BilledLine:
    return BilledLine(line, code, modifiers, "", charge, on, number)


def told(line: int, code: str, charge: int, *modifiers: str, number: str | None = None, billed: str | None = None) -> ServiceLine:
    return ServiceLine(
        line, charge, charge, code, "HC", modifiers, original_procedure_code=billed, service_on=DAY, line_control_number=number
    )


def found(billed: list[BilledLine], answered: list[ServiceLine], sign: int = 1) -> tuple[list, list]:
    matches, differences = match_lines(billed, answered, sign)
    return [(each.line, each.claim_line, each.kind, each.how) for each in matches], [each.name for each in differences]


def test_the_providers_own_number_comes_first_whatever_the_order() -> None:
    lines, differences = found(
        [own(1, "G0283", 50, number="X1"), own(2, "G0283", 50, number="X2")],
        [told(1, "G0283", 50, number="X2"), told(2, "G0283", 50, number="X1")],
    )
    assert lines == [(1, 2, "single", "line_control_number"), (2, 1, "single", "line_control_number")]
    assert differences == []


def test_without_numbers_code_modifiers_day_and_charge_decide_then_code_and_charge() -> None:
    lines, differences = found(
        [own(1, "G0283", 50, "GP", on=date(2026, 1, 6)), own(2, "G0283", 50, "GP", "KX")],
        [told(1, "G0283", 50, "GP", "KX"), told(2, "G0283", 50)],
    )
    assert lines == [(1, 2, "single", "procedure_day_charge"), (2, 1, "single", "procedure_charge")]
    assert differences == ["line_day", "modifier_dropped"]


def test_a_line_that_is_split_adds_up_with_or_without_its_number() -> None:
    for number in ("X1", None):
        lines, differences = found(
            [own(1, "G0283", 90, number="X1"), own(2, "A4253", 10)],
            [told(1, "G0283", 60, number=number), told(2, "G0283", 30, number=number), told(3, "A4253", 10)],
        )
        assert [each[:3] for each in lines] == [(1, 1, "split"), (2, 1, "split"), (3, 2, "single")]
        assert differences == []


def test_an_unbundled_line_carries_the_whole_charge_once() -> None:
    lines, differences = found(
        [own(1, "G0283", 90, number="X1")],
        [told(1, "A4253", 90, number="X1", billed="G0283"), told(2, "A4259", 0, number="X1", billed="G0283")],
    )
    assert [each[2] for each in lines] == ["unbundled", "unbundled"]
    assert differences == []


def test_lines_paid_under_one_code_are_bundled_and_found_by_what_was_billed() -> None:
    lines, differences = found(
        [own(1, "A4253", 30), own(2, "A4259", 20)],
        [told(1, "G0283", 30, billed="A4253"), told(2, "G0283", 20, billed="A4259")],
    )
    assert [each[:3] for each in lines] == [(1, 1, "bundled"), (2, 2, "bundled")]
    assert differences == []


def test_place_is_the_last_resort_and_what_fits_nowhere_is_named() -> None:
    lines, differences = found([own(1, "G0283", 30)], [told(1, "J1885", 25)])
    assert lines == [(1, 1, "single", "place")]
    assert differences == ["line_charge", "procedure_changed"]
    lines, differences = found(
        [own(1, "G0283", 30), own(2, "A4253", 5), own(3, "A4259", 5)], [told(1, "G0283", 30), told(2, "J1885", 9)]
    )
    assert [each[2] for each in lines] == ["single", "unmatched"]
    assert differences == ["line_unknown", "line_missing", "line_missing"]


def test_a_reversal_is_read_with_its_signs_turned_and_a_claim_answered_without_lines_says_nothing_of_them() -> None:
    lines, differences = found([own(1, "G0283", 30)], [told(1, "G0283", -30)], -1)
    assert (lines, differences) == ([(1, 1, "single", "procedure_day_charge")], [])
    assert found([own(1, "G0283", 30)], []) == ([], [])


few = st.integers(1, 2)
owns = st.builds(
    lambda code, charge, number: (code, charge, number), st.sampled_from(["A4253", "G0283"]), few, st.sampled_from(["", "X", "Y"])
)


@given(st.lists(owns, min_size=1, max_size=3, unique_by=lambda each: each[2] or id(each)), st.booleans())
def test_the_short_way_for_lines_that_are_alike_finds_what_the_long_way_finds(lines, numbered) -> None:
    billed = [own(place, code, charge, number=number) for place, (code, charge, number) in enumerate(lines, 1)]
    answered = [
        told(place, code, charge, number=(number or None) if numbered else None)
        for place, (code, charge, number) in enumerate(lines, 1)
    ]
    short = match_lines(billed, answered)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_matching, "_alike", lambda *_: None)
        assert match_lines(billed, answered) == short
