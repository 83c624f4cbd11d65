"""Exhibits as pages of a PDF: pictures one to a page, and the stamp that says which page of which exhibit it is."""

import io
import zlib
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps
from pypdf import PageObject, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    IndirectObject,
    NameObject,
    NumberObject,
    StreamObject,
)

IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/tiff"})
TEXT: Final = "text/plain"
PDF: Final = "application/pdf"
TEXT_BYTES_MAX: Final = 2 * 1024 * 1024  # a longer one is no reading matter: it goes beside the file, as it is
_LETTER: Final = (612.0, 792.0)
_MARGIN: Final = 36.0
_ORIENTATION: Final = 0x0112  # Exif: how the camera was held
_SPACES: Final = {"L": "/DeviceGray", "RGB": "/DeviceRGB"}
_STAMP_SIZE, _STAMP_FROM_EDGE, _STAMP_PAD = 8.0, 14.0, 3.0
_NARROW: Final = frozenset("iljtfrI.,:;|!'() ")


def is_merged(media_type: str, size_bytes: int) -> bool:
    """Say whether an exhibit of this kind becomes pages; one that does not goes beside the file."""
    return media_type == PDF or media_type in IMAGES or (media_type == TEXT and size_bytes <= TEXT_BYTES_MAX)


def picture_pages(path: Path, writer: PdfWriter) -> None:
    """Add the pictures of a file, each on a page of its own, nothing lost: a JPEG as it is, others packed without loss."""
    with Image.open(path) as image:
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            turned = image.getexif().get(_ORIENTATION, 1) != 1
            if image.format == "JPEG" and not turned and image.mode in _SPACES:
                _add_picture(writer, path.read_bytes(), "/DCTDecode", image.size, _SPACES[image.mode])
                continue
            shown = ImageOps.exif_transpose(image) if turned else image
            flat = _flattened(shown)
            _add_picture(writer, zlib.compress(flat.tobytes(), 6), "/FlateDecode", flat.size, _SPACES[flat.mode])


def _flattened(image: Image.Image) -> Image.Image:
    """Return a picture in grey or colour; where it was see-through there is paper."""
    if image.mode in _SPACES:
        return image
    if image.mode == "1":
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        paper = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(paper, over).convert("RGB")
    return image.convert("L" if image.mode.startswith("I") or image.mode == "F" else "RGB")


def _add_picture(writer: PdfWriter, packed: bytes, how: str, size: tuple[int, int], space: str) -> None:
    width, height = _LETTER if size[0] <= size[1] else _LETTER[::-1]
    scale = min((width - 2 * _MARGIN) / size[0], (height - 2 * _MARGIN) / size[1])
    wide, high = size[0] * scale, size[1] * scale
    picture = StreamObject()
    picture._data = packed  # noqa: SLF001 - packed already; the public way would pack it again
    picture.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(size[0]),
            NameObject("/Height"): NumberObject(size[1]),
            NameObject("/ColorSpace"): NameObject(space),
            NameObject("/BitsPerComponent"): NumberObject(8),
            NameObject("/Filter"): NameObject(how),
        }
    )
    page = writer.add_blank_page(width, height)
    held = DictionaryObject({NameObject("/Picture"): writer._add_object(picture)})  # noqa: SLF001 - pypdf has no public name for it
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): held})
    content = DecodedStreamObject()
    content.set_data(f"q {wide:.3f} 0 0 {high:.3f} {(width - wide) / 2:.3f} {(height - high) / 2:.3f} cm /Picture Do Q".encode())
    page[NameObject("/Contents")] = writer._add_object(content)  # noqa: SLF001 - as above


def text_of(path: Path) -> str:
    """Return a text exhibit, with its tabs and page feeds as blanks and lines."""
    return path.read_text(encoding="utf-8-sig").replace("\t", "    ").replace("\f", "\n").replace("\r\n", "\n").replace("\r", "\n")


class Stamps:
    """Writes what a page is onto the pages of one file, without reading what stands on them."""

    def __init__(self, writer: PdfWriter) -> None:
        self._writer = writer
        self._font = writer._add_object(  # noqa: SLF001 - pypdf has no public name for it
            DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Font"),
                    NameObject("/Subtype"): NameObject("/Type1"),
                    NameObject("/BaseFont"): NameObject("/Helvetica"),
                    NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
                }
            )
        )
        self._before = self._stream(b"q\n")

    def put(self, page: PageObject, text: str) -> None:
        """Stamp a page at its foot, upright as it is shown, on a white ground."""
        font = self._font_name(page)
        contents = page.get("/Contents")
        held: list[Any] = []
        if contents is not None:
            raw = page.raw_get("/Contents")
            told = raw.get_object() if isinstance(raw, IndirectObject) else raw
            held = list(told) if isinstance(told, ArrayObject) else [raw]
        page[NameObject("/Contents")] = ArrayObject([self._before, *held, self._stream(_drawn(page, font, text))])

    def _stream(self, drawn: bytes) -> IndirectObject:
        content = DecodedStreamObject()
        content.set_data(drawn)
        return self._writer._add_object(content)  # noqa: SLF001 - pypdf has no public name for it

    def _font_name(self, page: PageObject) -> str:
        """Make the font known to the page under a name that it does not use. What pages share is not changed under the others."""
        found = page.get("/Resources")
        resources = DictionaryObject(found.get_object() if found is not None else {})
        shared = resources.get("/Font")
        fonts = DictionaryObject(shared.get_object() if shared is not None else {})
        name = "/RecoursStamp"
        while name in fonts:
            name += "X"
        fonts[NameObject(name)] = self._font
        resources[NameObject("/Font")] = fonts
        page[NameObject("/Resources")] = resources
        return name


def _drawn(page: PageObject, font: str, text: str) -> bytes:
    """Return what is drawn after a page's own content, which is closed first so that its state cannot move the stamp."""
    box = page.cropbox
    turned = page.rotation % 360
    width, height = float(box.width), float(box.height)
    if turned in (90, 270):
        width, height = height, width
    left, low = float(box.left), float(box.bottom)
    # From the page as a reader sees it to the page as it is written.
    matrices = {
        0: (1, 0, 0, 1, left, low),
        90: (0, 1, -1, 0, left + height, low),
        180: (-1, 0, 0, -1, left + width, low + height),
        270: (0, -1, 1, 0, left, low + width),
    }
    matrix = " ".join(f"{value:g}" for value in matrices.get(turned, matrices[0]))
    wide = sum(2.3 if each in _NARROW else 4.6 for each in text)  # points, of the font at this size, near enough for a ground
    x = max(_STAMP_PAD, width - wide - 2 * _STAMP_PAD - _STAMP_FROM_EDGE)
    y = _STAMP_FROM_EDGE
    ground = f"{x:.2f} {y:.2f} {wide + 2 * _STAMP_PAD:.2f} {_STAMP_SIZE + _STAMP_PAD:.2f} re f"
    told = text.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    place = f"{x + _STAMP_PAD:.2f} {y + _STAMP_PAD:.2f}"
    return (
        f"\nQ q {matrix} cm 1 1 1 rg {ground} 0.15 0.15 0.15 rg BT {font} {_STAMP_SIZE:g} Tf {place} Td (".encode()
        + told
        + b") Tj ET Q"
    )


def written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
