"""Where an event goes: topic names and the partition of a key."""

import zlib


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key: CRC-32 modulo the count, as librdkafka's `consistent` partitioner does.

    The relay builds its batches itself and so must choose the partition itself; a CRC is computed in C, Kafka's murmur2 is not.
    """
    return zlib.crc32(key) % partitions
