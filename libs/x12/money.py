"""Amounts as X12 spells them (`215`, `.5`, `5.`, `-12.30`) to integer cents, exactly; no float on the way."""

from typing import NamedTuple

MAX_CENTS = 10**11  # a billion dollars: ten times what ten digits say, and what no file that is let in can sum beyond 64 bits


class Amount(NamedTuple):
    """`cents` is None when the text is no amount; `problem` then says why, or what was odd about a readable one."""

    cents: int | None
    problem: str | None


def parse_amount(text: str) -> Amount:
    """Read one amount.

    Problems that leave none: bad_amount, amount_too_precise, amount_too_large. Problems of spelling only: amount_precision (zeros
    beyond the cent), amount_blanks.
    """
    bare = text.strip(" ")
    if bare != text:
        amount = parse_amount(bare)
        return amount if amount.cents is None else Amount(amount.cents, "amount_blanks")
    body = text[1:] if text[:1] in ("-", "+") else text
    whole, _, fraction = body.partition(".")
    digits = whole + fraction
    # isdecimal and isascii: no exponent, no NaN, no superscript digits
    if not digits or not digits.isdecimal() or not digits.isascii():
        return Amount(None, "bad_amount")
    if fraction[2:].strip("0"):
        return Amount(None, "amount_too_precise")
    if len(whole) > 18:  # noqa: PLR2004 - longer than any number X12 allows
        return Amount(None, "amount_too_large")
    cents = int(whole or "0") * 100 + int((fraction + "00")[:2])
    if cents >= MAX_CENTS:
        return Amount(None, "amount_too_large")
    return Amount(-cents if text[0] == "-" else cents, "amount_precision" if len(fraction) > 2 else None)  # noqa: PLR2004
