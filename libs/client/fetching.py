"""Files fetched under another name until they are whole and proved."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from libs.client.errors import ClientError
from libs.client.transport import Service


def part_of(to: Path) -> Path:
    """Return where a file lies until it is whole."""
    return to.with_name(f"{to.name}.part")


def fetch_whole(
    service: Service, path: str, to: Path, size_bytes: int, sha256: str, told: Callable[[int], object], *, of: str
) -> None:
    """Fetch a file, going on where it broke off. Errors: ClientError where the bytes are not its own, and nothing is kept."""
    part = part_of(to)
    with part.open("ab") as file:
        service.fetch(path, file, size_bytes, f'"{sha256}"', told)
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        part.unlink()
        raise ClientError(f"{to}: what came is not the {of}; nothing was kept.")
    part.replace(to)
