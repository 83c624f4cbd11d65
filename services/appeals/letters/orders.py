"""What the press (press.py) is told to build and tells of it: two files between processes, and all that the worker knows of it."""

from typing import Final

from msgspec import Struct

from services.appeals.letters.facts import Exhibit, Sheet
from services.appeals.letters.packing import Limits
from services.appeals.letters.paragraphs import Paragraph

CPU_SECONDS: Final = 600


class Job(Struct, frozen=True):
    """What is to be built. The bytes of exhibit n lie in exhibit-n, the logo (or nothing) in `logo`."""

    sheet: Sheet
    paragraphs: tuple[Paragraph, ...]
    limits: Limits


class Place(Struct, frozen=True):
    """Where pages of an exhibit are: in which file, from which page of it on, and how many."""

    part: int
    first_page: int
    pages: int


class Placed(Exhibit, frozen=True):
    """One exhibit in the packet; without places it goes beside the files, as it is."""

    places: tuple[Place, ...] = ()


class Part(Struct, frozen=True):
    """One file of the packet."""

    part: int
    sha256: str
    size_bytes: int
    pages: int


class Result(Struct, frozen=True):
    """What was built, or why nothing was: `reason` is stable, `exhibit` says which one is to blame."""

    parts: tuple[Part, ...] = ()
    exhibits: tuple[Placed, ...] = ()
    letter_sha256: str = ""
    letter_pages: int = 0
    reason: str | None = None
    exhibit: int | None = None
