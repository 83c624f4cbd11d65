"""Letters and packets: the milliseconds of a letter, the seconds of a packet of 100 pages, and the memory of one of 5,000.

Part of `python -m tests.bench appeals`.

A letter: filled from its template and set as PDF/A, as a request does it, for each language; medians, by the clock and
by this process's time. A packet: the whole program, its start included, over a PDF of so many pages; and over one of 5,000 pages
and 50 MB, whose peak of memory counts.
"""

import hashlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random
from uuid import UUID

import msgspec
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from services.appeals.letters.facts import Asked, Exhibit, sheet, values
from services.appeals.letters.language import Language
from services.appeals.letters.library import LANGUAGES, compose
from services.appeals.letters.orders import Job, Part, Result
from services.appeals.letters.packing import Limits
from services.appeals.letters.paragraphs import write
from services.appeals.letters.typesetting import set_letter
from tests.support.letters import TOLD, sources

_ON = date(2026, 11, 29)
_LETTERS, _ROUNDS = 60, 5
_LARGE_PAGES, _LARGE_PAGE_BYTES = 5000, 10_000


def letter_milliseconds(language: Language, count: int) -> tuple[float, float]:
    """Return the medians of so many letters: elapsed, and CPU."""
    took, worked = [], []
    for number in range(count):
        begun, busy = time.perf_counter(), time.process_time()
        told = sources(1 + number % 12)
        asked = Asked(language, "internal_appeal", _ON, TOLD)
        known = values(told, asked)
        paragraphs = write(compose("medical_necessity", "internal_appeal", language), language, known)
        set_letter(sheet(told, asked, known), paragraphs, b"")
        took.append((time.perf_counter() - begun) * 1000)
        worked.append((time.process_time() - busy) * 1000)
    return statistics.median(took), statistics.median(worked)


def pages(count: int, page_bytes: int) -> bytes:
    """Make a PDF whose pages cannot be made smaller."""
    writer, noise = PdfWriter(), Random(count)
    for _ in range(count):
        page = writer.add_blank_page(612, 792)
        content = DecodedStreamObject()
        content.set_data(b"% " + noise.randbytes(page_bytes // 2).hex().encode())
        page[NameObject("/Contents")] = writer._add_object(content)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def packet(content: bytes) -> tuple[float, float, float, Sequence[Part]]:
    """Build a packet of a letter and one exhibit; return seconds, CPU seconds and peak MiB of the program, and what came."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        exhibit = Exhibit(1, UUID(int=1), "Medical records", "application/pdf", hashlib.sha256(content).hexdigest(), len(content))
        told, asked = sources(exhibits=(exhibit,)), Asked("en", "internal_appeal", _ON, TOLD)
        known = values(told, asked)
        paragraphs = write(compose("medical_necessity", "internal_appeal", "en"), "en", known)
        (folder / "job.json").write_bytes(msgspec.json.encode(Job(sheet(told, asked, known), paragraphs, Limits())))
        (folder / "logo").write_bytes(b"")
        (folder / "exhibit-1").write_bytes(content)
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "services.appeals.letters.press", folder], stdin=subprocess.PIPE)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        result = msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)
        assert process.returncode == 0, result.reason
        return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, result.parts


def measure() -> dict[str, float]:
    """Return the figures, which `appeals` tells among its own."""
    found: dict[str, float] = {}
    for language in LANGUAGES:
        letter_milliseconds(language, 3)
        took, worked = letter_milliseconds(language, _LETTERS)
        found[f"letter_{language}_milliseconds"] = round(took, 1)
        found[f"letter_{language}_cpu_milliseconds"] = round(worked, 1)
    content = pages(100, 2_000)
    rounds = [packet(content) for _ in range(_ROUNDS)]
    found["packet_100_pages_seconds"] = round(statistics.median(each[0] for each in rounds), 2)
    found["packet_100_pages_cpu_seconds"] = round(statistics.median(each[1] for each in rounds), 2)
    seconds, cpu, peak, parts = packet(pages(_LARGE_PAGES, _LARGE_PAGE_BYTES))
    assert sum(part.pages for part in parts) >= _LARGE_PAGES
    found |= {"packet_5000_pages_seconds": round(seconds, 1), "packet_5000_pages_cpu_seconds": round(cpu, 1)}
    found["packet_5000_pages_peak_mib"] = round(peak)
    found["machine_load"] = round(os.getloadavg()[0], 1)
    return found
