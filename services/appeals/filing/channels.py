"""How Recours itself sends what is filed: one small interface, and two ways behind it.

A parcel has one name for ever, by which a receiver knows it again. So a parcel that is sent twice, because somebody was killed
between sending it and writing that it was sent, arrives once.
"""

import asyncio
import base64
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from libs.common.errors import Transient
from libs.common.signed_post import Poster

POST_SECONDS: Final = 240.0  # for one file, which may hold scans
PDF: Final = "application/pdf"
X12: Final = "application/edi-x12"
_SUFFIXES: Final = {PDF: "pdf", X12: "275"}
_PIECE_BYTES: Final = 256 * 1024

_encode = msgspec.json.Encoder().encode
_RECEIPTS_MAX: Final = 200


class Parcel(Struct, frozen=True):
    """What goes out. `name` is that of its filing, the same at every attempt; `manifest` says what it is, without patient data."""

    name: str
    manifest: Mapping[str, object]
    files: tuple[Path, ...]
    sha256: str
    media_type: str = PDF

    def names(self) -> list[str]:
        """Return a name for each file: the parcel's own, where it is one file; else numbered."""
        count = len(self.files)
        return [self.name] if count == 1 else [f"{self.name}-{number}-of-{count}" for number in range(1, count + 1)]


class Channel(Protocol):
    """A way to a payer."""

    async def send(self, parcel: Parcel, now: datetime) -> str:
        """Return what proves that it was sent. Errors: Transient (try again later), Undeliverable."""
        ...


class Folder:
    """A folder that somebody else empties: an outbox, or the top of an SFTP drop.

    Files appear whole, by renaming; the receipt comes last, and where it is, nothing is written again: who takes the files away
    leaves the receipts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, parcel: Parcel, now: datetime) -> str:
        try:
            return await asyncio.to_thread(self._put, parcel, now)
        except OSError as error:
            raise Transient("outbox_away") from error

    def _put(self, parcel: Parcel, now: datetime) -> str:
        receipt = self._folder / f"{parcel.name}.receipt.json"
        if not receipt.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(f"{parcel.name}.json", _encode(parcel.manifest))
            for name, file in zip(parcel.names(), parcel.files, strict=True):
                self._write(f"{name}.{_SUFFIXES[parcel.media_type]}", file)
            self._write(receipt.name, _encode({"name": parcel.name, "sha256": parcel.sha256, "written_at": now}))
        return receipt.name

    def _write(self, name: str, content: bytes | Path) -> None:
        """Write a file that is there whole or not at all, also after the power fails."""
        unfinished = self._folder / f".{name}.part"
        with unfinished.open("wb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file, _PIECE_BYTES)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Posted:
    """A signed POST of each file of the parcel; its `webhook-id` is the file's name for ever."""

    def __init__(self, url: str, secret: bytes, *, loopback: bool = False, whole_seconds: float = POST_SECONDS) -> None:
        self._url = url
        self._secret = secret
        self._poster = Poster(whole_seconds=whole_seconds, loopback=loopback)

    async def send(self, parcel: Parcel, now: datetime) -> str:
        headers = {"Content-Type": parcel.media_type, "x-manifest": base64.b64encode(_encode(parcel.manifest)).decode()}
        receipts = [
            await self._poster.post(self._url, [self._secret], name, file, headers, now)
            for name, file in zip(parcel.names(), parcel.files, strict=True)
        ]
        return "; ".join(receipts)[:_RECEIPTS_MAX]


def channels_of(folder: str | None, url: str | None, secret: bytes | None, *, loopback: bool) -> dict[str, Channel]:
    """Return the channels that are set up, by name."""
    found: dict[str, Channel] = {}
    if folder is not None:
        found["folder"] = Folder(Path(folder))
    if url is not None and secret is not None:
        found["https"] = Posted(url, secret, loopback=loopback)
    return found


SENT_BY_RECOURS: Final[Sequence[str]] = ("folder", "https")
