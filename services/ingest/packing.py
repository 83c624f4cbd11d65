"""How bytes that are kept whole are packed: files in blocks, claims, what a simulated payer will send."""

import cramjam

_LEVEL = 3


def pack(raw: bytes) -> bytes:
    """Compress with zstd."""
    return bytes(cramjam.zstd.compress(raw, _LEVEL))


def unpack(packed: bytes) -> bytes:
    """Return what was packed."""
    return bytes(cramjam.zstd.decompress(packed))
