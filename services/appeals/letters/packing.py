"""How a packet is cut into the files that a payer takes. Pure: sizes in, pieces out."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

FILES_MAX, FILE_BYTES_MAX, TOTAL_BYTES_MAX = 10, 60 * 1024 * 1024, 600 * 1024 * 1024
PARTS_MAX: Final = 100


class Limits(Struct, frozen=True):
    """What a payer takes. The defaults are what large portals take, and keep the building of a file within bounds."""

    files_max: int = FILES_MAX
    file_bytes_max: int = FILE_BYTES_MAX
    total_bytes_max: int = TOTAL_BYTES_MAX


class Piece(Struct, frozen=True):
    """Pages `first` to before `end` (from 0) of one exhibit, in one file."""

    exhibit: int  # its place in the list that was cut
    first: int
    end: int


class CannotFit(Exception):  # noqa: N818 - the fact is the name
    """No cut satisfies the limits. `reason` is stable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_FRONT_BYTES: Final = 16 * 1024  # beside cover and letter: the bookmarks and what holds a file together


def cut(exhibits: Sequence[tuple[int, int]], limits: Limits, front_bytes: int, scale: float = 1.0) -> list[list[Piece]]:
    """Return the pieces of each file, in order. `exhibits` are (bytes, pages); `scale`: by how much merging makes them grow.

    Errors: CannotFit (`page_too_large`: one page is larger than a file may be).
    """
    room = limits.file_bytes_max - front_bytes - _FRONT_BYTES
    files: list[list[Piece]] = [[]]
    left = room
    for place, (size, pages) in enumerate(exhibits):
        needed = int(size * scale)
        if needed > left and files[-1]:
            files.append([])
            left = room
        if needed <= left:
            files[-1].append(Piece(place, 0, pages))
            left -= needed
            continue
        a_page = max(1, -(-needed // max(pages, 1)))
        at_once = max(room, 0) // a_page
        if at_once == 0:
            raise CannotFit("page_too_large")
        for first in range(0, pages, at_once):
            end = min(pages, first + at_once)
            if files[-1]:
                files.append([])
            files[-1].append(Piece(place, first, end))
            left = room - a_page * (end - first)
    return files
