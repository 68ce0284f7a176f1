"""PDF → Document: the text layer, page by page, with the offset where each page starts.

PDFium does the work. It is not thread safe, so one lock lets one thread in at a time. The order of
the text is that of the file, which writes columns one after the other; the outline gives the
headings. Draws nothing, and recognises no characters in images.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragkit.documents import pdf_layout
from ragkit.documents.pdf_layout import Entry, Line
from ragkit.documents.titles import property_title
from ragkit.errors import DocumentError
from ragkit.records import Document

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

_PDFIUM = threading.Lock()
_MOST_ENTRIES = 5_000  # of an outline
_NEAR = 4.0  # letters: pieces of one line further apart are cells of a table
_NO_SPACE = tuple(".,;:!?)]}’”")


@dataclass(slots=True)
class _Pages:
    """What PDFium finds in a file."""

    lines: list[list[Line]] = field(default_factory=list)  # by page
    outline: list[Entry] = field(default_factory=list)
    title: str = ""
    author: str = ""
    images: int = 0  # pages that are images without text
    broken: int = 0  # pages that cannot be read


def read_pdf(data: bytes, name: str) -> Document:
    """The text of all pages, without lines that run through them, with the outline's headings.

    Raises `DocumentError` where the file is encrypted or damaged or no page has any text.
    """
    with _PDFIUM:
        pages = _extract(data)
    count = len(pages.lines)
    empty = sum(not lines for lines in pages.lines)
    if empty == count:
        raise DocumentError(_no_text(count, pages.images, pages.broken))
    warnings = []
    if pages.broken:
        warnings.append(f"{pages.broken} of {_count(count)} cannot be read")
    if empty > pages.broken:
        warnings.append(f"{empty - pages.broken} of {_count(count)} have no text")
    lines, left_out = _without_running(pages.lines)
    distance = pdf_layout.usual_distance(lines)
    texts = (pdf_layout.page_text(each, distance) for each in lines)
    text, starts = pdf_layout.joined_pages(pdf_layout.joined_words(texts))
    author = property_title(pages.author, "")
    return Document(
        text,
        "application/pdf",
        title=property_title(pages.title, name),
        headings=tuple(pdf_layout.headings(text, starts, pages.outline)),
        pages=tuple(starts),
        metadata={"author": author} if author is not None else {},
        warnings=(*warnings, *left_out),
    )


def _without_running(pages: list[list[Line]]) -> tuple[list[list[Line]], list[str]]:
    """The pages without running heads and feet, and a warning that names one of them."""
    running = pdf_layout.running_lines(pages)
    kept = [
        [line for index, line in enumerate(lines) if index not in running.get(page, ())]
        for page, lines in enumerate(pages)
    ]
    if not running or not any(kept):
        return pages, []
    first = min(running)
    example = pages[first][min(running[first])].text[:60]
    return kept, [f"left out of {_count(len(running))}: running lines such as “{example}”"]


def _extract(data: bytes) -> _Pages:
    document = _open(data)
    try:
        pages = _Pages(
            title=document.get_metadata_value("Title"), author=document.get_metadata_value("Author")
        )
        for number in range(len(document)):
            lines, is_image = _page(document, number)
            pages.lines.append(lines or [])
            pages.images += is_image
            pages.broken += lines is None
        pages.outline = list(_outline(document))
        return pages
    finally:
        document.close()


def _open(data: bytes) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return PdfDocument(data)
    except PdfiumError as error:
        if "password" in str(error) or "security" in str(error):
            raise DocumentError("encrypted PDF: needs a password") from error
        raise DocumentError("damaged PDF: no pages can be found in it") from error


def _outline(document: PdfDocument) -> Iterator[Entry]:
    """The outline in its order; nothing where it is damaged."""
    from pypdfium2 import PdfiumError

    try:
        for count, entry in enumerate(document.get_toc(max_depth=10)):
            destination = entry.get_dest()
            page = destination.get_index() if destination is not None else None
            if count >= _MOST_ENTRIES:
                return
            if page is not None:
                yield Entry(entry.level + 1, pdf_layout.mended(entry.get_title()), page)
    except PdfiumError:
        return


def _page(document: PdfDocument, number: int) -> tuple[list[Line] | None, bool]:
    """A page's lines, None where it cannot be read, and whether it is images without text."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
    except PdfiumError:
        return None, False
    try:
        textpage = page.get_textpage()
        try:
            lines = _lines(textpage)
        finally:
            textpage.close()
        return lines, not lines and _has_image(page)
    except PdfiumError:
        return None, False
    finally:
        page.close()


def _lines(textpage: PdfTextPage) -> list[Line]:
    """The lines that hold text; pieces of one line that PDFium parts at small signs as one."""
    lines: list[Line] = []
    right = 0.0  # where the line before ends
    at = 0  # in UTF-16 units, which PDFium counts in
    whole = textpage.get_text_range()
    same = _units(whole) == textpage.count_chars()  # each character has its unit
    for raw in whole.split("\n"):
        text = pdf_layout.mended(raw)
        if text:
            lead, trail = _units(raw[: len(raw) - len(raw.lstrip())]), _units(raw.rstrip())
            left, y, size = _place(textpage, at + lead, same)
            line = Line(text, y, size)
            before = lines[-1] if lines else None
            if before and size and before.y == y and 0 <= left - right < _NEAR * size:
                space = "" if text.startswith(_NO_SPACE) else " "
                line = Line(before.text + space + text, y, before.size)
                lines.pop()
            lines.append(line)
            right = _place(textpage, at + trail - 1, same)[0]
        at += _units(raw) + 1
    return lines


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _place(textpage: PdfTextPage, unit: int, same: bool) -> tuple[float, float, float]:
    """Where the character of a place in the text begins (x, y) and its size, in points."""
    from pypdfium2 import raw

    index = unit if same else raw.FPDFText_GetCharIndexFromTextIndex(textpage.raw, unit)
    x, y = ctypes.c_double(), ctypes.c_double()
    if index < 0 or not raw.FPDFText_GetCharOrigin(textpage.raw, index, x, y):
        return 0.0, 0.0, 0.0
    return x.value, y.value, _size(textpage, index)


def _size(textpage: PdfTextPage, index: int) -> float:
    """The size of a letter as it is drawn: the font's own size may be 1, and scaled."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(textpage.raw, index, matrix):
        return 0.0
    return float(raw.FPDFText_GetFontSize(textpage.raw, index)) * math.hypot(matrix.c, matrix.d)


def _has_image(page: PdfPage) -> bool:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    return any(True for _ in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _no_text(pages: int, images: int, broken: int) -> str:
    if pages == 0:
        return "damaged PDF: it has no pages"
    if broken == pages:
        return f"damaged PDF: none of its {_count(pages)} can be read"
    if images:
        return f"no text layer: {_count(images)} {'is an image' if images == 1 else 'are images'}"
    return f"no text: {_count(pages)} without any"


def _count(pages: int) -> str:
    return "1 page" if pages == 1 else f"{pages} pages"
