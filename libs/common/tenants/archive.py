"""All that a service holds of a tenant as one ZIP archive, written while it is read; docs/tenants.md tells its format.

The list of what is in a ZIP comes last, and the manifest before it: an archive that broke off does not open.
"""

import base64
import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import msgspec

from libs.common.database import Database, driver, freeze
from libs.common.sealing.cipher import Cipher, Unreadable
from libs.common.sealing.keys import cipher_for
from libs.common.sink import Sink
from libs.common.tenants.holdings import OF_NO_TENANT, Holdings, Sealed, Table, tables_of_tenants

FORMAT: Final = "recours.tenant.v1"
LEFT_OUT: Final[Mapping[str, str]] = {
    **OF_NO_TENANT,
    "data_keys": "keys, wrapped by the master key: they open nothing outside; what they seal is opened here",
}
_LEVEL: Final = 1  # of deflate: half as tight again costs three times the time
_ROWS_MAX: Final = 2000
_FETCH_BYTES: Final = 512 * 1024
_encode = msgspec.json.Encoder().encode


async def archive(database: Database, holdings: Holdings, tenant_id: str, now: datetime) -> AsyncGenerator[bytes, None]:
    """Yield the archive in pieces: rows as they stood at one moment, then bytes beside the database, then the manifest.

    Memory: a few megabytes, and some 500 bytes for each object beside the database.
    Errors: Transient; who stops reading for a minute is cut off by the database.
    """
    cipher = await cipher_for(database, tenant_id)
    sink = Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as file:
        writing = _Writing(file, sink, holdings, tenant_id, cipher, now)
        async with database.begin() as tx:
            await freeze(tx, tenant_id)
            connection = await driver(tx)
            for table in await tables_of_tenants(tx):
                if table.name not in LEFT_OUT:
                    async for piece in writing.table(connection, table):
                        yield piece
        async for piece in writing.objects():
            yield piece
        yield writing.end()


class _Writing:
    def __init__(self, file: ZipFile, sink: Sink, holdings: Holdings, tenant_id: str, cipher: Cipher, now: datetime) -> None:
        self._holdings = holdings
        self._tenant_id = tenant_id
        self._cipher = cipher
        self._now = now
        self._zip, self._sink = file, sink
        self._tables: dict[str, Any] = {}
        self._objects: dict[str, Any] = {}

    def _open(self, name: str, kind: int = ZIP_DEFLATED) -> IO[bytes]:
        named = ZipInfo(name, self._now.timetuple()[:6])
        named.compress_type = kind
        return self._zip.open(named, "w", force_zip64=True)  # how long it gets is not known before

    async def table(self, connection: Any, table: Table) -> AsyncIterator[bytes]:
        """Yield a table as a member of JSON lines, and note how many and their digest."""
        sealed = [each for each in self._holdings.sealed if each.place.table == table.name]
        withheld = self._holdings.withheld.get(table.name, ())
        name, digest, rows, unreadable = f"tables/{table.name}.jsonl", hashlib.sha256(), 0, 0
        cursor = await connection.cursor(_query(table, sealed, withheld), self._tenant_id)
        with self._open(name) as member:
            at_once = 16
            while found := await cursor.fetch(at_once):
                lines = [self._line(row, sealed) for row in found]
                told = b"".join(line for line, _ in lines)
                digest.update(told)
                member.write(told)
                rows, unreadable = rows + len(lines), unreadable + sum(count for _, count in lines)
                at_once = max(1, min(_ROWS_MAX, _FETCH_BYTES * len(found) // len(told)))  # some rows are a megabyte long
                yield self._sink.drain()
        self._tables[table.name] = {"file": name, "rows": rows, "sha256": digest.hexdigest()}
        if unreadable:
            self._tables[table.name]["unreadable"] = unreadable
        if withheld:
            self._tables[table.name]["withheld"] = list(withheld)

    def _line(self, row: Any, sealed: Sequence[Sealed]) -> tuple[bytes, int]:
        """Return a row as a line, and how many of its cells could not be opened."""
        told: bytes = row["told"].encode()
        unreadable = 0
        for place, each in enumerate(sealed):
            cell = None if row[f"cell{place}"] is None else self._opened(each, row, place)
            unreadable += isinstance(cell, dict) and "unreadable" in cell
            told = b'%s,"%s":%s}' % (told[:-1], each.place.column.encode(), _encode(cell))
        return told + b"\n", unreadable

    def _opened(self, each: Sealed, row: Any, place: int) -> str | dict[str, str]:
        key = tuple(row[f"key{place}_{name}"] for name, _ in each.place.key)
        try:
            plain = each.unpack(self._cipher.open(each.place, key, row[f"cell{place}"]))
        except Unreadable as error:  # all else is worth having
            return {"unreadable": str(error)}
        try:
            return plain.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(plain).decode()}

    async def objects(self) -> AsyncIterator[bytes]:
        """Yield the bytes beside the database, a member each, and then the list of them."""
        count = size_bytes = 0
        with tempfile.TemporaryFile() as listed:
            for store, beside in self._holdings.beside.items():
                async for keys in beside.keys_of(self._tenant_id):
                    for key in keys:
                        size = await beside.size_of(key)
                        if size is None:  # it went meanwhile
                            continue
                        name, digest = f"objects/{store}/{key}", hashlib.sha256()
                        with self._open(name, ZIP_STORED) as member:
                            async for piece in beside.stream(key, 0, size):
                                digest.update(piece)
                                member.write(piece)
                                yield self._sink.drain()
                        told = {"file": name, "store": store, "key": key, "bytes": size, "sha256": digest.hexdigest()}
                        listed.write(_encode(told) + b"\n")
                        count, size_bytes = count + 1, size_bytes + size
            listed.seek(0)
            self._objects = {"file": "objects.jsonl", "count": count, "bytes": size_bytes}
            digest = hashlib.sha256()
            with self._open("objects.jsonl") as member:
                while some := listed.read(_FETCH_BYTES):
                    digest.update(some)
                    member.write(some)
                    yield self._sink.drain()
            self._objects["sha256"] = digest.hexdigest()

    def end(self) -> bytes:
        """Write the manifest and the list of members, and return what is left."""
        manifest = {
            "format": FORMAT,
            "service": self._holdings.service,
            "tenant_id": self._tenant_id,
            "exported_at": self._now.isoformat(),
            "tables": self._tables,
            "objects": self._objects,
            "left_out": LEFT_OUT,
        }
        with self._open("manifest.json") as member:
            member.write(msgspec.json.format(_encode(manifest)))
        self._zip.close()
        return self._sink.drain()


def _query(table: Table, sealed: Sequence[Sealed], withheld: Sequence[str]) -> str:
    """Return the question for a table's rows: plain columns as JSON, and apart what is to be opened, with its row's key."""
    apart = {each.place.column for each in sealed} | set(withheld)
    plain = ", ".join(f"t.{column}" for column in table.columns if column not in apart)
    more = "".join(
        f", t.{each.place.column} AS cell{place}" + "".join(f", t.{name} AS key{place}_{name}" for name, _ in each.place.key)
        for place, each in enumerate(sealed)
    )
    told = f"row_to_json((SELECT r FROM (SELECT {plain}) AS r))::text AS told"  # noqa: S608 - names from the catalog
    return f"SELECT {told}{more} FROM {table.name} AS t WHERE t.tenant_id = $1"  # noqa: S608 - as above
