"""The packet: what is merged, stamped and listed, how it is cut, and that the same job gives the same bytes."""

import hashlib
import io
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter

from services.appeals.letters.facts import Asked, Exhibit, sheet, values
from services.appeals.letters.library import compose
from services.appeals.letters.orders import Job, Result
from services.appeals.letters.packing import CannotFit, Limits, Piece, cut
from services.appeals.letters.paragraphs import write
from tests.support import papers
from tests.support.letters import CASE, TOLD, sources

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
LIMITS = Limits()


def pdf(pages: int, turned: int = 0) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(612, 792).rotate(turned)
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def image(kind: str, mode: str = "RGB", **more: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (60, 40)).save(out, kind, **more)
    return out.getvalue()


def build(folder: Path, files: Sequence[tuple[str, str, bytes]], limits: Limits = LIMITS) -> Result:
    """Build a packet of a letter and these exhibits (title, media type, bytes), as the worker does."""
    prepare(folder, files, limits)
    press(folder)
    return result_of(folder)


def prepare(folder: Path, files: Sequence[tuple[str, str, bytes]], limits: Limits = LIMITS) -> None:
    folder.mkdir()
    exhibits = []
    for number, (title, media_type, content) in enumerate(files, start=1):
        (folder / f"exhibit-{number}").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        exhibits.append(Exhibit(number, UUID(int=number), title, media_type, digest, len(content)))
    told, asked = sources(exhibits=tuple(exhibits)), Asked("en", "internal_appeal", date(2026, 11, 29), TOLD)
    known = values(told, asked)
    job = Job(sheet(told, asked, known), write(compose("duplicate", "internal_appeal", "en"), "en", known), limits)
    (folder / "logo").write_bytes(b"")
    (folder / "job.json").write_bytes(msgspec.json.encode(job))


def result_of(folder: Path) -> Result:
    return msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)


# What a process had at most counts what stood behind it when it was started: a small one stands between this and the program.
_PRESS = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "services.appeals.letters.press", sys.argv[1]], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def press(folder: Path) -> int:
    """Run the program, whose standard input stays open while it is wanted; return the most memory that it had, in bytes."""
    command = [sys.executable, "-c", _PRESS, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kibibytes = int(process.stdout.read())
    assert process.returncode == 0
    return kibibytes * 1024


EVERYTHING = [
    ("Operative report", "application/pdf", pdf(3)),
    ("Turned scan", "application/pdf", pdf(2, turned=90)),
    ("Photograph", "image/jpeg", image("JPEG")),
    ("Chart", "image/png", image("PNG", "RGBA")),
    ("Fax", "image/tiff", image("TIFF", "1", save_all=True, append_images=[Image.new("1", (40, 60))])),
    ("Note", "text/plain", "Été, #not $code$ \\here\n".encode()),
    ("Statement", DOCX, b"PK and so on"),
]


def test_a_packet_has_its_cover_letter_exhibits_bookmarks_stamps_and_hashes(tmp_path: Path) -> None:
    result = build(tmp_path / "a", EVERYTHING)
    (part,) = result.parts
    merged = PdfReader(tmp_path / "a" / "part-1.pdf")
    texts = [page.extract_text().replace("\N{NO-BREAK SPACE}", " ") for page in merged.pages]
    assert part.pages == len(texts) == 1 + result.letter_pages + 3 + 2 + 1 + 1 + 2 + 1
    assert part.sha256 == hashlib.sha256((tmp_path / "a" / "part-1.pdf").read_bytes()).hexdigest()
    outline = [str(item.title).replace("\N{NO-BREAK SPACE}", " ") for item in merged.outline]  # type: ignore[union-attr]  # none is nested
    assert outline == ["Appeal packet", "Letter", *(f"Exhibit {n}: {title}" for n, (title, *_) in enumerate(EVERYTHING[:6], 1))]
    assert all(hashlib.sha256(content).hexdigest() in texts[0] for _, _, content in EVERYTHING)
    assert "sent beside this file" in texts[0]
    assert result.letter_sha256 in texts[0]
    for placed in result.exhibits[:6]:
        (place,) = placed.places
        for number in range(place.pages):
            stamp = f"Exhibit {placed.number}, page {number + 1} of {place.pages}  |  Case reference {CASE}"
            assert stamp in texts[place.first_page - 1 + number]
    assert "Été, #not $code$ \\here" in texts[-1]
    assert result.exhibits[6].places == ()


def test_the_same_packet_is_the_same_bytes(tmp_path: Path) -> None:
    assert build(tmp_path / "a", EVERYTHING) == build(tmp_path / "b", EVERYTHING)


def test_a_packet_is_cut_into_files_that_the_payer_takes(tmp_path: Path) -> None:
    pictures = [("Picture", "image/tiff", noisy(seed)) for seed in range(4)]
    result = build(tmp_path / "a", pictures, Limits(10, 700_000, 10**8))
    assert len(result.parts) > 1
    assert all(part.size_bytes <= 700_000 for part in result.parts)
    covers = [PdfReader(tmp_path / "a" / f"part-{part.part}.pdf").pages[0].extract_text() for part in result.parts]
    assert [f"Part {n} of {len(covers)}" in text for n, text in enumerate(covers, 1)] == [True] * len(covers)
    assert build(tmp_path / "b", pictures, Limits(1, 700_000, 10**8)).reason == "too_many_files"
    assert build(tmp_path / "c", pictures, Limits(10, 100_000, 10**8)).reason == "page_too_large"
    assert build(tmp_path / "d", pictures, Limits(10, 700_000, 800_000)).reason == "too_large_in_all"


def test_an_exhibit_of_the_largest_size_and_5000_pages_is_built_in_bounded_memory(tmp_path: Path) -> None:
    large = papers.pdf(5_000, filler_bytes=10_000)
    assert 48 * 2**20 < len(large) <= 50 * 2**20
    prepare(tmp_path / "a", [("Whole record", "application/pdf", large)])
    # The file itself is 50 MiB, and what is written of it as much; what is known of every page is the rest.
    assert press(tmp_path / "a") < 400 * 2**20
    result = result_of(tmp_path / "a")
    assert (result.reason, [part.pages for part in result.parts]) == (None, [1 + result.letter_pages + 5_000])


def noisy(seed: int) -> bytes:
    """A picture that nothing makes smaller: 192 KiB."""
    out = io.BytesIO()
    Image.frombytes("RGB", (256, 256), random.Random(seed).randbytes(256 * 256 * 3)).save(out, "TIFF")
    return out.getvalue()


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/pdf", b"%PDF-1.7 and no more"),
        ("application/pdf", b""),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("text/plain", b"\xff\xfe"),
    ],
)
def test_an_exhibit_that_cannot_be_read_is_named(tmp_path: Path, media_type: str, content: bytes) -> None:
    result = build(tmp_path / "a", [("Sound", "application/pdf", pdf(1)), ("Broken", media_type, content)])
    assert (result.reason, result.exhibit, result.parts) == ("exhibit_unreadable", 2, ())


def test_an_exhibit_that_is_not_what_the_letter_was_written_with_is_named(tmp_path: Path) -> None:
    build(tmp_path / "a", [("Report", "application/pdf", pdf(1))])
    (tmp_path / "a" / "exhibit-1").write_bytes(pdf(2))
    press(tmp_path / "a")
    result = result_of(tmp_path / "a")
    assert (result.reason, result.exhibit) == ("exhibit_changed", 1)


def test_exhibits_stay_whole_where_they_fit_and_large_ones_are_cut_by_pages() -> None:
    limits = Limits(10, 1_000_000 + 16 * 1024, 10**9)
    assert cut([(400_000, 4), (500_000, 5), (300_000, 3)], limits, 0) == [[Piece(0, 0, 4), Piece(1, 0, 5)], [Piece(2, 0, 3)]]
    assert cut([(300_000, 3), (2_500_000, 25), (100_000, 1)], limits, 0) == [
        [Piece(0, 0, 3)],
        [Piece(1, 0, 10)],
        [Piece(1, 10, 20)],
        [Piece(1, 20, 25), Piece(2, 0, 1)],
    ]
    assert cut([], limits, 0) == [[]]
    with pytest.raises(CannotFit, match="page_too_large"):
        cut([(2_500_000, 2)], limits, 0)


def test_the_program_ends_with_the_worker_that_wanted_it(tmp_path: Path) -> None:
    build(tmp_path / "a", [("Report", "application/pdf", pdf(1))])
    (tmp_path / "a" / "result.json").unlink()
    (tmp_path / "a" / "logo").unlink()
    os.mkfifo(tmp_path / "a" / "logo")  # it would wait here for ever
    with subprocess.Popen(
        [sys.executable, "-m", "services.appeals.letters.press", tmp_path / "a"], stdin=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 1
