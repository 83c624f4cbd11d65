"""`recours documents` against the service over real HTTP: sent, listed, and fetched whole though it broke off before."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from libs.client import cli
from libs.common.database import Database
from tests.integration.http.test_contract import served
from tests.support import ServiceDatabase, papers, run_apart
from tests.support.cases import open_case

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def case(service_database: Callable[[str], ServiceDatabase], monkeypatch: pytest.MonkeyPatch) -> Iterator[UUID]:
    """Serve appeals with one case."""
    database = service_database("appeals")

    async def open_one() -> UUID:
        worker = Database(database.worker_url)
        made = await open_case(worker)
        await worker.close()
        return made

    with served("appeals", database) as url:
        monkeypatch.setenv("RECOURS_APPEALS_URL", url)
        yield run_apart(open_one())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["recours", "documents", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_documents_are_sent_listed_and_fetched(case: UUID, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sound = papers.pdf(3, filler_bytes=100_000)
    Path("records.pdf").write_bytes(sound)
    Path("script.pdf").write_bytes(papers.pdf_with("javascript"))
    code, out, _ = run("upload", case, "records.pdf", "script.pdf", "--kind", "medical_records")
    assert (code, "script.pdf: refused. The PDF holds active content" in out) == (1, True)
    assert "records.pdf: new, " in out
    assert "records.pdf: known, " in run("upload", case, "records.pdf")[1]
    code, out, _ = run("list", case, "--json")
    [listed] = map(json.loads, out.splitlines())
    assert (code, listed["kind"], listed["page_count"]) == (0, "medical_records", 3)
    assert "medical_records" in run("list", case)[1]

    Path("records.pdf").unlink()
    Path("records.pdf.part").write_bytes(sound[:1000])
    assert run("get", case, listed["document_id"])[0] == 0
    assert Path("records.pdf").read_bytes() == sound
    Path("folder").mkdir()
    Path("folder/records.pdf.part").write_bytes(b"of another file")
    code, _, err = run("get", case, listed["document_id"], "-o", "folder")
    assert (code, "what came is not the document" in err) == (2, True)
    assert list(Path("folder").iterdir()) == []
    assert run("get", case, listed["document_id"], "-o", "folder/a.pdf")[0] == 0
    assert Path("folder/a.pdf").read_bytes() == sound
    assert run("get", case, case)[0] == 2
