"""The process of one job: `python -m services.classifier.models.work`, begun by the worker, which stays answerable and small.

It is told what to do in one line of JSON on standard input, tells how far it is in lines on standard output, and writes what came
of it into a file whose SHA-256 is the last thing it says. It registers nothing: that is the worker's, in one transaction. When
standard input ends, whoever began it is dead, and it ends too.
"""

import asyncio
import hashlib
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.database import Database
from services.classifier.learners import LEARNERS
from services.classifier.models import store
from services.classifier.models.jobs import Work
from services.classifier.models.learner import Learner
from services.classifier.models.life import Subject
from services.classifier.models.registry import Altered, proved
from services.classifier.models.told import Fitted, Held, Refused

_PARENT_IS_GONE = 3


class Order(Struct, frozen=True):
    """What is to be done, and into which file."""

    tenant_id: str
    subject: Subject
    work: Work
    model_id: UUID | None
    path: str


class Trained(Struct, frozen=True, tag=True):
    fitted: Fitted
    rival_id: UUID | None


class Evaluated(Struct, frozen=True, tag=True):
    """`held` has the model's figures, and after them the rival's where there is one."""

    held: Held
    rival_id: UUID | None


Result = Trained | Evaluated


class Word(Struct, frozen=True, omit_defaults=True):
    """One line on standard output: a step; or the end, either way."""

    step: str = ""
    share: float = 0.0
    sha256: str | None = None
    refused: str | None = None


def say(word: Word) -> None:
    sys.stdout.write(msgspec.json.encode(word).decode() + "\n")
    sys.stdout.flush()


def tell(step: str, share: float) -> None:
    say(Word(step, share))


async def do(order: Order, database: Database, learner: Learner) -> Result:
    """Do the work. Errors: Refused, Altered."""
    tell("reading", 0.0)
    async with database.begin() as tx:
        await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        live = (await store.in_use(tx, order.tenant_id, order.subject)).get("live")
        rows = await learner.gather(tx, order.tenant_id, datetime.now(UTC), tell)
        model = await store.get(tx, order.tenant_id, order.model_id) if order.model_id else None
        rival = None if model is not None and live is not None and live.model_id == model.model_id else live
        held = [each for each in (model, rival) if each is not None]
        bodies = [await _body(tx, each) for each in held]
    rival_id = None if rival is None else rival.model_id
    if order.work == "train":
        return Trained(learner.fit(rows, bodies[0] if bodies else None, tell), rival_id)
    tell("measuring", 0.5)
    return Evaluated(learner.hold(rows, bodies, max(each.last_on for each in held)), rival_id)


async def _body(tx: AsyncConnection, model: store.Model) -> bytes:
    return proved(model.name, *await store.body(tx, model.tenant_id, model.model_id))


def _end_with_the_parent() -> None:
    """Wait for standard input to end: only the death of who holds its other end does that. Unbuffered, so that it can be left."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(_PARENT_IS_GONE)


async def work(order: Order) -> None:
    url, name = os.environ["RECOURS_DATABASE_URL"], "recours-classifier-model-job"
    database = Database(url, pool_size=1, application_name=name, statement_seconds=None)  # it reads years at once
    try:
        result: Any = await do(order, database, LEARNERS[order.subject])
    except (Refused, Altered) as error:
        say(Word(refused=str(error)))
        return
    finally:
        await database.close()
    body = msgspec.msgpack.encode(result)
    await asyncio.to_thread(Path(order.path).write_bytes, body)
    say(Word("registering", 0.99, sha256=hashlib.sha256(body).hexdigest()))


def main() -> None:
    os.nice(10)  # events come first
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    asyncio.run(work(order))


if __name__ == "__main__":
    main()
