"""Amounts in every spelling that payers use, and in those that are none."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.x12.money import MAX_CENTS, parse_amount
from tests.unit.x12 import build
from tests.unit.x12.build import claims, codes, encode, read


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("215", 21500),
        (".5", 50),
        ("5.", 500),
        ("0", 0),
        ("-0", 0),
        ("-12.30", -1230),
        ("+12.3", 1230),
        ("007.10", 710),
        (".05", 5),
        ("-.01", -1),
        ("999999999.99", MAX_CENTS - 1),
        ("99999999.99", 9999999999),
    ],
)
def test_an_amount_in_any_usual_spelling_is_its_cents_and_no_problem(text: str, cents: int) -> None:
    assert parse_amount(text) == (cents, None)


@pytest.mark.parametrize(
    ("text", "cents", "problem"),
    [("12.300", 1230, "amount_precision"), ("1.0000000", 100, "amount_precision"), (" 12.5 ", 1250, "amount_blanks")],
)
def test_an_odd_spelling_is_read_and_said(text: str, cents: int, problem: str) -> None:
    assert parse_amount(text) == (cents, problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("12.345", "amount_too_precise"),
        (".001", "amount_too_precise"),
        ("1000000000", "amount_too_large"),
        ("9" * 5000, "amount_too_large"),
        ("1e5", "bad_amount"),
        ("NaN", "bad_amount"),
        ("Infinity", "bad_amount"),
        ("TEN DOLLARS", "bad_amount"),
        ("1,234.50", "bad_amount"),
        ("$5", "bad_amount"),
        ("1.2.3", "bad_amount"),
        ("--5", "bad_amount"),
        ("5-", "bad_amount"),
        ("-", "bad_amount"),
        (".", "bad_amount"),
        ("", "bad_amount"),
        (" ", "bad_amount"),
        ("1_000", "bad_amount"),
        ("\xb2", "bad_amount"),
        ("1 000", "bad_amount"),
    ],
)
def test_what_is_no_amount_is_never_taken_for_one(text: str, problem: str) -> None:
    assert parse_amount(text) == (None, problem)


@given(st.decimals(min_value=-(10**8), max_value=10**8, places=2, allow_nan=False))
def test_cents_are_exact(amount: Decimal) -> None:
    assert parse_amount(f"{amount:f}") == (int(amount * 100), None)


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_a_problem(text: str) -> None:
    amount = parse_amount(text)
    assert amount.cents is not None or amount.problem is not None


def test_every_spelling_counts_in_the_balance_of_a_claim() -> None:
    body = ["CLP*A*1*100*80.", "CAS*CO*45*.5**97*+1**B7*-1.50", "SVC*HC:G0283*100.00*080", "CAS*PR*3*20.0"]
    items = read(encode(build.one(*body)))
    assert [remit.difference_cents for remit in claims(items)] == [0]
    assert codes(items) == []


def test_an_odd_spelling_is_said_each_time_it_occurs() -> None:
    body = ["CLP*A*1*100.000*80", "CAS*CO*45*20", "CLP*B*1*100.000*80", "CAS*CO*45*20"]
    assert codes(read(encode(build.one(*body)))).count("amount_precision") == 2
