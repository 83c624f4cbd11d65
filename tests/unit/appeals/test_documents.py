"""What a document is is found by opening it: sound ones pass with their pages, others are refused with the reason that fits."""

import io
import tempfile

import pytest

from libs.common.http.problem import Problem
from services.appeals.documents.inspection import Inspection
from services.appeals.documents.naming import disposition, safe_name
from services.appeals.documents.ranges import Unsatisfiable, read_range
from services.appeals.documents.refusals import REFUSALS
from tests.support import papers

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXTERNAL = '<Relationships><Relationship Type="x/attachedTemplate" Target="http://a/b.dotm" TargetMode="External"/></Relationships>'
HYPERLINK = '<Relationships><Relationship Type="x/hyperlink" Target="http://a/b" TargetMode="External"/></Relationships>'
SOUND = {
    "pdf": (papers.pdf(3), "application/pdf", 3),
    "pdf with a web link": (papers.pdf_with("web_link"), "application/pdf", 1),
    "png": (papers.image("PNG"), "image/png", 1),
    "jpeg": (papers.image("JPEG"), "image/jpeg", 1),
    "tiff of three pages": (papers.image("TIFF", frames=3), "image/tiff", 3),
    "docx": (papers.docx(), DOCX, None),
    "docx with a hyperlink": (papers.docx({"word/_rels/document.xml.rels": HYPERLINK}), DOCX, None),
    "text": ("Résumé\n\tdu séjour\r\n".encode(), "text/plain", None),
}
REFUSED = {
    "empty": (b"", "empty"),
    "a program": (b"\x7fELF\x02\x01\x01\x00" + bytes(100), "unknown_type"),
    "latin-1": ("Résumé".encode("latin-1"), "unknown_type"),
    "gif": (b"GIF89a\x01\x00\x01\x00\x00\x00", "unknown_type"),
    "old word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_office"),
    "encrypted pdf": (papers.pdf(1, password="secret"), "pdf_encrypted"),  # noqa: S106 - of a test
    "encrypted pdf without a password to open": (papers.pdf(1, password=""), "pdf_encrypted"),
    "pdf cut off": (papers.pdf(40)[:-200], "pdf_truncated"),
    "pdf of nothing": (b"%PDF-1.7\nnothing\n%%EOF\n", "pdf_broken"),
    "pdf with a loop": (papers.pdf_with_a_loop(), "pdf_broken"),
    "script": (papers.pdf_with("javascript"), "pdf_active_content"),
    "launch": (papers.pdf_with("launch"), "pdf_active_content"),
    "launch by reference": (papers.pdf_with("hidden_launch"), "pdf_active_content"),
    "link to a file": (papers.pdf_with("file_link"), "pdf_active_content"),
    "link to a share": (papers.pdf_with("share_link"), "pdf_active_content"),
    "embedded file": (papers.pdf_with("embedded_file"), "pdf_active_content"),
    "xfa": (papers.pdf_with("xfa"), "pdf_active_content"),
    "png cut off": (papers.image("PNG")[:-300], "image_broken"),
    "jpeg cut off": (papers.image("JPEG", (400, 300))[:-3000], "image_broken"),
    "tiff cut off": (papers.image("TIFF", (400, 300))[:-3000], "image_broken"),
    "a picture of 144 million pixels": (papers.large_png(12_000), "image_too_large"),
    "zip renamed pdf": (papers.zipped({"a.pdf": papers.pdf(1)}), "zip_archive"),
    "zip cut off": (papers.docx()[:-30], "docx_broken"),
    "spreadsheet": (papers.docx({"[Content_Types].xml": papers.TYPES.replace("word", "sheet")}), "zip_archive"),
    "macros": (papers.docx({"word/vbaProject.bin": b"macro"}), "docx_active_content"),
    "embedded object": (papers.docx({"word/embeddings/oleObject1.bin": b"x"}), "docx_active_content"),
    "template from outside": (papers.docx({"word/_rels/settings.xml.rels": EXTERNAL}), "docx_active_content"),
    "entities": (papers.docx({"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "docx_broken"),
    "no xml": (papers.docx({"word/document.xml": "<a><b></a>"}), "docx_broken"),
    "a path that leads out": (papers.docx({"../evil.xml": "<a/>"}), "docx_broken"),
    "bomb": (papers.docx({"word/media/a.png": bytes(40 << 20)}), "docx_bomb"),
}  # fmt: skip


async def inspected(told: bytes) -> tuple[str, int | None]:
    with tempfile.TemporaryFile() as file:
        file.write(told)
        found = await Inspection().inspect(file)
    return found.media_type, found.pages


@pytest.mark.parametrize("name", SOUND)
async def test_a_sound_document_is_known_by_its_content(name: str) -> None:
    told, media_type, pages = SOUND[name]
    assert await inspected(told) == (media_type, pages)


@pytest.mark.parametrize("name", REFUSED)
async def test_a_document_is_refused_with_the_reason_that_fits(name: str) -> None:
    told, reason = REFUSED[name]
    with pytest.raises(Problem) as refused:
        await inspected(told)
    assert (refused.value.status, refused.value.extension) == (422, {"reason": reason})


async def test_what_takes_too_much_memory_ends_its_inspector_alone() -> None:
    with pytest.raises(Problem) as refused:
        await inspected(papers.pdf_that_inflates(1500))
    assert refused.value.extension["reason"] in ("too_complex", "pdf_broken")


def test_every_reason_is_told_in_both_languages() -> None:
    assert {reason for _, reason in REFUSED.values()} <= set(REFUSALS)
    assert all(english and french and english != french for english, french in REFUSALS.values())


@pytest.mark.parametrize(
    ("told", "media_type", "name"),
    [
        ("scan.pdf", "application/pdf", "scan.pdf"),
        ("scan.pdf", "image/png", "scan.png"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("C:\\files\\Résumé du séjour.PDF", "application/pdf", "Résumé du séjour.pdf"),
        ("a\r\nSet-Cookie: b=c.pdf", "application/pdf", "aSet-Cookie_ b=c.pdf"),
        ("invoice\u202efdp.exe", "application/pdf", "invoicefdp.pdf"),
        ("con.txt", "text/plain", "_con.txt"),
        ("...", "image/jpeg", "document.jpg"),
        (None, "application/pdf", "document.pdf"),
        ("x" * 500 + ".tif", "image/tiff", "x" * 120 + ".tif"),
    ],
)
def test_a_file_name_is_harmless_and_ends_as_what_the_file_is(told: str | None, media_type: str, name: str) -> None:
    assert safe_name(told, media_type) == name


def test_a_name_travels_in_a_header_whatever_its_letters() -> None:
    told = disposition('Résumé "final".pdf')
    assert told == "attachment; filename=\"Resume final.pdf\"; filename*=UTF-8''R%C3%A9sum%C3%A9%20%22final%22.pdf"


@pytest.mark.parametrize(
    ("asked", "if_range", "part"),
    [
        (None, None, None),
        ("bytes=0-9", None, (0, 10)),
        ("bytes=90-", None, (90, 100)),
        ("bytes=-10", None, (90, 100)),
        ("bytes=-1000", None, (0, 100)),
        ("bytes=95-1000", None, (95, 100)),
        ("bytes=0-9", '"same"', (0, 10)),
        ("bytes=0-9", '"another"', None),
        ("bytes=9-0", None, None),
        ("bytes=0-1,5-6", None, None),
        ("lines=0-9", None, None),
        ("bytes=-", None, None),
    ],
)
def test_a_range_is_read_as_the_rfc_says(asked: str | None, if_range: str | None, part: tuple[int, int] | None) -> None:
    assert read_range(asked, if_range, '"same"', 100) == part


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=-0", "bytes=500-600"])
def test_a_range_without_a_byte_cannot_be_satisfied(asked: str) -> None:
    with pytest.raises(Unsatisfiable):
        read_range(asked, None, '"same"', 100)


def test_the_papers_are_what_they_say() -> None:
    assert io.BytesIO(papers.pdf(1)).read(5) == b"%PDF-"
