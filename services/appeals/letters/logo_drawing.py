"""Draws a tenant's logo as small as it is kept: a program of its own, since what it decodes may be hostile.

It reads a PNG and writes one, or writes why there is none and ends with the status REFUSED. It imports nothing of ours and is run
isolated, so that what breaks it breaks nothing else.
"""

import io
import runpy
import sys
import warnings
from pathlib import Path

from PIL import Image

REFUSED = 3
SIDE_MAX = 4000
KEPT = (600, 200)  # enough for print at the height that a letterhead gives it
KEPT_BYTES_MAX = 160 * 1024
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 20


class Refused(Exception):  # noqa: N818 - the fact is the name
    """No logo. The text says why, and is told."""


def main() -> None:
    beside = Path(__file__).parents[1] / "documents" / "confinement.py"
    runpy.run_path(str(beside))["confine"](MEMORY_BYTES, CPU_SECONDS, file_bytes=0)
    try:
        kept = draw(sys.stdin.buffer.read())
    except Refused as refused:
        sys.stdout.write(str(refused))
        sys.exit(REFUSED)
    sys.stdout.buffer.write(kept)


def draw(sent: bytes) -> bytes:
    """Return what is kept. Errors: Refused; whatever the parser raises where it is no PNG, which ends the program."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(sent), formats=["PNG"]) as image:
            if max(image.size) > SIDE_MAX:
                raise Refused(f"may have {SIDE_MAX} pixels a side at most")
            kept = image.convert("RGBA")
    kept.thumbnail(KEPT)
    out = io.BytesIO()
    kept.save(out, "PNG", optimize=True)
    if out.tell() > KEPT_BYTES_MAX:
        raise Refused("has too much detail for a logo: draw it with fewer colours")
    return out.getvalue()


if __name__ == "__main__":
    main()
