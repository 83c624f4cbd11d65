"""A second, naive reading of an 835, for whole files in memory: what the system says is compared with this, which shares no code.

It knows nothing of positions, findings or streams; it splits, and adds up in Decimal.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

# What the refusals of the sample files are; every other code in them is a price, a patient's share or a balance.
REFUSALS = {"26", "29", "147", "176", "251", "909099"}
NO_ADJUDICATION = {"22", "25"}


@dataclass
class Claim:
    payer_id: str
    day: date | None
    status: str
    pcn: str
    control_number: str
    charge: Decimal
    paid: Decimal
    adjustments: list[tuple[str, str, Decimal]] = field(default_factory=list)

    @property
    def denied(self) -> Decimal:
        """A price cut that takes the whole charge is a refusal too; the sample files hold none."""
        if self.status in NO_ADJUDICATION:
            return Decimal(0)
        return sum((amount for _, carc, amount in self.adjustments if carc in REFUSALS), Decimal(0))


def segments_of(body: bytes) -> tuple[list[list[str]], str, str]:
    """Return segments as lists of elements, with the element separator and the terminator as they are written."""
    text = body.decode("latin-1")
    element = text[text.index("ISA") + 3]
    found = re.search(r"(.)([\r\n]*)GS" + re.escape(element), text, re.DOTALL)
    assert found is not None
    terminator = found.group(1)
    pieces = [piece.strip() for piece in text.split(terminator)]
    return [piece.split(element) for piece in pieces if piece], element, terminator


def claims_of(body: bytes) -> list[Claim]:
    """Return the claims of every 835 in a file."""
    claims: list[Claim] = []
    payer_id, day = "", None
    for each in segments_of(body)[0]:
        name, values = each[0], each[1:] + [""] * 20
        if name == "BPR":
            day, payer_id = _day(values[15]), ""
        elif name == "TRN":
            payer_id = values[2]
        elif name == "DTM" and values[0] == "405":
            day = day or _day(values[1])
        elif name == "CLP":
            claims.append(Claim(payer_id, day, values[1], values[0], values[6], _amount(values[2]), _amount(values[3])))
        elif name == "CAS":
            for place in range(1, 19, 3):
                if values[place]:
                    claims[-1].adjustments.append((values[0], values[place], _amount(values[place + 1])))
    return claims


def split(body: bytes) -> list[bytes]:
    """Return each transaction as a file of its own, the trailers as if nothing had happened."""
    segments, element, terminator = segments_of(body)
    names = [each[0] for each in segments]
    head = segments[: names.index("ST")]
    tail = segments[len(names) - names[::-1].index("SE") :]
    files, inside = [], []
    for each in segments[names.index("ST") : len(segments) - len(tail)]:
        inside.append(each)
        if each[0] == "SE":
            files.append(_join([*head, *inside, *tail], element, terminator))
            inside = []
    return files


def reordered(body: bytes) -> bytes:
    """Return the file with the claims of each transaction in reverse order."""
    segments, element, terminator = segments_of(body)
    turned: list[list[str]] = []
    loops: list[list[list[str]]] = []
    for each in segments:
        if each[0] == "CLP":
            loops.append([])
        elif each[0] in ("PLB", "SE"):
            turned += [segment for loop in reversed(loops) for segment in loop]
            loops = []
        (loops[-1] if loops else turned).append(each)
    return _join(turned, element, terminator)


def _join(segments: list[list[str]], element: str, terminator: str) -> bytes:
    return "".join(element.join(each) + terminator + "\n" for each in segments).encode("latin-1")


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text or 0)
    except InvalidOperation:
        return Decimal(0)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date, no time
    except ValueError:
        return None


def cents(amount: Decimal) -> int:
    return int(amount * 100)
