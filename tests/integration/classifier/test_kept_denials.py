"""A denial is kept as it was judged: what the interface and a later revision say of it is what its first event said."""

import msgspec
import pytest

from deploy.docs.schemas import EVENTS
from libs.common.contracts.denial_classified import DenialClassifiedV1
from libs.common.database import Database
from services.classifier import store

PATHS = [path for event in EVENTS if event.data is DenialClassifiedV1 for path in event.examples()]
EXAMPLES = {path.stem: msgspec.json.decode(path.read_bytes(), type=DenialClassifiedV1) for path in PATHS}


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_denial_is_read_back_as_it_was_written(name: str, service_database) -> None:
    denial = EXAMPLES[name]
    database = Database(service_database("classifier").worker_url)
    async with database.begin() as tx:
        await store.insert_denials(tx, [("local", denial)])
        kept = await store.get_denial(tx, "local", denial.denial_id)
        assert kept is not None
        assert kept.denial == denial
    await database.close()
