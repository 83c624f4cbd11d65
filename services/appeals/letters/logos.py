"""A tenant's logo: a PNG, looked at before it is decoded, and kept small."""

import base64
import binascii
import io
import warnings
from typing import Final

from PIL import Image

BYTES_MAX: Final = 512 * 1024
_SIDE_MAX: Final = 4000
_KEPT: Final = (600, 200)  # enough for print at the height that a letterhead gives it
_KEPT_BYTES_MAX: Final = 160 * 1024


class LogoRefused(Exception):  # noqa: N818 - the fact is the name
    """No logo. The text says why; it is ours."""


def read_logo(told: str) -> bytes:
    """Return a logo as it is kept. Errors: LogoRefused."""
    try:
        sent = base64.b64decode(told, validate=True)
    except (ValueError, binascii.Error):
        raise LogoRefused("is not base64") from None
    if len(sent) > BYTES_MAX:
        raise LogoRefused(f"may have {BYTES_MAX} bytes at most")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(sent), formats=["PNG"]) as image:
                if max(image.size) > _SIDE_MAX:
                    raise LogoRefused(f"may have {_SIDE_MAX} pixels a side at most")
                kept = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise LogoRefused("is no PNG that can be read") from None
    kept.thumbnail(_KEPT)
    out = io.BytesIO()
    kept.save(out, "PNG", optimize=True)
    if out.tell() > _KEPT_BYTES_MAX:
        raise LogoRefused("has too much detail for a logo: draw it with fewer colours")
    return out.getvalue()
