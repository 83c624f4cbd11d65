"""The models that score: the live one of a tenant, and the one in the shadow, each read once and only when its hash agrees."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.classifier.models import store
from services.classifier.models.life import State, Subject

M = TypeVar("M")
_KEPT: Final = 64


class Altered(Exception):  # noqa: N818 - the fact is the name
    """A model's file has not the bytes that were registered, or not the seal that goes with them. It is not read."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the file of model {name} was altered: its SHA-256 or its seal is not the registered one")
        self.name = name


class Ready(Struct, Generic[M], frozen=True):
    """A model that can score, and by which name it is told."""

    model_id: UUID
    name: str
    scorer: M


def proved(name: str, body: bytes, sha256: str, is_sealed: bool) -> bytes:
    """Return the bytes of a model's file when they are the registered ones, and sealed as such. Errors: Altered."""
    if not is_sealed or hashlib.sha256(body).hexdigest() != sha256:
        raise Altered(name)
    return body


class Registry(Generic[M]):
    """Models of one subject, ready to score; one of these for a process. `read` makes a scorer of a file."""

    def __init__(self, subject: Subject, read: Callable[[bytes], M]) -> None:
        self._subject: Subject = subject
        self._read = read
        self._ready: OrderedDict[UUID, Ready[M]] = OrderedDict()

    async def live(self, tx: AsyncConnection, tenant_id: str) -> Ready[M] | None:
        """Return the model that is live; None: there is none. Errors: Altered."""
        return await self.in_state(tx, tenant_id, "live")

    async def in_state(self, tx: AsyncConnection, tenant_id: str, state: State) -> Ready[M] | None:
        """Return the model that is live, or the one in the shadow; the other one is not read. Errors: Altered."""
        model = await store.named_in_use(tx, tenant_id, self._subject, state)
        return None if model is None else await self._of(tx, model)

    async def _of(self, tx: AsyncConnection, model: store.InUse) -> Ready[M]:
        found = self._ready.get(model.model_id)
        if found is None:
            body = proved(model.name, *await store.body(tx, model.tenant_id, model.model_id))
            scorer = await asyncio.to_thread(self._read, body)  # large ones take a while
            found = Ready(model.model_id, model.name, scorer)
            self._ready[model.model_id] = found
            while len(self._ready) > _KEPT:
                self._ready.popitem(last=False)
        self._ready.move_to_end(model.model_id)
        return found
