"""What all writers share: segments, composites, amounts and the envelope, in one set of delimiters.

X12 knows no escape: a value that holds a delimiter, or is not latin-1, is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from libs.x12.model import Adjustment

ELEMENT, COMPONENT, TERMINATOR = "*", ":", "~"
_TRIPLES_A_SEGMENT = 6
_CONTROL_NUMBER_MAX = 999_999_999
_PARTY_LENGTH = 15


def envelope(
    groups: Iterable[tuple[str, str, Iterable[list[str]]]],
    *,
    sender_id: str,
    receiver_id: str,
    control_number: int,
    created_at: datetime,
    line_end: str = "",
) -> Iterator[bytes]:
    """Yield the bytes of one interchange, transaction by transaction.

    Shape: groups of (functional id, version, transactions); a transaction is its segments from ST on, without SE, and its ST02 is
    filled in where it is empty.
    Errors: ValueError when a party or the control number does not fit the header.
    """
    if not 0 <= control_number <= _CONTROL_NUMBER_MAX or max(len(sender_id), len(receiver_id)) > _PARTY_LENGTH:
        raise ValueError("a party or the control number does not fit the interchange header")
    end = TERMINATOR + line_end
    day, time = created_at.strftime("%y%m%d"), created_at.strftime("%H%M")
    header = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sender_id:<15}", "ZZ", f"{receiver_id:<15}",
        day, time, "^", "00501", f"{control_number:09d}", "0", "P", COMPONENT,
    ]  # fmt: skip
    yield encode([segment(*header)], end)
    number = 0
    for number, (functional_id, version, transactions) in enumerate(groups, start=1):
        control = str(control_number + number - 1)
        yield encode(
            [segment("GS", functional_id, sender_id, receiver_id, f"{created_at:%Y%m%d}", time, control, "X", version)], end
        )
        count = 0
        for count, segments in enumerate(transactions, start=1):
            opening = segments[0].split(ELEMENT)
            set_control = opening[2] if len(opening) > 2 and opening[2] else f"{count:04d}"  # noqa: PLR2004
            opened = segment(*opening[:2], set_control, *opening[3:])
            yield encode([opened, *segments[1:], segment("SE", str(len(segments) + 1), set_control)], end)
        yield encode([segment("GE", str(count), control)], end)
    yield encode([segment("IEA", str(number), f"{control_number:09d}")], end)


def encode(segments: Sequence[str], end: str) -> bytes:
    return (end.join(segments) + end).encode("latin-1")


def segment(*elements: str) -> str:
    """Return one segment without its empty tail. Errors: ValueError when an element cannot stand in a file."""
    for element in elements:
        if ELEMENT in element or TERMINATOR in element or not element.isprintable():
            raise ValueError("an element holds a delimiter or a control character")
    return ELEMENT.join(elements).rstrip(ELEMENT)


def composite(*parts: str) -> str:
    """Return one composite element without its empty tail."""
    if any(COMPONENT in part for part in parts):
        raise ValueError("a component holds a delimiter")
    return COMPONENT.join(parts).rstrip(COMPONENT)


def amount(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"


def day(value: date) -> str:
    return f"{value:%Y%m%d}"


def period(segment_id: str, qualifier: str, from_on: date, to_on: date | None) -> str:
    """Return a DTP of a day, or of a range."""
    if to_on is None:
        return segment(segment_id, qualifier, "D8", day(from_on))
    return segment(segment_id, qualifier, "RD8", f"{day(from_on)}-{day(to_on)}")


def kept(segments: Iterable[str], separator: str, component: str | None = None) -> Iterator[str]:
    """Write segments that were kept as they were, in the writer's delimiters."""
    for each in segments:
        text = each.replace(component, COMPONENT) if component else each
        yield segment(*text.split(separator))


def adjustments(items: Sequence[Adjustment]) -> Iterator[str]:
    """Write adjustments in order; neighbours of one group share a segment, up to six."""
    start = 0
    while start < len(items):
        group_code = items[start].group_code
        end = start + 1
        while end < len(items) and end - start < _TRIPLES_A_SEGMENT and items[end].group_code == group_code:
            end += 1
        elements = ["CAS", group_code]
        for item in items[start:end]:
            elements += [item.carc, amount(item.amount_cents), item.quantity or ""]
        yield segment(*elements)
        start = end
