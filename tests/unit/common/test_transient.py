"""What is the world's fault is waited out, what is ours is not."""

import asyncpg
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from libs.common.database import is_transient
from libs.common.errors import Permanent, Transient

OF_THE_WORLD = (
    Transient("away"),
    TimeoutError(),
    ConnectionResetError(),
    PoolTimeout(),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.DiskFullError("could not extend file"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
)
OURS = (
    Permanent("not_json"),
    ValueError(),
    asyncpg.UniqueViolationError("duplicate key"),
    asyncpg.UndefinedTableError("no such table"),
    asyncpg.InterfaceError("the server expects 1 argument for this query, 2 were passed"),
)


@pytest.mark.parametrize("error", OF_THE_WORLD, ids=lambda error: type(error).__name__)
def test_what_the_world_did_is_waited_out(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_what_we_did_is_not_tried_again(error: Exception) -> None:
    assert not is_transient(error)
