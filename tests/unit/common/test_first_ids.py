"""The bound by which old ids are found: between all that were made before a moment and all that are made from it on."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.ids import first_uuid7, made_at, uuid7


def test_the_first_id_of_a_moment_parts_those_before_from_those_after() -> None:
    made = uuid7()
    at = made_at(made)
    assert first_uuid7(at) <= UUID(bytes=made.bytes) < first_uuid7(at + timedelta(milliseconds=1))
    assert made_at(first_uuid7(at)) == at


def test_it_is_an_id_of_version_7() -> None:
    assert first_uuid7(datetime(2026, 3, 1, tzinfo=UTC)).version == 7
