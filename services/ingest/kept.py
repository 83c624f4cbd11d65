"""What is kept of a claim, packed: all that was sent, patient data and all. Read whole, or its lines or diagnoses alone. Pure."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from libs.x12.claim import Claim
from services.ingest.line_matching import BilledLine
from services.ingest.packing import unpack


class _Lines(Struct, frozen=True, gc=False):
    lines: tuple[BilledLine, ...]


class _Diagnosed(Struct, frozen=True, gc=False):
    code: str


class _Pointing(Struct, frozen=True, gc=False):
    diagnosis_pointers: tuple[int, ...] = ()


class _Coded(Struct, frozen=True, gc=False):
    lines: tuple[_Pointing, ...] = ()
    diagnoses: tuple[_Diagnosed, ...] = ()


_claim = msgspec.json.Decoder(Claim).decode
_coded = msgspec.json.Decoder(_Coded).decode
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


def diagnoses_of(content: bytes) -> tuple[list[str], list[list[str]]]:
    """Return the diagnoses of the claim that a row holds, in order, and of each of its lines those that it points to."""
    told = _coded(unpack(content))
    codes = [each.code for each in told.diagnoses]
    pointed = [[codes[each - 1] for each in line.diagnosis_pointers if 1 <= each <= len(codes)] for line in told.lines]
    return codes, pointed
