"""The bare floor of reading an 835: split into segments, split into elements, integer cents, plain tuples, no checks at all.

It hands out what the reader hands out first of all (claims with their lines and adjustments) and finds nothing wrong in any file.
"""

from collections.abc import Iterator
from pathlib import Path

Adjustment = tuple[str, str, int]
Line = tuple[str, int, int, list[Adjustment]]
Claim = tuple[str, str, int, int, list[Adjustment], list[Line]]


def cents(text: str) -> int:
    sign = -1 if text[:1] == "-" else 1
    whole, _, fraction = text.lstrip("-").partition(".")
    return sign * (int(whole or 0) * 100 + int((fraction + "00")[:2]))


def claims(text: str) -> Iterator[Claim]:
    claim: Claim | None = None
    adjustments: list[Adjustment] = []
    for segment in text.split("~"):
        elements = segment.split("*")
        kind = elements[0]
        if kind == "CLP":
            if claim is not None:
                yield claim
            adjustments = []
            claim = (elements[1], elements[2], cents(elements[3]), cents(elements[4]), adjustments, [])
        elif kind == "SVC" and claim is not None:
            adjustments = []
            claim[5].append((elements[1], cents(elements[2]), cents(elements[3]), adjustments))
        elif kind == "CAS":
            for at in range(2, len(elements) - 1, 3):
                adjustments.append((elements[1], elements[at], cents(elements[at + 1])))
        elif kind == "AMT":
            cents(elements[2])
    if claim is not None:
        yield claim


def read(path: Path) -> tuple[int, int, int]:
    """Return (claims, paid cents, adjustment cents)."""
    count = paid_cents = adjustment_cents = 0
    for claim in claims(path.read_bytes().decode("latin-1")):
        count += 1
        paid_cents += claim[3]
        adjustment_cents += sum(item[2] for item in claim[4]) + sum(item[2] for line in claim[5] for item in line[3])
    return count, paid_cents, adjustment_cents
