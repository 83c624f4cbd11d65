"""Opens one document that somebody sent: a program of its own, because what it reads may be hostile. It has little memory and time,
no network and no other program.

It reads standard input, a file, and says on standard output what that is: {"media_type", "pages"}, or {"reason"} why it is refused.
It imports nothing of ours and is run isolated, so that what breaks it breaks nothing else.
"""

import codecs
import json
import runpy
import sys
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 60
PAGES_MAX = 20_000
PIXELS_MAX = 80_000_000  # of one image: A3 at 600 dots an inch
PIECE_BYTES = 256 * 1024
TAIL_BYTES = 2048  # where the end of a PDF is said to be
FORGET_EVERY = 500  # objects; pypdf keeps whatever it read

ZIP_ENTRIES_MAX = 5_000
ZIP_BYTES_MAX = 256 * 1024 * 1024
ZIP_RATIO_MAX = 200
ZIP_SMALL_BYTES = 1024 * 1024  # what inflates to less is no bomb, whatever its ratio

PDF, DOCX = "application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
IMAGES = {"PNG": "image/png", "JPEG": "image/jpeg", "TIFF": "image/tiff"}
MAGICS = (
    (b"%PDF-", "PDF"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"II*\x00", "TIFF"), (b"MM\x00*", "TIFF"),
    (b"PK\x03\x04", "ZIP"), (b"PK\x05\x06", "ZIP"), (b"\xd0\xcf\x11\xe0", "OLE"),
)  # fmt: skip

ACTIVE_KEYS = frozenset({"/JS", "/JavaScript", "/XFA", "/EmbeddedFiles", "/RichMediaContent", "/RichMediaSettings"})
ACTIVE_ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/GoToR",
        "/GoToE",
        "/SubmitForm",
        "/ImportData",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/RichMediaExecute",
    }
)
ACTIVE_SUBTYPES = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})
HARMLESS_SCHEMES = frozenset({"http", "https", "mailto", "tel"})

WORD_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
ACTIVE_PARTS = ("vbaproject.bin", "vbadata.xml", "/embeddings/", "/activex/")


class Refused(Exception):  # noqa: N818 - the fact is the name
    """The document is not taken; `args[0]` is the reason, one word of services/appeals/documents/refusals.py."""


def main() -> None:
    # Beside us, and not to be imported: the program is run without a path to anything of ours.
    runpy.run_path(str(Path(__file__).with_name("confinement.py")))["confine"](MEMORY_BYTES, CPU_SECONDS, file_bytes=0)
    try:
        media_type, pages = look(sys.stdin.buffer)
        answer: dict[str, Any] = {"media_type": media_type, "pages": pages}
    except Refused as refused:
        answer = {"reason": refused.args[0]}
    except (MemoryError, RecursionError):
        answer = {"reason": "too_complex"}
    sys.stdout.write(json.dumps(answer))


def look(file: IO[bytes]) -> tuple[str, int | None]:
    """Return the media type and the number of pages (None where a format has none). Errors: Refused."""
    head = file.read(16)
    file.seek(0)
    if not head:
        raise Refused("empty")
    kind = next((name for magic, name in MAGICS if head.startswith(magic)), "TEXT")
    if kind == "PDF":
        return PDF, apart("pdf_broken", look_at_pdf, file)
    if kind in IMAGES:
        return IMAGES[kind], apart("image_broken", look_at_image, file, kind)
    if kind == "ZIP":
        apart("docx_broken", look_at_docx, file)
        return DOCX, None
    if kind == "OLE":
        raise Refused("old_office")
    look_at_text(file)
    return "text/plain", None


def apart(reason: str, work: Any, *arguments: Any) -> Any:
    """Do the work of a parser; whatever it cannot do is the file's fault, and is told as this reason."""
    try:
        return work(*arguments)
    except (Refused, MemoryError, RecursionError):
        raise
    except Exception as error:  # a parser of foreign bytes may raise anything
        raise Refused(reason) from error


def look_at_pdf(file: IO[bytes]) -> int:
    """Walk every object of the file once: whatever a reader could act on is looked at, whether a page shows it or not."""
    from pypdf import PdfReader  # noqa: PLC0415 - only under the limits, and only where it is needed
    from pypdf.errors import LimitReachedError  # noqa: PLC0415 - as above

    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL_BYTES))
    if b"%%EOF" not in file.read():
        raise Refused("pdf_truncated")
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return walk_pdf(PdfReader(file))
        except LimitReachedError as error:
            raise Refused("too_complex") from error


def walk_pdf(reader: Any) -> int:
    from pypdf.generic import IndirectObject  # noqa: PLC0415 - only under the limits, and only where it is needed

    if reader.is_encrypted:
        raise Refused("pdf_encrypted")
    refuse_active(reader.trailer)
    kids: dict[int, list[int]] = {}
    numbers = {(number, generation) for generation, held in reader.xref.items() for number in held if number}
    numbers |= {(number, 0) for number in reader.xref_objStm}
    for place, (number, generation) in enumerate(sorted(numbers), start=1):
        found = reader.get_object(IndirectObject(number, generation, reader))
        refuse_active(found)
        if isinstance(found, dict):
            below = found.get("/Kids")
            below = below.get_object() if isinstance(below, IndirectObject) else below
            kids[number] = [each.idnum for each in below if isinstance(each, IndirectObject)] if isinstance(below, list) else []
        if place % FORGET_EVERY == 0:
            reader.resolved_objects.clear()
    return count_pages(kids, reader.trailer["/Root"].get_object().raw_get("/Pages").idnum)


def count_pages(kids: dict[int, list[int]], root: int) -> int:
    """Count the leaves of the page tree. Errors: Refused (a page is missing, or is its own ancestor; none; too many)."""
    waiting, seen, pages = [root], set[int](), 0
    while waiting:
        number = waiting.pop()
        if number in seen or number not in kids:
            raise Refused("pdf_broken")
        seen.add(number)
        waiting += kids[number]
        pages += number != root and not kids[number]
        if pages > PAGES_MAX:
            raise Refused("too_many_pages")
    if not pages:
        raise Refused("pdf_broken")
    return pages


def refuse_active(found: Any) -> None:
    """Look through one object and what stands directly in it. Errors: Refused."""
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if is_active(each):
                raise Refused("pdf_active_content")
            waiting += dict.values(each)
        elif isinstance(each, list):
            waiting += list.__iter__(each)


def is_active(held: dict[Any, Any]) -> bool:
    raw = {str(name): value for name, value in dict.items(held)}
    if not ACTIVE_KEYS.isdisjoint(raw) or ("/EF" in raw and not {"/F", "/UF"}.isdisjoint(raw)):
        return True
    kind = said(raw.get("/S"))
    if kind in ACTIVE_ACTIONS or said(raw.get("/Subtype")) in ACTIVE_SUBTYPES:
        return True
    if kind != "/URI":
        return False
    told = said(raw.get("/URI")).strip().lower()
    scheme, colon, _ = told.partition(":")
    return told.startswith(("\\\\", "//")) or (bool(colon) and scheme not in HARMLESS_SCHEMES and "/" not in scheme)


def said(value: Any) -> str:
    """Return a name or text, also one that stands elsewhere."""
    return str(value.get_object() if hasattr(value, "get_object") else value)


def look_at_image(file: IO[bytes], kind: str) -> int:
    """Decode all of it: a picture that ends too soon is no evidence."""
    from PIL import Image  # noqa: PLC0415 - only under the limits, and only where it is needed

    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    pages = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file, formats=[kind]) as image:
                for place in range(getattr(image, "n_frames", 1)):
                    if place >= PAGES_MAX:
                        raise Refused("too_many_pages")
                    image.seek(place)
                    if image.width * image.height > PIXELS_MAX:
                        raise Refused("image_too_large")
                    image.load()
                    pages += 1
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise Refused("image_too_large") from error
    return pages


def look_at_docx(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = [each.filename for each in entries]
        if len(entries) > ZIP_ENTRIES_MAX or sum(each.file_size for each in entries) > ZIP_BYTES_MAX:
            raise Refused("docx_bomb")
        if "[Content_Types].xml" not in names or "word/document.xml" not in names:
            raise Refused("zip_archive")
        if len(set(map(str.lower, names))) != len(names) or any(is_outside(name) for name in names):
            raise Refused("docx_broken")
        if any(part in f"/{name}".lower() for name in names for part in ACTIVE_PARTS):
            raise Refused("docx_active_content")
        read = 0
        for entry in entries:
            if entry.flag_bits & 1:
                raise Refused("docx_encrypted")
            read += read_entry(archive, entry)
            if read > ZIP_BYTES_MAX:
                raise Refused("docx_bomb")


def is_outside(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Inflate one part, which checks its sum, and look at what it says. Returns its size. Errors: Refused."""
    name = entry.filename.lower()
    pieces = measured(archive, entry)
    if name.endswith((".xml", ".rels")):
        look_at_xml(name, pieces)
    else:
        for _ in pieces:
            pass
    return entry.file_size


def measured(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part piece by piece, and stop where it turns out to be a bomb, whatever its header says."""
    read = 0
    with archive.open(entry) as part:
        while piece := part.read(PIECE_BYTES):
            read += len(piece)
            if read > entry.file_size or (read > ZIP_SMALL_BYTES and read > ZIP_RATIO_MAX * max(entry.compress_size, 1)):
                raise Refused("docx_bomb")
            yield piece


def look_at_xml(name: str, pieces: Iterator[bytes]) -> None:
    """Read XML without ever expanding an entity. Errors: Refused; ExpatError where it is none."""
    parser = expat.ParserCreate()
    said: set[str] = set()

    def refuse(*_: Any) -> None:
        raise Refused("docx_broken")

    def start(tag: str, attributes: dict[str, str]) -> None:
        kind = attributes.get("ContentType", "")
        if tag == "Override" and attributes.get("PartName", "").lower() == "/word/document.xml":
            said.add(kind)
        if "macroenabled" in kind.lower() or "vbaproject" in kind.lower():
            raise Refused("docx_active_content")
        link = attributes.get("Type", "").rpartition("/")[2]
        if name.endswith(".rels") and attributes.get("TargetMode") == "External" and link != "hyperlink":
            raise Refused("docx_active_content")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    for piece in pieces:
        parser.Parse(piece, False)
    parser.Parse(b"", True)
    if name == "[content_types].xml" and said != {WORD_MAIN}:
        raise Refused("zip_archive")


def look_at_text(file: IO[bytes]) -> None:
    """Take UTF-8 that prints. Errors: Refused."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    allowed = {ord(each): None for each in "\t\n\r\f"}
    while True:
        piece = file.read(PIECE_BYTES)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise Refused("unknown_type") from error
        if any(each < " " or each == "\x7f" for each in set(text.translate(allowed))):
            raise Refused("unknown_type")
        if not piece:
            return


if __name__ == "__main__":
    main()
