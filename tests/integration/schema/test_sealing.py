"""What was kept in the clear is sealed, and keys are rotated, some rows at a time; a kill in the middle loses nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.layout import ROOT
from libs.common.database import Database, driver
from libs.common.ids import uuid7
from libs.common.sealing.cipher import Place, Unreadable, key_of
from libs.common.sealing.command import show, turn
from libs.common.sealing.keys import cipher_of, forget
from libs.common.sealing.master import KeyFile, new_line
from libs.common.sealing.rewriting import Column, Rewriter
from services.ingest.seals import LETTER

FEW = Place(LETTER.table, LETTER.column, LETTER.key, at_once=2)
CLEAR = b"NM1*QC*1*WHITCOMBE"
TENANT = "mine"
KILLED = """
import asyncio, os, signal, sys
from libs.common.database import Database
from libs.common.sealing.rewriting import Column, Rewriter
from tests.integration.schema.test_sealing import FEW
class Dies(Column):
    async def step(self, *told):
        await super().step(*told)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(Rewriter(Database(sys.argv[1]), {FEW.name: Dies(FEW)}).do_next())
"""


class Room:
    """Ingest's database as its worker, with some rows that were never sealed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        self.rewriter = Rewriter(self.database, {FEW.name: Column(FEW)})

    async def do(self, statement: str, *values: Any) -> list[Any]:
        async with self.database.begin(TENANT) as tx:
            return list(await (await driver(tx)).fetch(statement, *values))

    async def cells(self) -> list[tuple[int | None, bytes]]:
        """Return the key of each cell, and what it holds, as a process reads it that just started."""
        forget(self.database)
        async with self.database.begin(TENANT) as tx:
            rows = await (await driver(tx)).fetch("SELECT row_id, body FROM sandbox_letters ORDER BY row_id")
            cipher = await cipher_of(tx, TENANT)
            return [(key_of(row["body"]), cipher.open(FEW, (row["row_id"],), row["body"])) for row in rows]

    def step_and_die(self) -> None:
        """Let a worker be killed behind its first step, before that is committed."""
        died = subprocess.run([sys.executable, "-c", KILLED, self.url], cwd=ROOT, check=False)
        assert died.returncode == -signal.SIGKILL

    async def finish(self) -> int:
        steps = 0
        while await self.rewriter.do_next():
            steps += 1
        return steps


@pytest.fixture
async def room(service_database: Any) -> AsyncIterator[Room]:
    made = Room(service_database("ingest").worker_url)
    for _ in range(5):
        await made.do("INSERT INTO sandbox_letters VALUES ($1, now(), $2, $3, '')", TENANT, uuid7(), CLEAR)
    await made.do("INSERT INTO key_rewrites (tenant_id, key_id, place, begins_at) VALUES ($1, 1, $2, now())", TENANT, FEW.name)
    yield made
    await made.database.close()


async def test_what_was_never_sealed_is_read_sealed_and_then_refused_in_the_clear(room: Room) -> None:
    assert await room.cells() == [(None, CLEAR)] * 5
    room.step_and_die()
    assert await room.cells() == [(None, CLEAR)] * 5, "what was not committed was not done"
    assert await room.rewriter.do_next()
    assert [key for key, _ in await room.cells()].count(1) == 2, "a step is a few rows"
    room.step_and_die()
    assert await room.finish() > 3, "the pass that changes nothing is the last"
    assert await room.cells() == [(1, CLEAR)] * 5
    await room.do("INSERT INTO sandbox_letters VALUES ($1, now(), $2, $3, '')", TENANT, uuid7(), CLEAR)
    with pytest.raises(Unreadable, match="not_sealed"):
        await room.cells()


async def test_a_rotation_waits_for_who_holds_the_key_before_it_and_destroys_that_at_its_end(room: Room) -> None:
    await room.finish()
    begun = await turn(room.database, TENANT, [FEW.name])
    assert begun == await turn(room.database, TENANT, [FEW.name]), "asked for again while it is under way, it is the same one"
    assert ([each["key_id"] for each in begun["keys"]], begun["places"][-1]["state"]) == ([1, 2], "waiting")
    assert not await room.rewriter.do_next()
    await room.do("UPDATE key_rewrites SET begins_at = now() WHERE done_at IS NULL RETURNING 1")
    forget(room.database)
    assert await room.rewriter.do_next()
    assert sorted(key or 0 for key, _ in await room.cells()) == [1, 1, 1, 2, 2]
    await room.finish()
    assert await room.cells() == [(2, CLEAR)] * 5
    ended = await show(room.database, TENANT)
    assert ([each["key_id"] for each in ended["keys"]], ended["places"][-1]["state"]) == ([2], "done")


OLD, NEW = Path(os.environ["RECOURS_MASTER_KEY_FILE"]).read_text(), new_line("2027")


async def test_another_master_key_wraps_data_keys_anew_and_touches_no_cell(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.finish()
    before = await room.do("SELECT row_id, body FROM sandbox_letters ORDER BY row_id")
    for file, wrapped in ((NEW + OLD, 1), (NEW, 0)):  # the old one is gone from the file
        for module in ("keys", "rewriting"):
            monkeypatch.setattr(f"libs.common.sealing.{module}.master", lambda file=file: KeyFile(file))
        assert await room.rewriter.wrap_anew() == wrapped
        assert await room.cells() == [(1, CLEAR)] * 5
    assert await room.do("SELECT row_id, body FROM sandbox_letters ORDER BY row_id") == before
    assert [each["master"] for each in await room.do("SELECT master FROM data_keys")] == ["2027"]
