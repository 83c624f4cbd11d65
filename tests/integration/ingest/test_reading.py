"""Files read and booked: statuses, repetitions, contradictions, files cut off, workers that meet or die."""

from tests.integration.ingest.conftest import codes
from tests.unit.x12.build import encode, one


async def test_a_small_file_is_accepted_and_booked(ingest) -> None:
    seen = await ingest.take(encode(one()))
    assert (seen["status"], codes(seen), seen["error_count"]) == ("accepted", [], 0)
    assert seen["progress"] == {"bytes_read": seen["size_bytes"], "bytes_total": seen["size_bytes"], "claims": 1}


async def test_an_interchange_that_stands_twice_in_one_file_counts_once(ingest) -> None:
    seen = await ingest.take(encode(one()) * 2)
    assert seen["status"] == "accepted"
    assert [(each["claims_new"], each["claims_duplicate"]) for each in seen["transactions"]] == [(1, 0), (0, 1)]
    assert await ingest.count("outbox") == await ingest.count("remits") == 1
