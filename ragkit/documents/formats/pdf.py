"""PDF → Document: the text layer page by page, with the offset where each page starts.

PDFium extracts the text in the order of the file, which writes columns one after the other.
Headings come from the outline or, without one, from the size of the letters. Pages that are images
are rendered for an OCR engine, if there is one. PDFium is not thread-safe, so a lock serialises all
calls. Knows no engine; `layout/page_lines` turns lines into text.
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
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.page_lines import OutlineEntry, PageLine
from ragkit.documents.ocr import DPI, LINE_SPACING, Ocr, PageImage, ScannedPages
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

_PDFIUM_LOCK = threading.Lock()
_MAX_OUTLINE_ENTRIES = 5_000
_MAX_OUTLINE_DEPTH = 10
_MAX_PIECE_GAP = 4.0  # letter sizes; pieces of one line further apart are cells of a table
_MAX_EXAMPLE = 60  # characters of a running line in a warning
_POINTS_PER_INCH = 72
_NO_SPACE_BEFORE = tuple(".,;:!?)]}’”")


def read_pdf(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """Read the text of all pages, without running heads and feet. `ocr` reads scanned pages.

    Raises `DocumentError` if the file is encrypted or damaged, or if no page has text.
    """
    with _PDFIUM_LOCK:
        content = _extract(data, ocr)
    page_count = len(content.lines)
    empty_count = sum(not lines for lines in content.lines)
    if empty_count == page_count:
        raise _no_text_error(content)
    warnings = content.scans.warnings(page_count)
    if content.broken:
        warnings.append(f"{content.broken} of {_format_pages(page_count)} cannot be read")
    if without_text := empty_count - content.broken - content.scans.unread:
        warnings.append(f"{without_text} of {_format_pages(page_count)} have no text")
    lines, running_warnings = _remove_running_lines(content.lines)
    recognised = content.scans.texts
    with_layer = [[] if page in recognised else rows for page, rows in enumerate(lines)]
    line_spacing = page_lines.usual_line_spacing(with_layer)
    texts = (
        page_lines.join_lines(rows, LINE_SPACING if page in recognised else line_spacing)
        for page, rows in enumerate(lines)
    )
    text, starts = page_lines.join_pages(page_lines.rejoin_hyphenated_words(texts))
    outline = content.outline or page_lines.outline_by_font_size(with_layer)
    author = property_title(content.author, "")
    properties = {"author": author} if author is not None else {}
    return Document(
        text,
        "application/pdf",
        title=property_title(content.title, name),
        headings=tuple(page_lines.locate_headings(text, starts, outline)),
        pages=tuple(starts),
        metadata=properties | content.scans.metadata(page_count),
        warnings=(*warnings, *running_warnings),
        recognition=content.scans.recognition(),
    )


@dataclass(slots=True)
class _PdfContent:
    """What PDFium extracts from a file."""

    scans: ScannedPages  # pages without a text layer
    lines: list[list[PageLine]] = field(default_factory=list)  # by page
    outline: list[OutlineEntry] = field(default_factory=list)
    title: str = ""
    author: str = ""
    broken: int = 0  # number of pages that cannot be read


def _remove_running_lines(pages: list[list[PageLine]]) -> tuple[list[list[PageLine]], list[str]]:
    """Return the pages without running heads and feet, and a warning with an example.

    A page that would become empty keeps its lines.
    """
    running = {
        page: indices
        for page, indices in page_lines.find_running_lines(pages).items()
        if len(indices) < len(pages[page])
    }
    if not running:
        return pages, []
    cleaned_pages = [
        [line for index, line in enumerate(lines) if index not in running.get(page, ())]
        for page, lines in enumerate(pages)
    ]
    first = min(running)
    example = pages[first][min(running[first])].text[:_MAX_EXAMPLE]
    return cleaned_pages, [
        f"left out of {_format_pages(len(running))}: running lines such as “{example}”"
    ]


def _extract(data: bytes, ocr: Ocr | None) -> _PdfContent:
    document = _open_document(data)
    try:
        content = _PdfContent(
            ScannedPages(ocr),
            title=document.get_metadata_value("Title"),
            author=document.get_metadata_value("Author"),
        )
        for number in range(len(document)):
            lines = _read_page(document, number, content.scans)
            content.lines.append(lines or [])
            content.broken += lines is None
        content.outline = list(_read_outline(document))
        return content
    finally:
        document.close()


def _open_document(data: bytes) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return PdfDocument(data)
    except PdfiumError as error:
        if "password" in str(error) or "security" in str(error):
            raise DocumentError("encrypted PDF: needs a password", kind="encrypted") from error
        raise DocumentError("damaged PDF: no pages can be found in it") from error


def _read_outline(document: PdfDocument) -> Iterator[OutlineEntry]:
    """Yield the entries of the outline in order, up to the first damaged one."""
    from pypdfium2 import PdfiumError

    try:
        for count, entry in enumerate(document.get_toc(max_depth=_MAX_OUTLINE_DEPTH)):
            destination = entry.get_dest()
            page = destination.get_index() if destination is not None else None
            if count >= _MAX_OUTLINE_ENTRIES:
                return
            if page is not None:
                yield OutlineEntry(entry.level + 1, page_lines.clean_line(entry.get_title()), page)
    except PdfiumError:
        return


def _read_page(document: PdfDocument, number: int, scans: ScannedPages) -> list[PageLine] | None:
    """Return the lines of page `number` (from 0); None if the page cannot be read.

    A page with images and without a text layer is read by OCR through `scans`.
    """
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
    except PdfiumError:
        return None
    try:
        textpage = page.get_textpage()
        try:
            lines = _extract_lines(textpage)
        finally:
            textpage.close()
        if not lines and _has_image(page):
            return scans.read(number, partial(_render_page, page))
        return lines
    except PdfiumError:
        return None
    finally:
        page.close()


def _render_page(page: PdfPage, max_pixels: int) -> PageImage:
    """Render a page in grey at `DPI`, or less to stay within `max_pixels`."""
    width, height = page.get_size()  # points
    # PDFium rounds both sides up, so one pixel per side is subtracted.
    dpi = min(
        float(DPI),
        _POINTS_PER_INCH
        * (math.sqrt(max_pixels / max(width * height, 1.0)) - 1 / max(min(width, height), 1.0)),
    )
    dpi = max(dpi, 0.01)
    bitmap = page.render(scale=dpi / _POINTS_PER_INCH, grayscale=True, may_draw_forms=False)
    try:
        stride, pixels = bitmap.stride, bytes(bitmap.buffer)
        rows = (pixels[at : at + bitmap.width] for at in range(0, stride * bitmap.height, stride))
        return PageImage(bitmap.width, bitmap.height, b"".join(rows), max(1, round(dpi)))
    finally:
        bitmap.close()


def _extract_lines(textpage: PdfTextPage) -> list[PageLine]:
    """Return the lines with text. Pieces of one line, which PDFium splits at small gaps, are
    joined."""
    text = textpage.get_text_range()
    letters = _LetterPositions(textpage, _utf16_length(text) == textpage.count_chars())
    lines: list[PageLine] = []
    last_letter = 0  # offset of the previous line's last letter
    offset = 0  # in UTF-16 code units, as PDFium counts
    for raw_line in text.split("\n"):
        content = page_lines.clean_line(raw_line)
        if content:
            indent = len(raw_line) - len(raw_line.lstrip())
            is_indented = raw_line[0] != content[0]
            start = offset + _utf16_length(raw_line[:indent]) if is_indented else offset
            left, y, size = letters.locate(start)
            previous = lines[-1] if lines else None
            if (
                previous
                and size
                and previous.y == y
                and left < letters.locate(last_letter)[0] + _MAX_PIECE_GAP * size
            ):
                space = "" if content.startswith(_NO_SPACE_BEFORE) else " "
                lines[-1] = PageLine(previous.text + space + content, y, previous.size)
            else:
                lines.append(PageLine(content, y, size))
            last_letter = offset + _utf16_length(raw_line.rstrip()) - 1
        offset += _utf16_length(raw_line) + 1
    return lines


def _utf16_length(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


class _LetterPositions:
    """Positions and sizes of the letters on a page, by their offset in the page's text.

    `same_index`: the text has one UTF-16 code unit per PDFium character, so offsets are indices.
    """

    def __init__(self, textpage: PdfTextPage, same_index: bool) -> None:
        from pypdfium2 import raw

        self._page, self._same_index, self._raw = textpage.raw, same_index, raw
        self._x, self._y, self._matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()

    def locate(self, offset: int) -> tuple[float, float, float]:
        """Return the origin (x, y) and the rendered size of a letter, in points; zeros if unknown.

        The font's own size may be 1 and scaled by the text matrix.
        """
        page, raw, matrix = self._page, self._raw, self._matrix
        same = self._same_index
        index = offset if same else raw.FPDFText_GetCharIndexFromTextIndex(page, offset)
        if index < 0 or not raw.FPDFText_GetCharOrigin(page, index, self._x, self._y):
            return 0.0, 0.0, 0.0
        scale = 1.0
        if raw.FPDFText_GetMatrix(page, index, matrix):
            scale = math.hypot(matrix.c, matrix.d)
        return self._x.value, self._y.value, raw.FPDFText_GetFontSize(page, index) * scale


def _has_image(page: PdfPage) -> bool:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    return any(True for _ in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _no_text_error(content: _PdfContent) -> DocumentError:
    """Return the reason why a file without text on any page cannot be read."""
    page_count = len(content.lines)
    if page_count == 0:
        return DocumentError("damaged PDF: it has no pages")
    if content.broken == page_count:
        return DocumentError(f"damaged PDF: none of its {_format_pages(page_count)} can be read")
    if content.scans.unread or content.scans.texts:
        return content.scans.no_text_error()
    return DocumentError(f"no text: {_format_pages(page_count)} without any", kind="no_text")


def _format_pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
