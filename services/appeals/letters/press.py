"""Builds a packet: a program of its own, so that what a large exhibit takes of memory is given back.

`python -m services.appeals.letters.press FOLDER` reads FOLDER/job.json and the exhibits beside it, and writes result.json and a
file for each part: part-1.pdf, part-2.pdf. The same job gives the same bytes.
"""

import hashlib
import io
import os
import sys
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from services.appeals.documents.confinement import confine
from services.appeals.letters import library
from services.appeals.letters.facts import Exhibit
from services.appeals.letters.language import day
from services.appeals.letters.orders import CPU_SECONDS, Job, Part, Place, Placed, Result
from services.appeals.letters.packing import CannotFit, Piece, cut
from services.appeals.letters.pages import IMAGES, PDF, Stamps, is_merged, picture_pages, text_of, written
from services.appeals.letters.typesetting import compile_pdf, enclosure, set_letter

MEMORY_BYTES: Final = 3 * 1024 * 1024 * 1024
_TRIES_MAX: Final = 3
_SLACK: Final = 1.05
_BROKEN: Final = (
    PyPdfError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
    zlib.error,
)  # of what is no PDF
_Files = Sequence[Sequence[Piece]]


class Unfit(Exception):  # noqa: N818 - the fact is the name
    """The packet cannot be built from this."""

    def __init__(self, reason: str, exhibit: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exhibit = exhibit


def main() -> None:
    confine(MEMORY_BYTES, CPU_SECONDS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Path(sys.argv[1])
    job = msgspec.json.decode((folder / "job.json").read_bytes(), type=Job)
    try:
        result = _Press(folder, job).build()
    except (Unfit, CannotFit) as error:
        result = Result(reason=error.reason, exhibit=getattr(error, "exhibit", None))
    except MemoryError:
        result = Result(reason="too_large_to_build")
    (folder / "result.json").write_bytes(msgspec.json.encode(result))


def _end_with_parent() -> None:
    """Wait for the end of standard input, which the worker holds open: killed, it takes this program with it."""
    os.read(0, 1)  # not sys.stdin, whose lock would be in the way of an orderly end
    os._exit(1)


class _Press:
    """One packet; it exists so that the steps share the job, its folder and the letter."""

    def __init__(self, folder: Path, job: Job) -> None:
        self._folder = folder
        self._job = job
        self._words = library.texts(job.sheet.language).words
        self._letter = set_letter(job.sheet, job.paragraphs, (folder / "logo").read_bytes())
        self._letter_pages = _count(self._letter)
        self._merged = [each for each in job.sheet.exhibits if is_merged(each.media_type, each.size_bytes)]
        self._paths = {each.number: self._as_pdf(each) for each in self._merged}
        self._pages = {each.number: _count_pages(self._paths[each.number], each.number) for each in self._merged}

    def _as_pdf(self, exhibit: Exhibit) -> Path:
        """Return a PDF of an exhibit. Errors: Unfit."""
        path = self._folder / f"exhibit-{exhibit.number}"
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != exhibit.sha256:
                raise Unfit("exhibit_changed", exhibit.number)
        if exhibit.media_type == PDF:
            return path
        made = self._folder / f"exhibit-{exhibit.number}.pdf"
        try:
            if exhibit.media_type in IMAGES:
                writer = PdfWriter()
                picture_pages(path, writer)
                made.write_bytes(written(writer))
            else:
                made.write_bytes(compile_pdf("plain.typ", {"text": text_of(path)}, self._job.sheet))
        except (OSError, ValueError) as error:
            raise Unfit("exhibit_unreadable", exhibit.number) from error
        return made

    def build(self) -> Result:
        """Cut, merge, and cut again where merging made a file larger than it may be. Errors: Unfit, CannotFit."""
        limits = self._job.limits
        sizes = [(self._paths[each.number].stat().st_size, self._pages[each.number]) for each in self._merged]
        beside = [each for each in self._job.sheet.exhibits if each not in self._merged]
        front_bytes = len(self._letter) + len(self._cover([[]], 1, 1))
        scale = 1.0
        for _ in range(_TRIES_MAX):
            files = cut(sizes, limits, front_bytes, scale)
            if len(files) + len(beside) > limits.files_max:
                raise Unfit("too_many_files")
            begins = [self._begins(files, part) for part in range(1, len(files) + 1)]
            parts = [self._part(files, part, begins[part - 1]) for part in range(1, len(files) + 1)]
            largest = max(part.size_bytes for part in parts)
            if largest <= limits.file_bytes_max:
                break
            scale *= largest / limits.file_bytes_max * _SLACK
        else:
            raise Unfit("file_too_large")
        if sum(part.size_bytes for part in parts) + sum(each.size_bytes for each in beside) > limits.total_bytes_max:
            raise Unfit("too_large_in_all")
        places = self._places(files, begins)
        return Result(
            parts=tuple(parts),
            exhibits=tuple(self._placed(each, places.get(each.number, ())) for each in self._job.sheet.exhibits),
            letter_sha256=hashlib.sha256(self._letter).hexdigest(),
            letter_pages=self._letter_pages,
        )

    def _begins(self, files: _Files, part: int) -> int:
        """Return how many pages stand before the first exhibit of a file: its cover sheet, which says so itself, and the letter."""
        front = self._letter_pages if part == 1 else 0
        pages = 1
        while (told := _count(self._cover(files, part, pages + front))) > pages:
            pages = told
        return pages + front

    def _part(self, files: _Files, part: int, begins: int) -> Part:
        """Write one file: cover sheet, the letter in the first one, exhibits with their stamps and bookmarks."""
        writer = PdfWriter()
        stamps = Stamps(writer)
        self._add(writer, self._cover(files, part, begins), self._words["cover_title"])
        if part == 1:
            self._add(writer, self._letter, self._words["cover_letter"])
        for piece in files[part - 1]:
            self._add_piece(writer, stamps, piece)
        writer.metadata = None
        writer.add_metadata({"/Title": f"{self._words['cover_title']} {self._job.sheet.case_id}", "/Producer": "Recours"})
        path = self._folder / f"part-{part}.pdf"
        writer.write(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Part(part, digest, path.stat().st_size, len(writer.pages))

    @staticmethod
    def _add(writer: PdfWriter, pdf: bytes, name: str) -> None:
        begins = len(writer.pages)
        writer.append(PdfReader(io.BytesIO(pdf)), import_outline=False)
        writer.add_outline_item(title=name, page_number=begins)

    def _add_piece(self, writer: PdfWriter, stamps: Stamps, piece: Piece) -> None:
        exhibit = self._merged[piece.exhibit]
        name = self._words["exhibit"].format(number=exhibit.number)
        begins = len(writer.pages)
        try:
            with self._paths[exhibit.number].open("rb") as file:
                writer.append(PdfReader(file), pages=(piece.first, piece.end), import_outline=False)
                for place, page in enumerate(writer.pages[begins:], start=piece.first + 1):
                    told = self._words["stamp"].format(exhibit=name, page=place, pages=self._pages[exhibit.number])
                    stamps.put(page, f"{told}  |  {self._words['cover_case']} {self._job.sheet.case_id}")
        except _BROKEN as error:
            raise Unfit("exhibit_unreadable", exhibit.number) from error
        more = f" ({self._words['cover_continued']})" if piece.first else ""
        writer.add_outline_item(title=f"{name}{more}: {exhibit.title}", page_number=begins)

    def _places(self, files: _Files, begins: Sequence[int]) -> dict[int, list[Place]]:
        found: dict[int, list[Place]] = {}
        for part, pieces in enumerate(files, start=1):
            at = begins[part - 1] + 1
            for piece in pieces:
                count = piece.end - piece.first
                found.setdefault(self._merged[piece.exhibit].number, []).append(Place(part, at, count))
                at += count
        return found

    def _placed(self, exhibit: Exhibit, places: Sequence[Place]) -> Placed:
        return Placed(**msgspec.structs.asdict(self._measured(exhibit)), places=tuple(places))

    def _cover(self, files: _Files, part: int, begins: int) -> bytes:
        """Set the cover sheet of one file, whose exhibits begin after so many pages."""
        sheet, words = self._job.sheet, self._words
        head = sheet.letterhead
        where = self._where(files, part, begins)
        request = dict(sheet.regarding).get(words["request"], "")
        letter_pages = words["page"] if self._letter_pages == 1 else words["pages"].format(count=self._letter_pages)
        content = {
            "language": sheet.language,
            "title": words["cover_title"],
            "part": words["cover_part"].format(part=part, parts=len(files)) if len(files) > 1 else "",
            "confidential": words["confidential"],
            "author": head.name,
            "words": words,
            "facts": [
                (words["cover_to"], sheet.addressee),
                (words["cover_from"], [head.name, *head.address_lines, f"{words['phone']} {head.phone}"]),
                (words["request"], [request]),
                (words["claim_number"], [sheet.claim_number]),
                (words["cover_case"], [str(sheet.case_id)]),
                (words["cover_date"], [day(sheet.letter_on, sheet.language)]),
            ],
            "contents": [
                (words["cover_letter"], request, letter_pages, self._at(1, part, begins - self._letter_pages + 1)),
                *((*enclosure(self._measured(each), sheet.language), where[each.number]) for each in sheet.exhibits),
            ],
            "hashes": [
                (words["cover_letter"], hashlib.sha256(self._letter).hexdigest()),
                *((words["exhibit"].format(number=each.number), each.sha256) for each in sheet.exhibits),
            ],
        }
        return compile_pdf("cover.typ", {"cover": content}, sheet)

    def _measured(self, exhibit: Exhibit) -> Exhibit:
        return msgspec.structs.replace(exhibit, pages=self._pages.get(exhibit.number))

    def _at(self, part: int, here: int, page: int) -> str:
        """Say where something begins, on the cover sheet of file `here`."""
        return self._words["cover_at"].format(page=page) if part == here else self._words["cover_other_part"].format(part=part)

    def _where(self, files: _Files, here: int, begins: int) -> dict[int, str]:
        told = {each.number: self._words["cover_attached"] for each in self._job.sheet.exhibits if each not in self._merged}
        elsewhere = self._places(files, [0] * len(files))
        for number, places in elsewhere.items():
            own = next((each for each in places if each.part == here), None)
            told[number] = self._at(here, here, begins + own.first_page) if own else self._at(places[0].part, here, 0)
        return {each.number: told.get(each.number, "") for each in self._job.sheet.exhibits}


def _count(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages)


def _count_pages(path: Path, exhibit: int) -> int:
    """Errors: Unfit."""
    try:
        with path.open("rb") as file:
            return len(PdfReader(file).pages)
    except _BROKEN as error:
        raise Unfit("exhibit_unreadable", exhibit) from error


if __name__ == "__main__":
    main()
