"""The spine on a database of one service that has it: all have the same."""

from collections.abc import AsyncIterator

import pytest

from libs.common.database import Database


@pytest.fixture
async def database(service_database) -> AsyncIterator[Database]:
    database = Database(service_database("classifier").worker_url)
    yield database
    await database.close()
