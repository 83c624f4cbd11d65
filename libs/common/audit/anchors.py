"""Anchors: copies of seals outside of the database, in a folder or an object store, and the public keys that they are checked by.

An anchor is written once and never again: a store that keeps what is written (object lock, another administrator's) makes them
proof against whoever rules the database.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec
import obstore
from msgspec import Struct
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from libs.common.audit.entries import SealKind
from libs.common.audit.seals import Seal, key_id_of
from libs.common.errors import Transient
from libs.common.object_stores import open_store

_KEYS: Final = "keys"


class _Anchor(Struct, frozen=True):
    """One anchor's JSON."""

    service: str
    tenant_id: str
    kind: SealKind
    seq: int
    hash: str
    sealed_at: datetime
    key_id: str | None
    signature: str | None


def open_anchors(told: str) -> "Anchors":
    """Return the anchors at a URL, or in the folder of this name."""
    return Anchors(open_store(told))


class Anchors:
    """Every method's errors: Transient when the store is away."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def keep_key(self, public_key: bytes) -> None:
        await self._create(f"{_KEYS}/{key_id_of(public_key)}", public_key.hex().encode())

    async def keep(self, service: str, tenant_id: str, seal: Seal) -> None:
        """Write an anchor, unless it is there."""
        signature = seal.signature.hex() if seal.signature is not None else None
        told = _Anchor(service, tenant_id, seal.kind, seal.seq, seal.hash.hex(), seal.sealed_at, seal.key_id, signature)
        await self._create(f"{_folder(service, tenant_id)}/{seal.seq:020d}.json", msgspec.json.encode(told))

    async def read(self, service: str, tenant_id: str) -> list[Seal]:
        """Return a tenant's anchors, oldest first. Errors: ValueError where one cannot be read."""
        told = [msgspec.json.decode(raw, type=_Anchor) for raw in (await self._all(_folder(service, tenant_id))).values()]
        return [
            Seal(
                each.kind, each.seq, bytes.fromhex(each.hash), each.sealed_at, each.key_id,
                bytes.fromhex(each.signature) if each.signature is not None else None,
            )
            for each in sorted(told, key=lambda each: each.seq)
        ]  # fmt: skip

    async def keys(self) -> Mapping[str, bytes]:
        """Return all public keys by their ids. Errors: ValueError where one cannot be read."""
        found = [bytes.fromhex(raw.decode()) for raw in (await self._all(_KEYS)).values()]
        return {key_id_of(each): each for each in found}

    async def _create(self, path: str, raw: bytes) -> None:
        try:
            await obstore.put_async(self._store, path, raw, mode="create")
        except AlreadyExistsError:
            return
        except (BaseError, OSError) as error:
            raise Transient("anchors_away") from error

    async def _all(self, folder: str) -> Mapping[str, bytes]:
        found = {}
        try:
            async for page in obstore.list(self._store, folder):
                for each in page:
                    found[each["path"]] = bytes(await (await obstore.get_async(self._store, each["path"])).bytes_async())
        except (BaseError, OSError) as error:
            raise Transient("anchors_away") from error
        return found


def _folder(service: str, tenant_id: str) -> str:
    return f"{service}/{tenant_id.encode().hex()}"
