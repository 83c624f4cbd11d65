"""Whoever takes over what opens a document has gained nothing to go on with: no network, no program, no other process, no file."""

import io
import sys
from asyncio.subprocess import DEVNULL
from base64 import b64encode
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from libs.common.programs import run_apart
from services.appeals.documents import confinement
from services.appeals.letters.logos import BYTES_MAX, LogoRefused, read_logo
from tests.support import papers

TRIES = {
    "a connection": "import socket; socket.create_connection(('127.0.0.1', 1))",
    "a pair of sockets": "import socket; socket.socketpair()",
    "a program": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "another process": "os.kill(os.getppid(), 0)",
}


def plain(size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, "PNG")
    return out.getvalue()


async def confined(program: str) -> int | str:
    begin = f"import os, runpy, sys; runpy.run_path({confinement.__file__!r})['confine'](1 << 30, 5, file_bytes=0)\n"
    return (await run_apart(sys.executable, "-I", "-c", begin + program, stdin=DEVNULL, cwd=Path("/"), seconds=60))[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux has the means")
@pytest.mark.parametrize("name", TRIES)
async def test_a_confined_program_reaches_nothing(name: str) -> None:
    guard = f"try:\n    {TRIES[name]}\nexcept PermissionError:\n    sys.exit(7)\n"
    assert await confined(guard) == 7


async def test_a_confined_program_writes_no_file(tmp_path: Path) -> None:
    assert await confined(f"open({str(tmp_path / 'a')!r}, 'wb', 0).write(b'a' * 9)") not in (0, "timeout")
    assert (tmp_path / "a").stat().st_size == 0


async def test_a_confined_program_has_no_more_memory_than_it_was_given() -> None:
    assert await confined("try:\n    bytearray(2 << 30)\nexcept MemoryError:\n    sys.exit(7)\n") == 7


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (papers.large_png(12_000), "is no PNG"),
        (plain((5_000, 10)), "pixels a side"),
        (papers.image("PNG")[:-300], "is no PNG"),
        (papers.image("JPEG"), "is no PNG"),
        (b"", "is no PNG"),
    ],
    ids=["a bomb", "too wide", "cut off", "a jpeg", "nothing"],
)
async def test_a_logo_that_is_none_is_refused(sent: bytes, why: str) -> None:
    with pytest.raises(LogoRefused, match=why):
        await read_logo(b64encode(sent).decode())


async def test_a_logo_that_hides_a_bomb_in_its_text_is_refused() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("a", "b" * (80 << 20), zip=True)
    out = io.BytesIO()
    Image.new("RGB", (10, 10)).save(out, "PNG", pnginfo=notes)
    assert len(out.getvalue()) < BYTES_MAX
    with pytest.raises(LogoRefused, match="is no PNG"):
        await read_logo(b64encode(out.getvalue()).decode())


async def test_a_logo_is_kept_small() -> None:
    kept = await read_logo(b64encode(plain((3000, 1000))).decode())
    assert Image.open(io.BytesIO(kept)).size == (600, 200)
