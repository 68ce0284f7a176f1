"""PDF → Document: the text layer, page by page, with the offset where each page starts.

PDFium does the work. It is not thread safe, so one lock lets one thread in at a time. The order of
the text is that of the file, which writes columns one after the other; the outline gives the
headings, or the size of their letters where there is none. A page that is an image is drawn for an
engine that recognises text, if there is one.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ragkit.documents.layout import page_lines
from ragkit.documents.layout.page_lines import Entry, Line
from ragkit.documents.layout.titles import property_title
from ragkit.documents.ocr import DPI, LEADING, Image, Ocr, Pages
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

_PDFIUM = threading.Lock()
_MOST_ENTRIES = 5_000  # of an outline
_NEAR = 4.0  # letters: pieces of one line further apart are cells of a table
_NO_SPACE = tuple(".,;:!?)]}’”")


@dataclass(slots=True)
class _Found:
    """What PDFium finds in a file."""

    images: Pages  # pages without a text layer
    lines: list[list[Line]] = field(default_factory=list)  # by page
    outline: list[Entry] = field(default_factory=list)
    title: str = ""
    author: str = ""
    broken: int = 0  # pages that cannot be read


def read_pdf(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """The text of all pages, without lines that run through them, with the outline's headings.
    Pages that are images are read by `ocr`.

    Raises `DocumentError` where the file is encrypted or damaged or no page has any text.
    """
    with _PDFIUM:
        pages = _extract(data, ocr)
    count = len(pages.lines)
    empty = sum(not lines for lines in pages.lines)
    if empty == count:
        raise _no_text(count, pages)
    warnings = pages.images.warnings(count)
    if pages.broken:
        warnings.append(f"{pages.broken} of {_count(count)} cannot be read")
    if bare := empty - pages.broken - pages.images.left:
        warnings.append(f"{bare} of {_count(count)} have no text")
    lines, left_out = _without_running(pages.lines)
    recognised = pages.images.texts
    measured = [[] if page in recognised else each for page, each in enumerate(lines)]
    usual = page_lines.usual_distance(measured)
    texts = (
        page_lines.page_text(each, LEADING if page in recognised else usual)
        for page, each in enumerate(lines)
    )
    text, starts = page_lines.joined_pages(page_lines.joined_words(texts))
    outline = pages.outline or page_lines.by_size(measured)
    author = property_title(pages.author, "")
    return Document(
        text,
        "application/pdf",
        title=property_title(pages.title, name),
        headings=tuple(page_lines.headings(text, starts, outline)),
        pages=tuple(starts),
        metadata=({"author": author} if author is not None else {}) | pages.images.metadata(count),
        warnings=(*warnings, *left_out),
        recognition=pages.images.recognition(),
    )


def _without_running(pages: list[list[Line]]) -> tuple[list[list[Line]], list[str]]:
    """The pages without running heads and feet, and a warning that names one of them. A page
    that has nothing else keeps them."""
    running = {
        page: indices
        for page, indices in page_lines.running_lines(pages).items()
        if len(indices) < len(pages[page])
    }
    if not running:
        return pages, []
    kept = [
        [line for index, line in enumerate(lines) if index not in running.get(page, ())]
        for page, lines in enumerate(pages)
    ]
    first = min(running)
    example = pages[first][min(running[first])].text[:60]
    return kept, [f"left out of {_count(len(running))}: running lines such as “{example}”"]


def _extract(data: bytes, ocr: Ocr | None) -> _Found:
    document = _open(data)
    try:
        pages = _Found(
            Pages(ocr),
            title=document.get_metadata_value("Title"),
            author=document.get_metadata_value("Author"),
        )
        for number in range(len(document)):
            lines = _page(document, number, pages.images)
            pages.lines.append(lines or [])
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
            raise DocumentError("encrypted PDF: needs a password", kind="encrypted") from error
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
                yield Entry(entry.level + 1, page_lines.mended(entry.get_title()), page)
    except PdfiumError:
        return


def _page(document: PdfDocument, number: int, images: Pages) -> list[Line] | None:
    """A page's lines, None where it cannot be read."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
    except PdfiumError:
        return None
    try:
        textpage = page.get_textpage()
        try:
            lines = _lines(textpage)
        finally:
            textpage.close()
        if not lines and _has_image(page):
            return images.read(number, partial(_drawn, page))
        return lines
    except PdfiumError:
        return None
    finally:
        page.close()


def _drawn(page: PdfPage, most: int) -> Image:
    """A page in shades of grey, at most so many pixels large."""
    width, height = page.get_size()  # points
    # A pixel more each way: their numbers are rounded up.
    dpi = min(
        float(DPI),
        72 * (math.sqrt(most / max(width * height, 1.0)) - 1 / max(min(width, height), 1.0)),
    )
    dpi = max(dpi, 0.01)
    bitmap = page.render(scale=dpi / 72, grayscale=True, may_draw_forms=False)
    try:
        stride, pixels = bitmap.stride, bytes(bitmap.buffer)
        rows = (pixels[at : at + bitmap.width] for at in range(0, stride * bitmap.height, stride))
        return Image(bitmap.width, bitmap.height, b"".join(rows), max(1, round(dpi)))
    finally:
        bitmap.close()


def _lines(textpage: PdfTextPage) -> list[Line]:
    """The lines that hold text; pieces of one line that PDFium parts at small signs as one."""
    whole = textpage.get_text_range()
    measure = _Measure(textpage, _units(whole) == textpage.count_chars())
    lines: list[Line] = []
    last = 0  # where in the text the line before ends
    at = 0  # in UTF-16 units, which PDFium counts in
    for raw in whole.split("\n"):
        text = page_lines.mended(raw)
        if text:
            start = at if raw[0] == text[0] else at + _units(raw[: len(raw) - len(raw.lstrip())])
            left, y, size = measure.letter(start)
            before = lines[-1] if lines else None
            if before and size and before.y == y and left < measure.letter(last)[0] + _NEAR * size:
                space = "" if text.startswith(_NO_SPACE) else " "
                lines[-1] = Line(before.text + space + text, y, before.size)
            else:
                lines.append(Line(text, y, size))
            last = at + _units(raw.rstrip()) - 1
        at += _units(raw) + 1
    return lines


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


class _Measure:
    """Asks PDFium where letters stand on a page. `same`: each character has its unit."""

    def __init__(self, textpage: PdfTextPage, same: bool) -> None:
        from pypdfium2 import raw

        self._page, self._same, self._raw = textpage.raw, same, raw
        self._x, self._y, self._matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()

    def letter(self, unit: int) -> tuple[float, float, float]:
        """Where a letter of the text begins (x, y) and its size as it is drawn, in points; zeros
        where that is not known. A font's own size may be 1, and scaled."""
        page, raw, matrix = self._page, self._raw, self._matrix
        index = unit if self._same else raw.FPDFText_GetCharIndexFromTextIndex(page, unit)
        if index < 0 or not raw.FPDFText_GetCharOrigin(page, index, self._x, self._y):
            return 0.0, 0.0, 0.0
        scale = 1.0
        if raw.FPDFText_GetMatrix(page, index, matrix):
            scale = math.hypot(matrix.c, matrix.d)
        return self._x.value, self._y.value, raw.FPDFText_GetFontSize(page, index) * scale


def _has_image(page: PdfPage) -> bool:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    return any(True for _ in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _no_text(count: int, pages: _Found) -> DocumentError:
    """Why a file of so many pages, without text on any of them, is not read."""
    if count == 0:
        return DocumentError("damaged PDF: it has no pages")
    if pages.broken == count:
        return DocumentError(f"damaged PDF: none of its {_count(count)} can be read")
    if pages.images.left or pages.images.texts:
        return pages.images.why_nothing()
    return DocumentError(f"no text: {_count(count)} without any", kind="no_text")


def _count(pages: int) -> str:
    return "1 page" if pages == 1 else f"{pages} pages"
