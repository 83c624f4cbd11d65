"""Guests: what a link shows, that it shows nothing else, what a guest may do by it, and that all of it is logged."""

import base64
import hashlib
import re
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.sealing.answers import ANSWER
from libs.common.sealing.cipher import key_of
from libs.common.sealing.command import turn
from libs.common.sealing.keys import forget
from libs.common.sealing.rewriting import Rewriter, columns
from libs.common.worker import catch_up
from services.appeals.collaboration import guest
from services.appeals.documents import store as documents
from services.appeals.evidence import store as evidence
from services.appeals.filing import store as filings
from tests.integration.documents.conftest import Appeals
from tests.support import papers
from tests.support.cases import NOW

SUBJECT = "Records <for> review"


async def document(appeals: Appeals, case: UUID, pages: int) -> str:
    answer = await appeals.http.post(f"/v1/cases/{case}/documents", content=papers.pdf(pages), params={"name": f"p{pages}.pdf"})
    return str(answer.json()["document_id"])


async def message(appeals: Appeals, case: UUID, text: str, *links: str) -> str:
    headers = {"Idempotency-Key": uuid4().hex}
    answer = await appeals.http.post(f"/v1/cases/{case}/messages", json={"text": text, "share_with": links}, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["message_id"])


async def link(appeals: Appeals, case: UUID, key: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"name": "Appeals desk", "role": "payer", "subject": SUBJECT, **more}
    headers = {"Idempotency-Key": key or uuid4().hex}
    answer = await appeals.http.post(f"/v1/cases/{case}/guest-links", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def log(appeals: Appeals, case: UUID) -> list[str]:
    return [each["what"] for each in (await appeals.http.get(f"/v1/cases/{case}/disclosures")).json()["items"]][::-1]


async def test_a_guest_sees_what_was_shared_and_nothing_else(appeals: Appeals) -> None:
    case, other = await appeals.case(), await appeals.case()
    shared, kept, foreign = await document(appeals, case, 1), await document(appeals, case, 2), await document(appeals, other, 3)
    told = await message(appeals, case, "Please see <page 1>.")
    await message(appeals, case, "Between us.")
    made = await link(appeals, case, documents=[shared], messages=[told])
    another = await link(appeals, other, documents=[foreign])

    page = await appeals.http.get(made["path"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Records &lt;for&gt; review" in page.text
    assert "Please see &lt;page 1&gt;." in page.text
    assert "p1.pdf" in page.text
    for unseen in ("p2.pdf", "p3.pdf", "Between us", "ACCT1", "PAYER", str(case)):
        assert unseen not in page.text
    assert set(re.findall(r"/documents/([0-9a-f-]{36})", page.text)) == {shared}
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")

    content = await appeals.http.get(f"{made['path']}/documents/{shared}")
    assert content.content == papers.pdf(1)
    assert content.headers["content-disposition"].startswith("attachment")
    opened = (await appeals.http.get("/v1/audit-log", params={"subject": f"guest:{made['link_id']}"})).json()["items"]
    assert [(each["action"], each["outcome"]) for each in opened] == [
        ("page.download", "disclosed"),
        ("page.showPage", "disclosed"),
    ]
    assert opened[0]["object_ids"] == [made["link_id"]]
    part = await appeals.http.get(f"{made['path']}/documents/{shared}", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"%PDF")
    for wrong in (kept, foreign, str(uuid4()), "x", told):
        assert (await appeals.http.get(f"{made['path']}/documents/{wrong}")).status_code == 404
    assert (await appeals.http.get(f"{another['path']}/documents/{shared}")).status_code == 404
    expected = ["link_created", "document_shared", "message_shared", "page_seen", "document_downloaded", "document_downloaded"]
    assert await log(appeals, case) == expected


async def test_a_guest_of_a_suspended_tenant_finds_the_link_closed_until_it_is_let_go_on(appeals: Appeals) -> None:
    made = await link(appeals, await appeals.case())
    for state, status in (("suspended", 404), ("active", 200)):
        await appeals.http.put("/v1/tenants/local", json={"state": state, "why": "unpaid"})
        assert (await appeals.http.get(made["path"])).status_code == status


async def test_whatever_is_wrong_with_an_address_the_answer_is_one(appeals: Appeals) -> None:
    case = await appeals.case()
    made, revoked, expired = [await link(appeals, case, days=days) for days in (30, 30, 1)]
    await appeals.http.delete(f"/v1/cases/{case}/guest-links/{revoked['link_id']}")
    appeals.app.state.clock = FixedClock(NOW + timedelta(days=1))
    answers = set()
    for path in ("/guest/x", f"/guest/{'A' * 43}", made["path"][:-1], revoked["path"], expired["path"]):
        for answer in (
            await appeals.http.get(path),
            await appeals.http.get(f"{path}/documents/{uuid4()}"),
            await appeals.http.post(f"{path}/messages", data={"text": "Hello"}),
            await appeals.http.post(f"{path}/documents", files={"file": ("a.pdf", papers.pdf(1))}),
        ):
            answers.add((answer.status_code, answer.text))
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert (await appeals.http.get(made["path"])).status_code == 200
    secret = made["path"].partition(".")[2]
    theirs = base64.urlsafe_b64encode(b"other").decode().rstrip("=")
    assert (await appeals.http.get(f"/guest/{theirs}.{secret}")).status_code == 404


async def test_the_secret_is_told_once_and_kept_nowhere(appeals: Appeals) -> None:
    case = await appeals.case()
    made, again = await link(appeals, case, "one key"), await link(appeals, case, "one key")
    assert again == {**made, "path": None}
    token = made["path"].removeprefix("/guest/")
    assert len(token.rpartition(".")[2]) == 43
    for table in ("guest_links", "disclosures", "idempotency_keys", "outbox"):
        assert all(token not in str(row) for row in await appeals.rows(f"SELECT * FROM {table}"))


async def test_kept_answers_are_sealed_are_given_again_and_take_another_key(appeals: Appeals) -> None:
    case = await appeals.case()
    body, headers = {"text": "Between WHITCOMBE and us", "share_with": []}, {"Idempotency-Key": "one key"}
    ask = partial(appeals.http.post, f"/v1/cases/{case}/messages", json=body, headers=headers)
    first = await ask()

    async def kept() -> bytes:
        (row,) = await appeals.rows("SELECT body FROM idempotency_keys WHERE key = 'one key'")
        return bytes(row["body"])

    assert (first.status_code, key_of(await kept()), b"WHITCOMBE" in await kept()) == (201, 1, False)
    assert (await ask()).json() == first.json()
    await turn(appeals.worker, "local", [ANSWER.name])
    async with appeals.worker.begin("local") as tx:
        await tx.execute(text("UPDATE key_rewrites SET begins_at = now()"))
    forget(appeals.worker)
    assert await catch_up(Rewriter(appeals.worker, columns([ANSWER])).do_next) == 2
    assert key_of(await kept()) == 2
    forget(appeals.app.state.database)
    assert (await ask()).json() == first.json()


async def test_a_guest_answers_and_is_answered(appeals: Appeals) -> None:
    case = await appeals.case()
    made, other = await link(appeals, case), await link(appeals, case, name="Clinic", role="provider")
    sent = await appeals.http.post(f"{made['path']}/messages", data={"text": " We need\r\npage 2. \x00"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{made['path']}?done=message")
    await message(appeals, case, "Here it is.", made["link_id"])
    page = (await appeals.http.get(sent.headers["location"])).text
    assert page.index("Your message was sent.") < page.index("We need\npage 2.") < page.index("Here it is.")
    assert "We need" not in (await appeals.http.get(other["path"])).text

    staff = (await appeals.http.get(f"/v1/cases/{case}/messages")).json()["items"]
    assert [(each["author"], each["who"], each["shared_with"]) for each in staff] == [
        ("guest", "Appeals desk", [made["link_id"]]), ("staff", "local", [made["link_id"]]),
    ]  # fmt: skip
    shares = f"/v1/cases/{case}/guest-links/{other['link_id']}/shares"
    shown = await appeals.http.post(shares, json={"messages": [staff[0]["message_id"]]})
    assert shown.json()["messages"] == [staff[0]["message_id"]]
    assert "We need" in (await appeals.http.get(other["path"])).text
    assert (await appeals.http.delete(f"{shares}/{staff[0]['message_id']}")).status_code == 204
    assert "We need" not in (await appeals.http.get(other["path"])).text
    assert (await appeals.http.post(shares, json={"documents": [str(uuid4())]})).status_code == 404

    for said in ("", "   ", "x" * 5001):
        refused = await appeals.http.post(f"{made['path']}/messages", data={"text": said})
        assert (refused.status_code, "Write between 1" in refused.text) == (422, True)
    mute = await link(appeals, case, may_answer=False)
    assert "<textarea" not in (await appeals.http.get(mute["path"])).text
    assert (await appeals.http.post(f"{mute['path']}/messages", data={"text": "x"})).status_code == 404


async def test_a_billing_service_is_a_guest_like_any_other(appeals: Appeals) -> None:
    case = await appeals.case()
    shared = await document(appeals, case, 1)
    made = await link(appeals, case, name="Billers", role="billing_service", documents=[shared], may_upload=True)
    [listed] = (await appeals.http.get(f"/v1/cases/{case}/guest-links")).json()["items"]
    assert (listed["name"], listed["role"]) == ("Billers", "billing_service")
    assert (await appeals.http.get(f"{made['path']}/documents/{shared}")).content == papers.pdf(1)
    assert (await appeals.http.post(f"{made['path']}/messages", data={"text": "The claim is ours."})).status_code == 303
    assert (await offer(appeals, made["path"], papers.pdf(2)))["added_by"] == "Billers"
    [told] = (await appeals.http.get(f"/v1/cases/{case}/messages")).json()["items"]
    assert (told["author"], told["who"]) == ("guest", "Billers")
    wrong = {"name": "X", "role": "stranger", "subject": SUBJECT}
    headers = {"Idempotency-Key": uuid4().hex}
    assert (await appeals.http.post(f"/v1/cases/{case}/guest-links", json=wrong, headers=headers)).status_code == 422


async def test_a_guest_uploads_by_the_same_checks_within_a_quota(appeals: Appeals, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await appeals.case()
    made = await link(appeals, case, may_upload=True, language="fr")

    async def upload(told: bytes) -> httpx.Response:
        return await appeals.http.post(f"{made['path']}/documents", files={"file": ("pièce.pdf", told)})

    assert (await upload(papers.pdf(2))).status_code == 303
    page = (await appeals.http.get(f"{made['path']}?done=document")).text
    assert "Votre document a été reçu." in page
    assert "pièce.pdf" in page
    assert (await appeals.http.get(f"/v1/cases/{case}/documents")).json()["items"] == []
    [held] = (await appeals.http.get(f"/v1/cases/{case}/documents", params={"all": True})).json()["items"]
    assert (held["state"], held["origin"], held["added_by"], held["kind"]) == ("offered", "guest", "Appeals desk", "other")
    content = await appeals.http.get(f"{made['path']}/documents/{held['document_id']}")
    assert content.content == papers.pdf(2)

    refused = await upload(papers.pdf_with("javascript"))
    assert (refused.status_code, "Le PDF contient du contenu actif" in refused.text) == (422, True)
    monkeypatch.setattr(guest, "UPLOADS_MAX", 2)
    full = await upload(papers.pdf(3))
    assert (full.status_code, "demandez-en un autre" in full.text) == (429, True)
    assert len(appeals.files()) == 1
    assert (await log(appeals, case))[-2:] == ["document_downloaded", "upload_refused"]
    closed = await link(appeals, case)
    assert (await appeals.http.post(f"{closed['path']}/documents", files={"file": ("a.pdf", papers.pdf(1))})).status_code == 404


async def offer(appeals: Appeals, path: str, told: bytes) -> dict[str, Any]:
    """Let a guest send a document; return it as it is listed."""
    sent = await appeals.http.post(f"{path}/documents", files={"file": ("notes.pdf", told)})
    assert sent.status_code == 303, sent.text
    listed = (await appeals.http.get("/v1/offered-documents")).json()["items"]
    return dict(next(each for each in listed if each["sha256"] == hashlib.sha256(told).hexdigest()))


async def counts(appeals: Appeals, case: UUID, sha256: str) -> tuple[int, str | None, bool]:
    """Return how many exhibits a case has, whose bytes are to be filed, and whether its checklist has medical records."""
    async with appeals.worker.begin() as tx:
        exhibits = await documents.exhibits(tx, "local", case)
        packet = await filings.packet_of(tx, "local", case, sha256)
        checked, _ = (await evidence.checked(tx, [("local", case)]))["local", case]
    return len(exhibits), packet.packet_is, any(each.documents for each in checked if each.item == "medical_records")


async def test_what_a_guest_sends_is_evidence_once_somebody_accepts_it(appeals: Appeals) -> None:
    case, other = await appeals.case(category="medical_necessity"), await appeals.case(category="medical_necessity")
    made, elsewhere = await link(appeals, case, may_upload=True), await link(appeals, other, may_upload=True)
    first, second = await offer(appeals, made["path"], papers.pdf(2)), await offer(appeals, elsewhere["path"], papers.pdf(3))
    pages = [(await appeals.http.get("/v1/offered-documents", params={"limit": 1})).json()]
    pages.append((await appeals.http.get("/v1/offered-documents", params={"limit": 1, "cursor": pages[0]["next_cursor"]})).json())
    assert [each["case_id"] for page in pages for each in page["items"]] == [str(case), str(other)]
    assert await counts(appeals, case, first["sha256"]) == (0, "foreign", False)

    path = f"/v1/cases/{case}/documents/{first['document_id']}"
    assert (await appeals.http.post(f"/v1/cases/{other}/documents/{first['document_id']}/accept", json={})).status_code == 404
    for _ in range(2):
        taken = await appeals.http.post(f"{path}/accept", json={"kind": "medical_records"})
        assert (taken.status_code, taken.json()["state"], taken.json()["exhibit"]) == (200, "current", 1), taken.text
    assert [each["what"] for each in taken.json()["history"]] == ["added", "accepted"]
    assert await counts(appeals, case, first["sha256"]) == (1, "document", True)
    assert (await appeals.http.post(f"{path}/refuse", json={"reason": "Too late."})).status_code == 409
    listed = (await appeals.http.get("/v1/offered-documents")).json()["items"]
    assert [each["document_id"] for each in listed] == [second["document_id"]]

    same = await appeals.http.post(f"/v1/cases/{other}/documents?kind=medical_records", content=papers.pdf(3))
    assert (same.status_code, same.json()["document_id"], same.json()["state"]) == (201, second["document_id"], "current")
    assert await counts(appeals, other, second["sha256"]) == (1, "document", True), "sent by one of us it is ours, too"


async def test_a_refused_document_is_gone_but_for_why(appeals: Appeals) -> None:
    case = await appeals.case()
    made = await link(appeals, case, may_upload=True)
    offered = await offer(appeals, made["path"], papers.pdf(2))
    path = f"/v1/cases/{case}/documents/{offered['document_id']}"
    assert (await appeals.http.post(f"{path}/refuse", json={"reason": "  "})).status_code == 422
    for reason in ("Another patient's.", "Said again."):
        refused = (await appeals.http.post(f"{path}/refuse", json={"reason": reason})).json()
    assert (refused["state"], [(each["what"], each["why"]) for each in refused["history"]]) == (
        "refused", [("added", ""), ("refused", "Another patient's.")],
    )  # fmt: skip
    for gone in (f"{path}/content", f"{made['path']}/documents/{offered['document_id']}"):
        assert (await appeals.http.get(gone)).status_code == 404
    assert "notes.pdf" not in (await appeals.http.get(made["path"])).text
    assert (await appeals.http.post(f"{path}/accept", json={})).status_code == 409
    async with appeals.worker.begin() as tx:
        assert len(await documents.let_go(tx, NOW + timedelta(hours=1))) == 1
    assert (await offer(appeals, made["path"], papers.pdf(2)))["document_id"] != offered["document_id"], "it may be offered again"


async def test_links_are_listed_and_a_closed_one_shows_no_more(appeals: Appeals) -> None:
    case = await appeals.case()
    made = await link(appeals, case)
    path = f"/v1/cases/{case}/guest-links"
    for _ in range(2):
        assert (await appeals.http.delete(f"{path}/{made['link_id']}")).status_code == 204
    [listed] = (await appeals.http.get(path)).json()["items"]
    assert (listed["opens"], "path" in listed) == (False, False)
    shared = await appeals.http.post(f"{path}/{made['link_id']}/shares", json={})
    assert (shared.status_code, shared.json()["type"]) == (409, "urn:recours:problem:link-closed")
    assert await log(appeals, case) == ["link_created", "link_revoked"]
    elsewhere = await appeals.case()
    assert (await appeals.http.delete(f"/v1/cases/{elsewhere}/guest-links/{made['link_id']}")).status_code == 404
    assert (await appeals.http.post(path, json={"name": "x", "role": "payer", "subject": "x"})).status_code == 400
