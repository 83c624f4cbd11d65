"""What the command line reads of answers about letters and packets."""

from uuid import UUID

from msgspec import Struct


class Paragraph(Struct, frozen=True):
    """One piece of a letter."""

    kind: str
    text: str


class Letter(Struct, frozen=True):
    """One version of a case's letter."""

    case_id: UUID
    version: int
    language: str
    category: str
    level: str
    paragraphs: tuple[Paragraph, ...]


class PacketFile(Struct, frozen=True):
    """One file of a packet."""

    part: int
    name: str
    sha256: str
    size_bytes: int
    pages: int


class Packet(Struct, frozen=True):
    """A packet: `state` is waiting, ready or failed."""

    packet_id: UUID
    case_id: UUID
    letter_version: int
    state: str
    reason: str | None
    exhibit: int | None
    sha256: str | None
    files: tuple[PacketFile, ...]
