"""What is kept of a claim, packed: all that was sent, patient data and all. Read whole, or its lines alone. Pure."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from libs.x12.claim import Claim
from services.ingest.line_matching import BilledLine
from services.ingest.packing import unpack


class _Lines(Struct, frozen=True, gc=False):
    lines: tuple[BilledLine, ...]


_claim = msgspec.json.Decoder(Claim).decode
_lines = msgspec.json.Decoder(_Lines).decode


def claim_of(content: bytes) -> Claim:
    """Return the claim that a row holds."""
    return _claim(unpack(content))


def lines_of(content: bytes) -> tuple[BilledLine, ...]:
    """Return the lines of the claim that a row holds, at a fifth of the cost of the whole; those without a number count from 1."""
    lines = _lines(unpack(content)).lines
    if all(each.line for each in lines):
        return lines
    return tuple(replace(each, line=each.line or place) for place, each in enumerate(lines, start=1))
