"""`recours audit`: the audit log of each service, listed, exported, and verified against its seals and anchors.

An export holds all that verification reads from a service, so that it can be verified later and elsewhere.
"""

import asyncio
import itertools
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.client.errors import ClientError
from libs.client.services import list_items
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Service
from libs.common.audit.entries import Entry, Kept, Outcome, SealKind
from libs.common.audit.seals import Keys, Seal
from libs.common.audit.verifying import Evidence, Head, Link, Report, verify
from libs.common.errors import Transient

T = TypeVar("T")

_COLUMNS: Final = (
    *(Column(title) for title in ("at", "service", "subject", "outcome", "action", "object")),
    Column("ids", min_width=36),
)
_IDS_SHOWN: Final = 2


class _EntryShape(Struct, frozen=True):
    entry_id: UUID
    at: datetime
    subject: str
    token_id: str | None
    action: str
    object_kind: str
    object_ids: tuple[str, ...]
    outcome: Outcome
    trace_id: str | None


class _LinkShape(Struct, frozen=True):
    seq: int
    hash: str
    entry_id: UUID
    entry: _EntryShape | None

    def link(self) -> Link:
        return Link(self.seq, bytes.fromhex(self.hash), self.entry_id, _kept(self.entry) if self.entry else None)


class _SealShape(Struct, frozen=True):
    seq: int
    kind: SealKind
    hash: str
    sealed_at: datetime
    key_id: str | None
    signature: str | None

    def seal(self) -> Seal:
        signature = bytes.fromhex(self.signature) if self.signature is not None else None
        return Seal(self.kind, self.seq, bytes.fromhex(self.hash), self.sealed_at, self.key_id, signature)


class _HeadShape(Struct, frozen=True):
    tenant_id: str
    seq: int
    waiting: int
    oldest_at: datetime | None

    def head(self) -> Head:
        return Head(self.seq, self.waiting, self.oldest_at)


class _Line(Struct, frozen=True, omit_defaults=True):
    """A line of an export: one of these."""

    begins: _HeadShape | None = None
    service: str = ""
    link: _LinkShape | None = None
    seal: _SealShape | None = None
    ends: _HeadShape | None = None


def _kept(told: _EntryShape) -> Kept:
    entry = Entry(
        told.subject, told.action, told.outcome, told.object_kind, told.object_ids, token_id=told.token_id, trace_id=told.trace_id
    )
    return Kept(told.entry_id, told.at, entry)


def show(names: Sequence[str], filters: Mapping[str, Any], limit: int, *, as_lines: bool) -> None:
    """List entries, service by service, newest first."""
    rows: list[list[str]] = []
    for service in map(Service, names):
        for entry, raw in list_items(service, "/v1/audit-log", _EntryShape, filters, limit):
            if as_lines:
                print_json({"service": service.name, "entry": raw})
            else:
                rows.append(_row(service.name, entry))
    if rows:
        print_rows(output(), _COLUMNS, rows)
    elif not as_lines:
        output(errors=True).print("No entries.")


def _row(service: str, entry: _EntryShape) -> list[str]:
    more = f" and {len(entry.object_ids) - _IDS_SHOWN} more" if len(entry.object_ids) > _IDS_SHOWN else ""
    ids = ", ".join(map(plain, entry.object_ids[:_IDS_SHOWN])) + more
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return [at, service, plain(entry.subject), entry.outcome, plain(entry.action), plain(entry.object_kind), ids]


def export(names: Sequence[str], file: IO[bytes]) -> None:
    """Write all that verification reads from services, a line each; and say how much it was."""
    links = 0
    for service in map(Service, names):
        begins = _head(service)
        _write(file, _Line(begins=begins, service=service.name))
        for kind in ("cut", "seal"):
            for seal in _seals(service, kind):
                _write(file, _Line(seal=seal))
        for link in _links(service, begins.seq):
            _write(file, _Line(link=link))
            links += 1
        _write(file, _Line(ends=_head(service)))
    output(errors=True).print(f"{links} entries of {', '.join(names)}.")


def _write(file: IO[bytes], line: _Line) -> None:
    file.write(msgspec.json.encode(line) + b"\n")


def _head(service: Service) -> _HeadShape:
    return service.get("/v1/audit-log/head", _HeadShape).value


def _links(service: Service, last: int) -> Iterator[_LinkShape]:
    told = (link for link, _ in list_items(service, "/v1/audit-log/chain", _LinkShape, {}))
    return itertools.takewhile(lambda link: link.seq <= last, told)


def _seals(service: Service, kind: str) -> Iterator[_SealShape]:
    return (seal for seal, _ in list_items(service, "/v1/audit-log/seals", _SealShape, {"kind": kind}))


def check(names: Sequence[str], anchors: str | None, file: Path | None, *, as_json: bool) -> int:
    """Verify logs, of services or of an export; return 0 where all are whole, 1 where one is not. Errors: ClientError."""
    outside = _Outside(anchors)
    reports = list(_of_file(file, outside)) if file is not None else [_of_service(Service(name), outside) for name in names]
    for report in reports:
        if as_json:
            print_json({**msgspec.structs.asdict(report), "is_whole": report.is_whole})
        else:
            _print(report)
    return 0 if all(report.is_whole for report in reports) else 1


class _Outside:
    """Anchors and public keys, from where no database reaches. Errors: ClientError where they cannot be read."""

    def __init__(self, told: str | None) -> None:
        from libs.common.audit.anchors import open_anchors  # noqa: PLC0415 - object stores are slow to load, and few commands ask one

        self._anchors = None if told is None else open_anchors(told)
        self.keys: Keys = _awaited(self._anchors.keys()) if self._anchors else {}

    def anchors(self, service: str, tenant_id: str) -> list[Seal]:
        return _awaited(self._anchors.read(service, tenant_id)) if self._anchors else []


def _awaited(asked: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(asked)
    except (Transient, ValueError, msgspec.DecodeError) as error:
        raise ClientError(f"The anchors cannot be read: {error}.") from error


def _of_service(service: Service, outside: _Outside) -> Report:
    tenant_id = _head(service).tenant_id
    anchors = outside.anchors(service.name, tenant_id)  # before the head: what is anchored is in the chain
    begins = _head(service)
    cuts = [each.seal() for each in _seals(service, "cut")]
    links = (each.link() for each in _links(service, begins.seq))
    evidence = Evidence((each.seal() for each in _seals(service, "seal")), cuts, anchors, outside.keys)
    return verify(service.name, tenant_id, links, evidence, lambda: _head(service).head(), datetime.now(UTC))


def _of_file(path: Path, outside: _Outside) -> Iterator[Report]:
    """Yield a report for each service of an export. Errors: ClientError."""
    try:
        lines = [msgspec.json.decode(raw, type=_Line) for raw in path.read_bytes().splitlines()]
    except (OSError, msgspec.DecodeError) as error:
        raise ClientError(f"{path} is no export of an audit log.") from error
    while lines:
        begins, name = lines[0].begins, lines[0].service
        end = next((place for place, line in enumerate(lines) if line.ends is not None), None)
        if begins is None or end is None:
            raise ClientError(f"{path} is cut off, or no export of an audit log.")
        yield _of_lines(name, begins, lines[1:end], lines[end].ends or begins, outside)
        lines = lines[end + 1 :]


def _of_lines(name: str, begins: _HeadShape, lines: Iterable[_Line], ends: _HeadShape, outside: _Outside) -> Report:
    seals = [line.seal.seal() for line in lines if line.seal is not None]
    links = (line.link.link() for line in lines if line.link is not None)
    cuts = [each for each in seals if each.kind == "cut"]
    anchors = [each for each in outside.anchors(name, begins.tenant_id) if each.seq <= ends.seq]  # it may be an old export
    evidence = Evidence([each for each in seals if each.kind == "seal"], cuts, anchors, outside.keys)
    now = ends.oldest_at or datetime.now(UTC)  # what waited when it was exported is not held against the log
    return verify(name, begins.tenant_id, links, evidence, ends.head, now)


def _print(report: Report) -> None:
    told = output()
    state = "whole" if report.is_whole else "NOT WHOLE"
    places = f"places {report.first_seq} to {report.last_seq}" if report.entries else "no entries"
    told.print(f"{report.service}: {state}: {places}, {report.seals} seals, {report.anchors} anchors.")
    for finding in report.findings:
        told.print(f"  {finding.fault}: {finding.told}")
    if report.faults > len(report.findings):
        told.print(f"  and {report.faults - len(report.findings)} more.")
    for unproven in report.unproven:
        told.print(f"  unproven: {unproven}")
