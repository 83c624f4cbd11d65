"""`recours documents`: what stands behind an appeal, sent, listed, and fetched whole whatever breaks off."""

import os
from http import HTTPStatus
from pathlib import Path, PurePath
from typing import Final
from uuid import UUID

from msgspec import Raw
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from libs.client import services, sources
from libs.client.errors import ProblemAnswer, as_json
from libs.client.shapes import Document
from libs.client.show import Column, output, plain, print_json, print_rows
from libs.client.transport import Answer, Service

_COLUMNS: Final = (
    Column("exhibit", "right", width=7),
    Column("kind", width=24),
    Column("name", min_width=24),
    Column("pages", "right", width=6),
    Column("bytes", "right", width=11),
    Column("from", width=8),
    Column("id", width=36),
)
_ANY: Final = "application/octet-stream"


def upload(case_id: UUID, names: list[str], kind: str, *, as_lines: bool) -> int:
    """Send files to a case; return the exit status: 0 all are there, 1 at least one was refused."""
    refused = 0
    errors = output(errors=True)
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Service("appeals") as appeals, Progress(*parts, console=errors, transient=True) as bars:
        for source in sources.find(names):
            try:
                answer = _send(appeals, case_id, source, kind, bars)
            except ProblemAnswer as problem:
                refused += 1
                if as_lines:
                    print_json({"file": source.name, "problem": as_json(problem)})
                else:
                    output().print(f"{plain(source.name)}: refused. {problem.detail}", soft_wrap=True)
                continue
            if as_lines:
                print_json(Raw(answer.raw))
            else:
                state = "new" if answer.status == HTTPStatus.CREATED else "known"
                output().print(f"{plain(source.name)}: {state}, {_told(answer.value)}", soft_wrap=True)
    return int(refused > 0)


def _send(appeals: Service, case_id: UUID, source: sources.Source, kind: str, bars: Progress) -> Answer[Document]:
    with source.open() as file:
        task = bars.add_task(f"sending {plain(source.name)}", total=os.fstat(file.fileno()).st_size)
        body = sources.body_of(file, lambda sent: bars.update(task, completed=sent), _ANY)
        try:
            return services.send_document(appeals, case_id, body, kind, PurePath(source.name).name)
        finally:
            bars.remove_task(task)


def _told(document: Document) -> str:
    pages = "" if document.page_count is None else f", {document.page_count} pages"
    return f"{document.document_id} {document.kind}, {document.media_type}{pages}"


def show(case_id: UUID, *, as_lines: bool) -> None:
    """List a case's documents in exhibit order."""
    with Service("appeals") as appeals:
        found = services.list_documents(appeals, case_id)
    if as_lines:
        for _, raw in found:
            print_json(raw)
    elif found:
        print_rows(output(), _COLUMNS, [_row(document) for document, _ in found])
    else:
        output(errors=True).print("The case has no documents.")


def _row(document: Document) -> list[str]:
    return [
        str(document.exhibit or ""),
        document.kind,
        plain(document.file_name),
        str(document.page_count or ""),
        f"{document.size_bytes:,}",
        document.origin,
        str(document.document_id),
    ]


def get(case_id: UUID, document_id: UUID, out: Path | None) -> None:
    """Fetch a document into a file, going on where it broke off. Errors: ClientError where the bytes are not its own."""
    errors = output(errors=True)
    parts = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Service("appeals") as appeals, Progress(*parts, console=errors, transient=True) as bars:
        document = services.get_document(appeals, case_id, document_id).value
        path = Path(PurePath(document.file_name).name) if out is None else out / document.file_name if out.is_dir() else out
        task = bars.add_task(f"fetching {plain(path.name)}", total=document.size_bytes)
        services.fetch_document(appeals, document, path, lambda held: bars.update(task, completed=held))
    output().print(f"{plain(str(path))}: {document.size_bytes:,} bytes", soft_wrap=True)
