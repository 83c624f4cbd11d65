"""Dead letters: a record that can never succeed becomes an outbox row for `<topic>.<group>.dlq`, and its batch goes on.

A dead letter keeps the record as it was, bytes and headers, and says why in headers that carry a stable reason and a position,
never data. It is listed and replayed from the outbox, where it stays as long as any event.
"""

import base64
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from libs.common.ids import named_id, uuid7
from libs.common.messaging import cloudevents

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord  # an API process starts without it

TYPE = "recours.dead_letter.v1"
REPLAY_TYPE = "replay"
SUFFIX = ".dlq"
UNKNOWN_TENANT = "unknown"

_encode = msgspec.json.Encoder(enc_hook=str).encode


class DeadLetter(Struct, frozen=True):
    """Where a record was, why it failed, and the record itself. The descriptions are published under docs/events."""

    reason: Annotated[str, Meta(description="Why, a stable word: not_json, violates_contract, too_large, ...; never data.")]
    topic: Annotated[str, Meta(description="The topic that the record came from.")]
    partition: Annotated[int, Meta(description="Its partition.")]
    offset: Annotated[int, Meta(description="Its offset.")]
    key: Annotated[str | None, Meta(description="Its key, bytes read as Latin-1; null where it had none.")]
    headers: Annotated[dict[str, str], Meta(description="Its headers, bytes read as Latin-1.")]
    value: Annotated[str, Meta(description="Its value, base64; empty where it had none.")]

    @property
    def can_be_replayed(self) -> bool:
        """Say whether the outbox can hold its key, which is text there."""
        return self.key is None or (self.key.isascii() and "\x00" not in self.key)

    def raw_value(self) -> bytes:
        return base64.b64decode(self.value)


def dead_letter_id(record: "ConsumerRecord", group: str) -> UUID:
    """Return the id of one record's dead letter: read again after a crash, it is the same one.

    The timestamp tells a record apart from one at the same offset of a topic that was made anew.
    """
    return named_id("dead_letter", group, record.topic, str(record.partition), str(record.offset), str(record.timestamp))


def outbox_row(record: "ConsumerRecord", reason: str, group: str) -> tuple[Any, ...]:
    """Return the outbox row (outbox.COLUMNS) of one rejected record."""
    sent = {name: value for name, value in record.headers if value is not None}
    tenant_id = cloudevents.readable(sent.get("ce_tenantid")) or UNKNOWN_TENANT
    letter_id = dead_letter_id(record, group)
    key = record.key.decode("latin-1") if record.key else None
    letter = DeadLetter(
        reason=reason,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=key,
        headers={name: value.decode("latin-1") for name, value in sent.items()},
        value=base64.b64encode(record.value or b"").decode(),
    )
    extra = {
        "ce_tenantid": tenant_id,
        "ce_correlationid": cloudevents.readable(sent.get("ce_correlationid")) or str(letter_id),
        "ce_causationid": cloudevents.readable(sent.get("ce_id")) or str(letter_id),
        "ce_sequence": "0",
        "ce_reason": reason,
    }
    topic = f"{record.topic}.{group}{SUFFIX}"
    routed_by = cloudevents.readable(record.key) or str(letter_id)
    return (letter_id, tenant_id, topic, routed_by, TYPE, _encode(letter), _encode(extra).decode())


def replay_row(letter: DeadLetter, letter_id: UUID) -> tuple[Any, ...]:
    """Return the outbox row that sends a dead letter's record to its topic again, as it was.

    Other groups have its event id in their inbox and skip it.
    """
    headers = {**letter.headers, cloudevents.REPLAY_HEADER: str(letter_id)}
    tenant_id = letter.headers.get("ce_tenantid", "").encode("latin-1")
    # The row's own id and type name the replay in the outbox; the record takes its attributes from the headers alone.
    return (
        uuid7(),
        cloudevents.readable(tenant_id) or UNKNOWN_TENANT,
        letter.topic,
        letter.key or "",
        REPLAY_TYPE,
        letter.raw_value(),
        _encode(headers).decode(),
    )


class TooManyDeadLetters(RuntimeError):  # noqa: N818 - the fact is the name
    """So many records cannot all be the payers' fault: this is our bug, and nothing may commit."""


class DeadLetterLimit:
    """Raises when dead letters pass a number a minute and a share of what was seen in that minute."""

    def __init__(self, *, per_minute: int = 200, share: float = 0.5) -> None:
        self._per_minute = per_minute
        self._share = share
        self._batches: deque[tuple[float, int, int]] = deque()

    def check(self, *, rejected: int, seen: int) -> None:
        now = time.monotonic()
        self._batches.append((now, rejected, seen))
        while self._batches[0][0] < now - 60:
            self._batches.popleft()
        all_rejected = sum(entry[1] for entry in self._batches)
        all_seen = sum(entry[2] for entry in self._batches)
        if all_rejected > self._per_minute and all_rejected > all_seen * self._share:
            raise TooManyDeadLetters(f"{all_rejected} of {all_seen} records within a minute")
