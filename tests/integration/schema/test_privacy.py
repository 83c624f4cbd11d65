"""What every column of every table holds of a person is said, and nothing is said of what is not there."""

from typing import Any

import asyncpg
import pytest

from deploy.docs.privacy import inventories, places
from deploy.local.layout import SERVICES

_COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


@pytest.mark.parametrize("service", SERVICES)
async def test_every_column_has_a_class(service: str, service_database: Any) -> None:
    owner = await asyncpg.connect(service_database(service).owner_url)
    there = {(row["relname"], row["attname"]) for row in await owner.fetch(_COLUMNS)}
    await owner.close()
    told = {(table, column) for table, columns in inventories()[service].items() for column in columns}
    assert not there - told, f"what do these hold of a person? Say it in services/{service}/inventory.py"
    assert not told - there, "these are no more"


def test_only_ingest_and_appeals_hold_who_a_patient_is() -> None:
    holders = {
        (service, table)
        for service, tables in inventories().items()
        for table, columns in tables.items()
        if "identifier" in columns.values()
    }
    assert {service for service, _ in holders} == {"ingest", "appeals"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_identifier_is_sealed_and_what_is_sealed_is_in_the_inventory(service: str) -> None:
    tables, sealed = inventories()[service], {(place.table, place.column) for place in places(service)}
    named = {(table, column) for table, columns in tables.items() for column, kind in columns.items() if kind == "identifier"}
    assert named <= sealed
    assert all(column in tables[table] for table, column in sealed)
