"""Documents over HTTP: sent, kept once, given back, replaced, deleted; and what a crash or a refusal leaves behind."""

import asyncio
import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.common.clock import FixedClock
from libs.common.database import Database
from libs.common.errors import Transient
from libs.common.object_stores import open_store
from libs.common.retention.forgetting import Forgetter
from services.appeals.documents import store
from services.appeals.documents.blobs import Blobs
from services.appeals.documents.sweep import GRACE, BlobSweep
from services.appeals.documents.uploading import BYTES_MAX
from services.appeals.retention import KINDS
from tests.integration.documents.conftest import Appeals, client_of
from tests.support import papers
from tests.support.cases import NOW

PDF = papers.pdf(3)


async def send(appeals: Appeals, case: UUID, told: bytes, name: str = "a.pdf", **asked: Any) -> Any:
    return await appeals.http.post(f"/v1/cases/{case}/documents", content=told, params={"name": name, **asked})


async def test_a_document_is_kept_once_and_given_back_as_it_came(appeals: Appeals) -> None:
    case, other = await appeals.case(), await appeals.case()
    raw = await send(appeals, case, PDF, "../../Résumé.pdf", kind="medical_records")
    assert raw.status_code == 201, raw.text
    told = raw.json()
    assert (told["file_name"], told["media_type"], told["page_count"]) == ("Résumé.pdf", "application/pdf", 3)
    assert (told["kind"], told["exhibit"], told["sha256"]) == ("medical_records", 1, hashlib.sha256(PDF).hexdigest())

    form = await appeals.http.post(f"/v1/cases/{case}/documents", files={"file": ("b.pdf", PDF)})
    assert (form.status_code, form.json()["document_id"]) == (200, told["document_id"])
    elsewhere = await appeals.http.post(f"/v1/cases/{other}/documents", files={"file": ("b.png", PDF)})
    assert (elsewhere.status_code, elsewhere.json()["file_name"]) == (201, "b.pdf")
    assert len(appeals.files()) == 1

    content = raw.headers["Location"] + "/content"
    whole = await appeals.http.get(content)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, PDF, "application/pdf")
    assert whole.headers["content-disposition"].startswith('attachment; filename="Resume.pdf"')
    assert (whole.headers["x-content-type-options"], whole.headers["accept-ranges"]) == ("nosniff", "bytes")
    half = len(PDF) // 2
    tag = whole.headers["etag"]
    parts = [
        await appeals.http.get(content, headers={"Range": each, "If-Range": tag})
        for each in (f"bytes=0-{half - 1}", f"bytes={half}-")
    ]
    assert [part.status_code for part in parts] == [206, 206]
    assert b"".join(part.content for part in parts) == PDF
    assert parts[1].headers["content-range"] == f"bytes {half}-{len(PDF) - 1}/{len(PDF)}"
    assert (await appeals.http.get(content, headers={"Range": "bytes=0-1", "If-Range": '"old"'})).content == PDF
    assert (await appeals.http.get(content, headers={"If-None-Match": tag})).status_code == 304
    beyond = await appeals.http.get(content, headers={"Range": f"bytes={len(PDF)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(PDF)}")
    head = await appeals.http.head(content)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(PDF)), b"")


@pytest.mark.parametrize(
    ("told", "status", "kind"),
    [
        (papers.zipped({"a.pdf": PDF}), 422, "document-refused"),
        (b"", 422, "document-refused"),
        (bytes(BYTES_MAX + 1), 413, "too-large"),
    ],
    ids=["a zip renamed pdf", "nothing", "too large"],
)
async def test_what_is_refused_leaves_nothing_behind(told: bytes, status: int, kind: str, appeals: Appeals) -> None:
    case = await appeals.case()

    async def pieces() -> Any:  # without an announced length
        for start in range(0, len(told), 1 << 20):
            yield told[start : start + (1 << 20)]

    refused = await appeals.http.post(f"/v1/cases/{case}/documents", content=pieces(), params={"name": "a.pdf"})
    assert (refused.status_code, refused.json()["type"]) == (status, f"urn:recours:problem:{kind}")
    assert appeals.files() == []
    assert await appeals.rows("SELECT 1 FROM documents") == []
    form = await appeals.http.post(f"/v1/cases/{case}/documents", files={"other": (None, "text")})
    assert (form.status_code, form.json()["type"]) == (422, "urn:recours:problem:no-file")
    assert (await send(appeals, uuid4(), PDF)).status_code == 404


async def test_the_largest_document_of_thousands_of_pages_is_taken_to_its_last_byte(appeals: Appeals) -> None:
    small = papers.pdf(5_000)
    start = small.rindex(b"startxref")
    told = small[:start] + b"%" + b"0" * (BYTES_MAX - len(small) - 2) + b"\n" + small[start:]
    case = await appeals.case()
    sent = await send(appeals, case, told)
    assert sent.status_code == 201, sent.text
    assert (sent.json()["page_count"], sent.json()["size_bytes"]) == (5_000, BYTES_MAX)
    (path,) = appeals.files()
    assert path.stat().st_size > BYTES_MAX, "sealed, in frames"
    got = await appeals.http.get(f"/v1/cases/{case}/documents/{sent.json()['document_id']}/content")
    assert got.content == told


async def test_documents_are_ordered_replaced_and_deleted_with_their_history(appeals: Appeals) -> None:
    case = await appeals.case()
    first, second = [(await send(appeals, case, papers.pdf(pages))).json()["document_id"] for pages in (1, 2)]
    path = f"/v1/cases/{case}/documents"
    moved = await appeals.http.patch(f"{path}/{second}", json={"exhibit": 1, "kind": "referral"})
    assert (moved.json()["exhibit"], moved.json()["kind"]) == (1, "referral")
    third = (await send(appeals, case, papers.pdf(3), replaces=second)).json()
    assert third["exhibit"] == 1
    assert (await send(appeals, case, papers.pdf(4), replaces=second)).status_code == 404
    shown = (await appeals.http.get(path)).json()["items"]
    assert [item["document_id"] for item in shown] == [third["document_id"], first]

    assert (await appeals.http.delete(f"{path}/{first}")).status_code == 422
    for _ in range(2):
        assert (await appeals.http.delete(f"{path}/{first}", params={"reason": "another patient's"})).status_code == 204
    assert (await appeals.http.get(f"{path}/{first}/content")).status_code == 404
    history = (await appeals.http.get(f"{path}/{first}")).json()["history"]
    assert [(step["what"], step["why"]) for step in history] == [("added", ""), ("deleted", "another patient's")]
    everything = (await appeals.http.get(path, params={"all": True})).json()["items"]
    assert {item["document_id"]: item["state"] for item in everything} == {
        third["document_id"]: "current", first: "deleted", second: "superseded"
    }  # fmt: skip
    again = await send(appeals, case, papers.pdf(1))
    assert (again.status_code, again.json()["exhibit"]) == (201, 2)


async def test_another_tenant_neither_sees_a_document_nor_shares_its_bytes(appeals: Appeals) -> None:
    case = await appeals.case()
    mine = (await send(appeals, case, PDF)).headers["Location"]
    theirs = await appeals.case("other")
    async with client_of(appeals.app, "other") as http:
        for path in (mine, f"{mine}/content", f"/v1/cases/{case}/documents"):
            assert (await http.get(path)).status_code == 404
        assert (await http.post(f"/v1/cases/{theirs}/documents", content=PDF)).status_code == 201
    assert len(appeals.files()) == 2


async def test_the_sweep_forgets_what_a_crash_or_a_deletion_left_and_nothing_else(appeals: Appeals) -> None:
    case = await appeals.case()
    kept, deleted = [(await send(appeals, case, papers.pdf(pages))).headers["Location"] for pages in (1, 2)]
    blobs = Blobs(open_store(str(appeals.folder)), appeals.worker)
    with (appeals.folder.parent / "spare").open("w+b") as file:
        file.write(b"bytes whose row was never written")
        orphan = await blobs.put("local", file)
    await appeals.http.delete(deleted, params={"reason": "wrong"})

    def sweep(after: timedelta) -> BlobSweep:
        return BlobSweep(appeals.worker, FixedClock(NOW + after), blobs)

    foreign = appeals.folder / "6c6f63616c" / "a-packet" / "1.pdf"  # packets may lie beside documents
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"a packet")
    cut_off = [Path(f"{appeals.folder / orphan}#1"), Path(f"{foreign}#12")]
    for path in cut_off:
        path.write_bytes(b"the first half")
    for path in appeals.files():
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert await sweep(timedelta(hours=1)).sweep() == 0
    await appeals.http.put("/v1/tenants/local", json={"legal_hold": True, "why": "matter 12"})
    assert await sweep(GRACE + timedelta(seconds=1)).sweep() == len(cut_off), "what was a document is under legal hold"
    assert len(appeals.files()) == 4
    assert not any(path.exists() for path in cut_off)
    await appeals.http.put("/v1/tenants/local", json={"legal_hold": False, "why": "settled"})
    assert await sweep(GRACE + timedelta(seconds=1)).sweep() == 2
    assert orphan not in {path.relative_to(appeals.folder).as_posix() for path in appeals.files()}
    assert foreign.exists()
    assert (await appeals.http.get(f"{kept}/content")).content == papers.pdf(1)
    assert (await send(appeals, case, papers.pdf(2))).status_code == 201


async def test_documents_of_a_case_that_rests_for_years_go_with_their_bytes_and_those_of_one_that_is_worked_on_stay(
    appeals: Appeals,
) -> None:
    resting, open_case = await appeals.case(), await appeals.case()
    old = (await send(appeals, resting, papers.pdf(1), "QUAGGA.pdf")).headers["Location"]
    kept = (await send(appeals, open_case, papers.pdf(2))).headers["Location"]
    async with appeals.worker.begin("local") as tx:
        await tx.execute(text("UPDATE cases SET state = 'upheld' WHERE case_id = :c"), {"c": resting})

    async def forget(days: int) -> int:
        latest = await appeals.rows("SELECT greatest(max(c.changed_at), max(d.changed_at)) AS at FROM cases c, documents d")
        return await Forgetter(appeals.worker, FixedClock(latest[0]["at"] + timedelta(days=days)), KINDS).forget()

    assert await forget(2556) == 0
    assert await forget(2558) == 1
    assert (await appeals.http.get(f"{old}/content")).status_code in (404, 410)
    assert (await appeals.http.get(f"{kept}/content")).content == papers.pdf(2)
    assert (await appeals.http.get(old)).json()["file_name"] == "forgotten"
    [entry] = await appeals.rows("SELECT what, who, why FROM document_history WHERE who = 'recours'")
    assert entry == {"what": "deleted", "who": "recours", "why": "retention"}
    sweep = BlobSweep(
        appeals.worker,
        FixedClock(NOW + GRACE + timedelta(days=1)),
        Blobs(open_store(str(appeals.folder)), appeals.worker),
    )
    await sweep.sweep()
    assert [row["n"] for row in await appeals.rows("SELECT count(*) AS n FROM document_blobs")] == [1]


async def test_bytes_that_come_again_while_they_are_swept_are_not_lost(appeals: Appeals) -> None:
    """The sweep waits for the upload that just took the blob, and then sees that it is wanted again."""
    case = await appeals.case()
    gone = (await send(appeals, case, PDF)).headers["Location"]
    await appeals.http.delete(gone, params={"reason": "wrong"})
    later = NOW + GRACE + timedelta(seconds=1)
    sweep = BlobSweep(appeals.worker, FixedClock(later), Blobs(open_store(str(appeals.folder)), appeals.worker))
    [blob] = await appeals.rows("SELECT key FROM document_blobs")
    async with appeals.worker.begin() as tx:
        assert await store.hold_blob(tx, "local", hashlib.sha256(PDF).hexdigest(), "local/new", len(PDF), later) == blob["key"]
        sweeping = asyncio.ensure_future(sweep.sweep())
        while not await appeals.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0.01)
    assert await sweeping == 0
    assert len(appeals.files()) == 1


async def test_without_its_database_an_upload_is_refused_and_its_bytes_forgotten(
    appeals: Appeals, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await appeals.case()
    begin, calls = Database.begin, 0

    def away(database: Database, tenant_id: str | None = None) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Transient("away")
        return begin(database, tenant_id)

    monkeypatch.setattr(Database, "begin", away)
    refused = await send(appeals, case, PDF)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert appeals.files() == []
