"""Letters over HTTP, on a real PostgreSQL: written from what ingest says at that moment, kept in versions, refused by name."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import text

from services.appeals.ingest import Ingest
from services.appeals.letters.meanings import Meanings
from tests.integration.appeals.conftest import Desk
from tests.integration.consumers.conftest import Service
from tests.support.access import bearer, own_tokens
from tests.support.letters import CONTENT, LETTERHEAD

CLAIM = "7f1c1f64-0000-4000-8000-000000000001"
HEAD = {
    "name": LETTERHEAD.name,
    "address_lines": list(LETTERHEAD.address_lines),
    "signatory_name": LETTERHEAD.signatory_name,
    "signatory_title": LETTERHEAD.signatory_title,
    "phone": LETTERHEAD.phone,
}
TOLD = {"clinical_summary": "Twelve weeks of therapy had failed.", "authorization_circumstances": "It could not wait."}


class Others:
    """What ingest and the classifier answer; None: they are away."""

    def __init__(self) -> None:
        self.content: dict[str, Any] | None = dict(CONTENT)
        self.away = False
        self.busy = 0  # times that it answers so before it answers
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if self.away:
            raise httpx.ConnectError("away")
        if self.busy:
            self.busy -= 1
            return httpx.Response(503)
        told = {
            "matches": {"claim_id": CLAIM if self.content else None},
            "remits": {
                "charge_cents": 10000, "paid_cents": 0, "service_from_on": "2026-01-05",
                "lines": [{"line": 1, "charge_cents": 10000, "procedure_code": "X0001", "units": "1", "service_on": "2026-01-05"}],
            },
            "claims": self.content if path.endswith("/content") else {"submitted_at": "2026-01-06T08:00:00Z"},
            "codes": {"code": "197", "meaning": {"en": "Approval was needed", "fr": "Un accord était nécessaire"}},
        }.get(path.split("/")[2])  # fmt: skip
        return httpx.Response(200, json=told) if told is not None else httpx.Response(404, json={"type": "not-found"})


@pytest.fixture
async def others(desk: Desk) -> AsyncIterator[Others]:
    made = Others()
    state = desk.http._transport.app.state  # type: ignore[attr-defined]  # the application that the desk asks
    state.ingest = Ingest("http://ingest", own_tokens("appeals"), httpx.MockTransport(made.answer))
    state.meanings = Meanings("http://classifier", own_tokens("appeals"), httpx.MockTransport(made.answer))
    yield made
    await state.ingest.close()
    await state.meanings.close()


async def set_head(desk: Desk, version: int = 0, **changed: Any) -> httpx.Response:
    return await desk.http.put("/v1/letterhead", json={**HEAD, **changed}, headers={"If-Match": f'"{version}"'})


async def write(desk: Desk, case: dict[str, Any], **body: Any) -> httpx.Response:
    return await desk.http.post(f"/v1/cases/{case['case_id']}/letter", json={"values": TOLD, **body})


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def png(size: tuple[int, int] = (300, 100)) -> str:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


async def test_a_letter_is_written_from_case_claim_and_letterhead_and_given_as_pdf(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    assert (await write(desk, case)).json()["type"] == "urn:recours:problem:letterhead-missing"
    assert (await set_head(desk, logo_png=png())).status_code == 200
    entry = {
        "addresses": [{"purpose": "claims", "lines": ["No"]}, {"purpose": "Appeals", "lines": ["Lakeside Appeals", "PO Box 77"]}]
    }
    assert (await desk.http.put(f"/v1/payers/{case['payer_id']}", json=entry)).status_code == 200
    written = await write(desk, case, level="internal_appeal")
    assert written.status_code == 201, written.text
    told = written.json()
    assert (told["version"], told["category"], told["template"]["version"], told["letterhead_version"]) == (
        1,
        "authorization",
        0,
        1,
    )
    assert (await write(desk, case, level="internal_appeal")).status_code == 200  # the same letter is the same version
    given = await desk.http.get(f"/v1/cases/{case['case_id']}/letter")
    assert given.headers["content-type"] == "application/pdf"
    text = text_of(given.content)
    for part in (
        HEAD["name"],
        "PO Box 77",
        "Eleanor Whitcombe",
        "W44710020",
        "AUTH-55-8812",
        "CO-197",
        "approval was needed",
        "X0001",
    ):
        assert str(part) in text
    assert given.content == (await desk.http.get(f"/v1/cases/{case['case_id']}/letter?version=1")).content
    french = await write(desk, case, language="fr")
    assert (french.json()["version"], "un accord était nécessaire" in str(french.json()["paragraphs"])) == (2, True)


async def test_without_ingest_a_letter_is_refused_for_now_and_nothing_is_half_made(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    await set_head(desk)
    others.away = True
    refused = await write(desk, case)
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:recours:problem:ingest-unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert (await desk.http.get(f"/v1/cases/{case['case_id']}/letters")).json() == {"items": []}
    others.away = False
    assert (await write(desk, case)).status_code == 201


async def test_one_failure_of_ingest_is_waited_out(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    await set_head(desk)
    others.busy = 1
    assert (await write(desk, case)).status_code == 201
    assert "Eleanor Whitcombe" in text_of((await desk.http.get(f"/v1/cases/{case['case_id']}/letter")).content)
    assert len(others.asked) == len(set(others.asked)) + 1, "one question was asked twice"


async def test_appeals_holds_no_patients_data_in_the_clear_before_a_letter_is_written_or_after(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    await set_head(desk)
    secret = ("Eleanor", "Whitcombe", "W44710020", "1961-02-11")

    async def holding() -> set[str]:
        """Return the tables that hold any of it, in any column."""
        async with desk.appeals.worker.begin() as tx:
            named = await tx.execute(text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"))
            found = set()
            for (table,) in named.all():
                rows = (await tx.execute(text(f'SELECT CAST(each AS text) FROM "{table}" each'))).scalars()
                found |= {table for row in rows if any(part in row for part in secret)}
            return found

    assert await holding() == set()
    assert (await write(desk, case)).status_code == 201
    assert await holding() == set(), "what is written is sealed"


async def test_what_nobody_knows_is_named_and_can_be_told(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    await set_head(desk)
    others.content = None  # no claim of this account is known
    refused = await write(desk, case, category="medical_necessity", values={})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:recours:problem:letter-incomplete")
    assert {each["pointer"] for each in refused.json()["errors"]} == {
        "/body/values/clinical_summary",
        "/body/values/principal_diagnosis",
    }
    bad = await write(
        desk, case, values={"patient_birth_date": "yesterday", "expected_amount": "12", "colour": "red", "payer_name": "x"}
    )
    assert bad.status_code == 422
    assert {each["pointer"].rpartition("/")[2] for each in bad.json()["errors"]} == {
        "patient_birth_date", "expected_amount", "?", "payer_name",
    }  # fmt: skip
    assert "yesterday" not in bad.text
    told = {"patient_name": "Told Name", "why_payable": "It is covered."}
    assert (await write(desk, case, category="general", values=told)).status_code == 201
    assert "Told Name" in text_of((await desk.http.get(f"/v1/cases/{case['case_id']}/letter")).content)


async def test_paragraphs_are_edited_as_the_next_version_and_the_first_stays(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    await set_head(desk)
    path = f"/v1/cases/{case['case_id']}/letter"
    first = (await write(desk, case)).json()
    edited = [*first["paragraphs"], {"kind": "text", "text": "One more thing: #let x = $1."}]
    assert (await desk.http.put(path, json={"paragraphs": edited})).status_code == 428
    done = await desk.http.put(path, json={"paragraphs": edited}, headers={"If-Match": '"1"'})
    assert (done.status_code, done.json()["version"], done.json()["edits_version"]) == (200, 2, 1)
    assert (await desk.http.put(path, json={"paragraphs": edited}, headers={"If-Match": '"1"'})).status_code == 412
    assert "One more thing: #let x = $1." in text_of((await desk.http.get(path)).content)
    assert "One more thing" not in text_of((await desk.http.get(f"{path}?version=1")).content)
    long = [{"kind": "text", "text": "x" * 8000}] * 9
    assert (await desk.http.put(path, json={"paragraphs": long}, headers={"If-Match": '"2"'})).json()["type"].endswith("too-long")


async def test_a_tenants_own_template_goes_before_ours_in_versions(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    await set_head(desk)
    path = "/v1/letter-templates/authorization/any/en"
    ours = await desk.http.get(path)
    assert (ours.json()["version"], ours.headers["etag"]) == (0, '"0"')
    refused = await desk.http.put(path, json={"body": "{{ pacient }}\n{{ 1 + 1 }}"}, headers={"If-Match": '"0"'})
    assert (refused.status_code, len(refused.json()["errors"])) == (422, 2)
    for version in (0, 1):
        body = {"body": f"Version {version + 1} for {{{{ patient_name }}}}.", "note": "ours"}
        assert (await desk.http.put(path, json=body, headers={"If-Match": f'"{version}"'})).status_code == 200
    assert (await desk.http.put(path, json={"body": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    written = (await write(desk, case, level="redetermination")).json()
    assert written["paragraphs"] == [{"kind": "text", "text": "Version 2 for Eleanor Whitcombe."}]
    assert written["template"] == {"category": "authorization", "level": "any", "language": "en", "version": 2}
    assert [each["version"] for each in (await desk.http.get(f"{path}/versions")).json()["items"]] == [2, 1]
    assert (await desk.http.get(f"{path}?version=0")).json()["body"] == ours.json()["body"]
    assert (await desk.http.get("/v1/letter-templates")).json()["own"][0]["version"] == 2


async def test_a_template_is_looked_at_before_anything_is_written(desk: Desk, others: Others) -> None:
    case = await desk.denied()
    path = "/v1/letter-templates/general/any/fr:preview"
    made_up = await desk.http.post(path, json={"values": {"why_payable": "C'est couvert."}})
    assert (made_up.status_code, made_up.json()["missing"]) == (200, [])
    lacking = await desk.http.post(path, json={"body": "{{ clinical_summary }} {{ delay_reason }}"})
    assert lacking.json() == {"paragraphs": [], "missing": ["clinical_summary", "delay_reason"]}
    loop = await desk.http.post(path, json={"body": "{% for x in range(1000000) %}x{% endfor %}"})
    assert (loop.status_code, loop.json()["type"]) == (422, "urn:recours:problem:template-refused")
    await set_head(desk)
    real = await desk.http.post(
        path, json={"body": "{{ patient_name }}", "case_id": case["case_id"]}, headers={"Accept": "application/pdf"}
    )
    assert "Eleanor Whitcombe" in text_of(real.content)


@pytest.mark.parametrize("logo", ["not base64!", base64.b64encode(b"GIF89a").decode(), base64.b64encode(b"x" * 524289).decode()])
async def test_a_logo_that_is_none_is_refused(desk: Desk, logo: str) -> None:
    refused = await set_head(desk, logo_png=logo)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/body/logo_png")


async def test_letters_of_one_tenant_are_not_anothers(desk: Desk, others: Others, appeals: Service) -> None:
    case = await desk.denied()
    await set_head(desk)
    await write(desk, case)
    desk.http.headers.update(bearer("other"))
    assert (await desk.http.get(f"/v1/cases/{case['case_id']}/letter")).status_code == 404
    assert (await desk.http.get("/v1/letterhead")).status_code == 404
    assert (await write(desk, case)).status_code == 404
