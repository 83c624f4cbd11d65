"""Who is insured: members of a payer by number, each the same person every time; some have a child treated under their name."""

from datetime import date, timedelta
from typing import Final

from libs.synthetic.payers import Payer
from libs.x12.claim import Address, Person

MEMBERS: Final = 5_000  # of each payer
_BORN_FROM = date(1938, 1, 1)
_BORN_DAYS = 23_000
_CHILD_BORN_FROM = date(2009, 1, 1)
_CHILD_BORN_DAYS = 6_000
_FAMILIES = frozenset({"12", "CI", "HM"})  # claim filing codes of payers that insure families
_WITH_CHILD = 5
_SPREAD = 7_919  # a prime: neighbours in number share nothing else
CHILD: Final = "19"  # PAT01


def member(payer: Payer, number: int) -> Person:
    """Return a member as a claim of his own tells of him."""
    return Person(
        last_name=f"FAMILY{number:04d}",
        first_name=f"GIVEN{number % 97:02d}",
        id_qualifier="MI",
        member_id=f"{payer.prefix}{number * _SPREAD + 100_003:09d}",
        birth_on=_BORN_FROM + timedelta(days=number * _SPREAD % _BORN_DAYS),
        sex="FM"[number % 2],
        address=Address(f"{number % 900 + 1} MAPLE STREET", "", "RIVERBEND", "OH", f"{45000 + number % 90}"),
    )


def child(payer: Payer, number: int) -> Person | None:
    """Return the child that this member's claims are for, if any."""
    if payer.claim_filing_code not in _FAMILIES or number % _WITH_CHILD:
        return None
    return Person(
        last_name=f"FAMILY{number:04d}",
        first_name=f"GIVEN{(number + 41) % 97:02d}",
        birth_on=_CHILD_BORN_FROM + timedelta(days=number * _SPREAD % _CHILD_BORN_DAYS),
        sex="FM"[number // 2 % 2],
        address=Address(f"{number % 900 + 1} MAPLE STREET", "", "RIVERBEND", "OH", f"{45000 + number % 90}"),
    )


def group_number(payer: Payer, number: int) -> str:
    return f"{payer.prefix}{number % 23:03d}"
