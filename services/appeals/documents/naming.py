"""What a document is called when it is given back: a name that no file system, header or person trips over. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

_LENGTH_MAX: Final = 120
_EXTENSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/tiff": (".tif", ".tiff"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "text/plain": (".txt", ".text", ".md", ".csv"),
}
# Names that one system or another gives a meaning of its own.
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
_TOLD_BY_NAME: Final = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def safe_name(told: str | None, media_type: str) -> str:
    """Return a file name without path, control or direction characters, whose ending says what the file is."""
    text = unicodedata.normalize("NFC", (told or "").replace("\\", "/").rpartition("/")[2])
    kept = "".join(each for each in text if unicodedata.category(each)[0] not in "CZ" or each == " ")
    kept = re.sub(r'[<>:"|?*]', "_", kept).strip(". ")
    endings = _EXTENSIONS[media_type]
    ending = next((each for each in endings if kept.lower().endswith(each)), None)
    stem = kept[: -len(ending)] if ending else _TOLD_BY_NAME.sub("", kept)
    stem = stem.strip(". ")[:_LENGTH_MAX].rstrip(". ") or "document"
    return ("_" if _RESERVED.match(stem) else "") + stem + (ending or endings[0])


def disposition(name: str) -> str:
    """Return Content-Disposition for a download (RFC 6266, RFC 5987): never shown in place."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "").strip() or "document"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def download_headers(name: str) -> dict[str, str]:
    """Return the headers with which a file is given back so that no browser runs or shows it in place."""
    return {"Content-Disposition": disposition(name), "Content-Security-Policy": "sandbox; default-src 'none'"}
