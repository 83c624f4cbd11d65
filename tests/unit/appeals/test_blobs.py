"""Bytes beside the database are sealed anew where they lie: those of before, then for another key; readers notice nothing."""

import io
import os
from pathlib import Path
from typing import Any, cast

import obstore
import pytest

from libs.common.errors import Transient
from libs.common.object_stores import open_store
from libs.common.sealing.cipher import Cipher, Unreadable, key_of
from services.appeals.documents import blobs as module
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.frames import FRAME_BYTES, HEAD_BYTES

FIRST, SECOND = os.urandom(32), os.urandom(32)
LARGE = os.urandom(2 * FRAME_BYTES + 17)
TX: Any = None  # objects are beside any transaction


class Shelf:
    """A folder of one tenant's objects, and the keys that it is read with."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(str(folder))
        self.blobs = Blobs(self.store, cast("Any", None))
        self.cipher = Cipher("mine", {1: FIRST}, lenient=True)

    async def read(self, key: str, first: int = 0, end: int = len(LARGE)) -> bytes:
        return b"".join([piece async for piece in self.blobs.stream(key, first, end)])

    async def kept(self, key: str) -> bytes:
        return bytes(await (await obstore.get_async(self.store, key)).bytes_async())

    async def seal_all(self) -> bool:
        """Go through all once; say whether anything was sealed anew."""
        after, changed = None, False
        while True:
            step = await self.blobs.step(TX, "mine", self.cipher, after)
            after, changed = step.after, changed or step.changed
            if after is None:
                return changed


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    made = Shelf(tmp_path)

    async def cipher_for(_: object, __: str) -> Cipher:
        return made.cipher

    monkeypatch.setattr(module, "cipher_for", cipher_for)
    return made


async def test_objects_of_before_are_sealed_and_then_for_another_key_without_touching_their_frames(shelf: Shelf) -> None:
    folder = b"mine".hex()
    clear = [f"documents/{folder}/{number:02}" for number in range(23)] + [f"{folder}/packet/a.pdf"]
    for key in clear:
        await obstore.put_async(shelf.store, key, LARGE)
    await obstore.put_async(shelf.store, f"documents/{b'theirs'.hex()}/1", LARGE)
    sealed = await shelf.blobs.put("mine", io.BytesIO(LARGE))
    assert await shelf.read(clear[0], 5, 9) == LARGE[5:9]
    assert await shelf.seal_all()
    assert not await shelf.seal_all(), "the second pass finds nothing"
    assert await shelf.kept(f"documents/{b'theirs'.hex()}/1") == LARGE, "another tenant's are left alone"
    shelf.cipher = Cipher("mine", {1: FIRST, 2: SECOND})
    before = {key: await shelf.kept(key) for key in (*clear, sealed)}
    assert await shelf.seal_all()
    shelf.cipher = Cipher("mine", {2: SECOND})  # the first key is destroyed
    for key in (*clear, sealed):
        kept = await shelf.kept(key)
        assert (key_of(kept), kept[HEAD_BYTES:]) == (2, before[key][HEAD_BYTES:])
        assert LARGE[:64] not in kept
        assert await shelf.read(key) == LARGE
        assert await shelf.read(key, FRAME_BYTES - 3, FRAME_BYTES + 5) == LARGE[FRAME_BYTES - 3 : FRAME_BYTES + 5]


async def test_an_object_in_the_clear_is_refused_once_all_is_sealed_and_one_that_is_gone_is_away(shelf: Shelf) -> None:
    key = f"documents/{b'mine'.hex()}/1"
    await obstore.put_async(shelf.store, key, LARGE)
    shelf.cipher = Cipher("mine", {1: FIRST})
    with pytest.raises(Unreadable, match="not_sealed"):
        await shelf.read(key)
    await shelf.blobs.discard([key])
    with pytest.raises(Transient, match="documents_away"):
        await shelf.read(key)
