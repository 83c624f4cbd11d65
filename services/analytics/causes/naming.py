"""The name of a root cause: its conditions and its category, written so that the name alone says what it is about."""

import base64
import binascii
from typing import Final

import msgspec
from msgspec import Struct

from services.analytics.causes.outcomes import DIMENSIONS

ID_LENGTH_MAX: Final = 1_000
_decoder: Final = msgspec.json.Decoder(tuple[str, tuple[tuple[str, str], ...]])


class Named(Struct, frozen=True):
    """What is refused, for which category. `conditions` are in the order of DIMENSIONS."""

    category: str
    conditions: tuple[tuple[str, str], ...]

    @property
    def told(self) -> dict[str, str]:
        return dict(self.conditions)


def write(named: Named) -> str:
    """Return the id of a cause."""
    body = msgspec.json.encode((named.category, named.conditions))
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def read(told: str) -> Named | None:
    """Return what an id is about; None where it is none."""
    if len(told) > ID_LENGTH_MAX or not told.isascii():
        return None
    try:
        category, conditions = _decoder.decode(base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    names = [name for name, _ in conditions]
    named = Named(category, conditions)
    is_one = category and names and names == [name for name in DIMENSIONS if name in names] and write(named) == told
    return named if is_one and "\0" not in str(named) else None
