"""A tenant's logo on its way in: a PNG, decoded by a program of its own (logo_drawing.py) and kept small."""

import asyncio
import base64
import binascii
import sys
import tempfile
from pathlib import Path
from typing import Final

from libs.common.programs import run_apart

BYTES_MAX: Final = 512 * 1024
_PROGRAM: Final = str(Path(__file__).with_name("logo_drawing.py"))
_WALL_SECONDS: Final = 60.0
_REFUSED: Final = 3  # the program's status that says: what it wrote is why
_AT_ONCE: Final = asyncio.Semaphore(2)


class LogoRefused(Exception):  # noqa: N818 - the fact is the name
    """No logo. The text says why; it is ours."""


async def read_logo(told: str) -> bytes:
    """Return a logo as it is kept. Errors: LogoRefused."""
    try:
        sent = base64.b64decode(told, validate=True)
    except (ValueError, binascii.Error):
        raise LogoRefused("is not base64") from None
    if len(sent) > BYTES_MAX:
        raise LogoRefused(f"may have {BYTES_MAX} bytes at most")
    with tempfile.TemporaryFile() as file:
        file.write(sent)
        file.seek(0)
        async with _AT_ONCE:
            status, said = await run_apart(sys.executable, "-I", _PROGRAM, stdin=file, cwd=Path("/"), seconds=_WALL_SECONDS)
    if status != 0:
        raise LogoRefused(said.decode() if status == _REFUSED else "is no PNG that can be read")
    return said
