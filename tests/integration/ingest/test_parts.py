"""Lists of the parts of something: what is not there is not an empty list."""

from uuid import uuid4

import pytest

from libs.common.http.paging import write_cursor
from tests.integration.ingest.conftest import Ingest


@pytest.mark.parametrize("path", ["/v1/interchanges/{}/errors", "/v1/remittances/{}/remits"])
async def test_the_parts_of_what_is_not_there_are_not_found(ingest: Ingest, path: str) -> None:
    answer = await ingest.http.get(path.format(uuid4()))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:recours:problem:not-found")


async def test_a_cursor_with_an_impossible_position_is_refused(ingest: Ingest) -> None:
    unknown = uuid4()
    cursor = write_cursor("x", "local", {"interchange_id": unknown})
    answer = await ingest.http.get(f"/v1/interchanges/{unknown}/errors", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:recours:problem:bad-cursor")
