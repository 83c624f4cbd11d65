"""`recours letters` and `recours packets` against appeals as its process serves it, over a real database."""

import io
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import text

from libs.client.errors import ClientError
from libs.client.letters import values_of
from libs.common.database import Database
from services.appeals.ingest import Ingest
from services.appeals.letters.meanings import Meanings
from tests.integration.client.conftest import Run
from tests.integration.client.test_worklist import database, denial, opened, run
from tests.support import ServiceDatabase, run_apart

__all__ = ["database", "run"]


def text_of(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages).split())


async def nothing(*_: Any) -> Any:
    return None


async def no_meanings(*_: Any) -> dict[str, str]:
    return {}


def test_a_template_is_looked_at_and_a_letter_written_and_fetched(
    run: Run, database: ServiceDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = tmp_path / "own.txt"
    body.write_text("For {{ patient_name }}: {{ why_payable }}")
    status, out, _ = run("letters", "preview", "general", "--body", body, "--value", "why_payable=It is.", "-o", tmp_path / "a.pdf")
    assert (status, "a.pdf" in out) == (0, True)
    assert "For Patient Sample: It is." in text_of(tmp_path / "a.pdf")
    status, _, err = run("letters", "preview", "general", "-o", tmp_path / "b.pdf")
    assert (status, "values why_payable is missing" in err) == (2, True)
    monkeypatch.setattr(Ingest, "claim_id_of", nothing)
    monkeypatch.setattr(Ingest, "remit", nothing)
    monkeypatch.setattr(Meanings, "of", no_meanings)
    made = denial("ACCT1", 10_000)
    run_apart(opened(database, made))
    case_id = run_apart(_case_id(database))
    status, _, err = run("letters", "write", case_id, "--category", "general")
    assert (status, "letterhead-missing" in err) == (2, True)
    status, _, err = run("packets", "build", case_id)
    assert (status, "letter-missing" in err) == (2, True)


async def _case_id(made: ServiceDatabase) -> str:
    database = Database(made.worker_url)
    async with database.begin() as tx:
        found = (await tx.execute(text("SELECT case_id FROM cases"))).scalar_one()
    await database.close()
    return str(found)


def test_values_are_told_by_name_from_the_line_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "summary.txt").write_text("Twelve weeks.\n")
    told = values_of(["why_payable=a=b", f"clinical_summary=@{tmp_path / 'summary.txt'}", "expected_amount=12000"])
    assert told == {"why_payable": "a=b", "clinical_summary": "Twelve weeks.\n", "expected_amount": 12000}
    with pytest.raises(ClientError):
        values_of(["nothing"])
