"""`recours tenants export`: an archive a service, each proved by its manifest before it gets its name."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final
from zipfile import BadZipFile, ZipFile

import msgspec

from libs.client.errors import ClientError
from libs.client.fetching import part_of
from libs.client.show import Column, output, print_json, print_rows
from libs.client.tenants import address_of, problem_of
from libs.client.transport import Service

_COLUMNS: Final = (
    Column("service"),
    *(Column(title, "right") for title in ("rows", "objects", "bytes")),
    Column("archive", min_width=20),
)
_PIECE_BYTES: Final = 1024 * 1024


class Member(msgspec.Struct, frozen=True):
    """A member of the archive, as the manifest tells it; of a table `rows`, of the list of objects `count`."""

    file: str
    sha256: str
    rows: int = 0
    count: int = 0
    unreadable: int = 0


class Manifest(msgspec.Struct, frozen=True):
    format: str
    tables: dict[str, Member]
    objects: Member


class _Object(msgspec.Struct, frozen=True):
    file: str
    sha256: str


def export(names: Sequence[str], tenant_id: str, folder: Path, *, as_lines: bool) -> int:
    """Fetch the archives into a folder; return the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, failed, errors = [], False, output(errors=True)
    for name in names:
        to = folder / f"{name}.zip"
        try:
            manifest = _fetch(name, tenant_id, to)
        except ClientError as error:
            failed = True
            if as_lines:
                print_json({"service": name, "problem": problem_of(error)})
            errors.print(f"{name}: {error}", style="red")
            continue
        held = sum(each.rows for each in manifest.tables.values())
        told: dict[str, Any] = {"service": name, "file": str(to), "bytes": to.stat().st_size, "rows": held}
        told |= {"objects": manifest.objects.count, "unreadable": sum(each.unreadable for each in manifest.tables.values())}
        if as_lines:
            print_json(told)
        if told["unreadable"]:
            errors.print(f"{name}: {told['unreadable']} sealed cells did not open; the manifest counts them by table.", style="red")
        rows.append([name, f"{held:,}", f"{manifest.objects.count:,}", f"{told['bytes']:,}", str(to)])
    if rows and not as_lines:
        print_rows(output(), _COLUMNS, rows)
    return 1 if failed else 0


def _fetch(name: str, tenant_id: str, to: Path) -> Manifest:
    """Fetch and prove one archive. Errors: ClientError, and nothing is kept."""
    part = part_of(to)
    try:
        with Service(name) as service, output(errors=True).status(name) as shown, part.open("wb") as file:
            service.download(
                f"{address_of(tenant_id)}/export", {}, file, lambda held: shown.update(f"{name}: {held / 1e6:,.1f} MB")
            )
        manifest = prove(part)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def prove(path: Path) -> Manifest:
    """Hold an archive against its manifest, member by member. Errors: ClientError where it is not whole."""
    try:
        with ZipFile(path) as archive:
            manifest = msgspec.json.decode(archive.read("manifest.json"), type=Manifest)
            for member in (*manifest.tables.values(), manifest.objects):
                with archive.open(member.file) as file:
                    _prove(file, member.file, member.sha256, member.rows or member.count)
            with archive.open(manifest.objects.file) as listed:
                for line in listed:
                    each = msgspec.json.decode(line, type=_Object)
                    with archive.open(each.file) as file:
                        _prove(file, each.file, each.sha256, None)
    except (BadZipFile, KeyError, msgspec.DecodeError) as error:
        raise ClientError("The archive broke off, or is none; nothing was kept.") from error
    return manifest


def _prove(file: IO[bytes], name: str, sha256: str, lines: int | None) -> None:
    digest, counted = hashlib.sha256(), 0
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
        counted += piece.count(b"\n")
    if digest.hexdigest() != sha256 or lines not in (None, counted):
        raise ClientError(f"The archive's {name} is not what its manifest says; nothing was kept.")
