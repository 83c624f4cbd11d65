"""Documents for tests, made on the spot: sound ones, and ones that somebody should not have sent."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Mapping

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    PdfObject,
    TextStringObject,
)

TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
DOCUMENT = '<?xml version="1.0"?><w:document xmlns:w="urn:w"><w:body><w:p>It was necessary.</w:p></w:body></w:document>'


def pdf(pages: int = 2, *, password: str | None = None, filler_bytes: int = 0) -> bytes:
    """Make a PDF; `filler_bytes` of noise stand in each page's content."""
    writer = PdfWriter()
    noise = random.Random(pages)
    for _ in range(pages):
        page = writer.add_blank_page(612, 792)
        if filler_bytes:
            content = DecodedStreamObject()
            content.set_data(b"% " + noise.randbytes(filler_bytes // 2).hex().encode())
            page[NameObject("/Contents")] = writer._add_object(content)
    if password is not None:
        writer.encrypt(password)
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def pdf_with(what: str) -> bytes:
    """Make a PDF that acts, in one way or another."""
    writer = PdfWriter()
    page = writer.add_blank_page(612, 792)
    if what == "embedded_file":
        writer.add_attachment("a.txt", b"hidden")
    elif what == "xfa":
        form = DictionaryObject({NameObject("/Fields"): ArrayObject(), NameObject("/XFA"): TextStringObject("<xdp/>")})
        writer.root_object[NameObject("/AcroForm")] = form
    else:
        actions: dict[str, dict[str, PdfObject]] = {
            "javascript": {"/S": NameObject("/JavaScript"), "/JS": TextStringObject("app.alert('hello')")},
            "launch": {"/S": NameObject("/Launch"), "/F": TextStringObject("cmd.exe")},
            # The action's name stands in an object of its own.
            "hidden_launch": {"/S": writer._add_object(NameObject("/Launch")), "/F": TextStringObject("cmd.exe")},
            "file_link": {"/S": NameObject("/URI"), "/URI": TextStringObject("file:///etc/passwd")},
            "share_link": {"/S": NameObject("/URI"), "/URI": TextStringObject("\\\\server\\share\\a.exe")},
            "web_link": {"/S": NameObject("/URI"), "/URI": TextStringObject("https://example.org/page")},
        }
        action = DictionaryObject({NameObject(name): value for name, value in actions[what].items()})
        link = DictionaryObject({NameObject("/Subtype"): NameObject("/Link"), NameObject("/A"): action})
        page[NameObject("/Annots")] = ArrayObject([writer._add_object(link)])
    return written(writer)


def pdf_with_a_loop() -> bytes:
    """Make a PDF whose page tree is its own ancestor."""
    writer = PdfWriter()
    writer.add_blank_page(10, 10)
    tree = writer.root_object["/Pages"]
    tree["/Kids"].append(writer.root_object.raw_get("/Pages"))  # type: ignore[index]  # pypdf's own dictionary
    return written(writer)


def pdf_that_inflates(megabytes: int) -> bytes:
    """Make a PDF whose objects lie in a stream that inflates to far more than it is."""
    told = b"1 0 2 31 <</Type/Catalog/Pages 2 0 R>>    <</Type/Pages/Kids[]/Count 0>>"
    packer = zlib.compressobj(9)
    packed = packer.compress(told) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    head = b"%PDF-1.5\n"
    bomb = b"3 0 obj<</Type/ObjStm/N 2/First 9/Filter/FlateDecode/Length %d>>stream\n%s\nendstream endobj\n" % (len(packed), packed)
    start = len(head) + len(bomb)
    rows = [(0, 0, 255), (2, 3, 0), (2, 3, 1), (1, len(head), 0), (1, start, 0)]
    table = b"".join(struct.pack(">BIB", *row) for row in rows)
    xref = b"4 0 obj<</Type/XRef/Size 5/W[1 4 1]/Root 1 0 R/Length %d>>stream\n%s\nendstream endobj\n" % (len(table), table)
    return head + bomb + xref + b"startxref\n%d\n%%%%EOF\n" % start


def image(kind: str, size: tuple[int, int] = (40, 30), frames: int = 1) -> bytes:
    out = io.BytesIO()
    noise = random.Random(1).randbytes(size[0] * size[1] * 3)
    first = Image.frombytes("RGB", size, noise)
    more = {"save_all": True, "append_images": [first] * (frames - 1)} if frames > 1 else {}
    first.save(out, kind, **more)
    return out.getvalue()


def large_png(side: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    return out.getvalue()


def docx(parts: Mapping[str, str | bytes] | None = None) -> bytes:
    """Make a DOCX; `parts` replace or add parts."""
    return zipped({"[Content_Types].xml": TYPES, "word/document.xml": DOCUMENT, **(parts or {})})


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, told in parts.items():
            archive.writestr(name, told)
    return out.getvalue()
