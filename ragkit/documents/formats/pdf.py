"""PDF → Document: the text layer page by page, with the offset where each page starts.

PDFium extracts the text in the order of the file, which writes columns one after the other.
Headings come from the outline or, without one, from the size of the letters. Pages that are images
are rendered for an OCR engine, if there is one. PDFium is not thread-safe, so a lock serialises all
calls. Knows no engine; `layout/page_lines` turns lines into text.
"""

from __future__ import annotations

import ctypes
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents.formats import pdf_annotations, pdf_layers
from ragkit.documents.layout import page_lines
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.glyph_lines import (
    NEEDS_GLYPHS,
    Glyph,
    is_letter_spaced,
    write_line,
)
from ragkit.documents.layout.page_lines import OutlineEntry, PageLine
from ragkit.documents.layout.scripts import SCRIPT_MARKS, has_scripts, write_scripts
from ragkit.documents.ocr import DPI, LINE_SPACING, Ocr, PageImage, ScannedPages
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
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
_MAX_SAMPLED_LETTERS = 50  # of a page, that show whether its letters have a Unicode map
_NUMBER = re.compile(r"[+\-−–]?[0-9]{1,20}")
_NUMBER_STARTS = frozenset("+-−–0123456789")
_SCRIPT_CHARACTERS = frozenset("0123456789+-−–.,")
_SCRIPT_ENDS = tuple(end for _, end in SCRIPT_MARKS.values())
_MIN_SPACE = 0.15  # of the letters' size: a blank
_MAX_SCRIPT_LINE = 5000  # characters; a longer line is none of a page
_MIN_SHIFT = 0.3  # points; below, two letters stand on one line
# Of the size of the letter before: the size of a raised or lowered one, and its distance.
_MAX_SCRIPT_SIZE = 0.9
_MIN_RAISED, _MIN_LOWERED, _MAX_LOWERED = 0.1, 0.04, 0.7
_NO_SPACE_BEFORE = tuple(".,;:!?)]}’”")


def read_pdf(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """Read the text of all pages, without running heads and feet. `ocr` reads scanned pages.

    Raises `DocumentError` if the file is encrypted or damaged, or if no page has text.
    """
    with _PDFIUM_LOCK:
        content = _extract(data, ocr)
    page_count = len(content.lines)
    empty_count = sum(not lines for lines in content.lines)
    if empty_count == page_count and not any(content.annotations):
        raise _no_text_error(content)
    warnings = content.scans.warnings(page_count)
    if content.broken:
        warnings.append(f"{content.broken} of {_format_pages(page_count)} cannot be read")
    if content.unmapped:
        unmapped = f"the letters of {content.unmapped} of {_format_pages(page_count)}"
        warnings.append(f"{unmapped} have no Unicode map and are not read")
    if content.pages_with_hidden:
        layers = f"layers of {content.pages_with_hidden} of {_format_pages(page_count)}"
        warnings.append(f"{layers} are off when it is opened and are not read")
    elif content.has_hidden_objects:
        warnings.append("what is on layers that are off when it is opened is not read")
    if (without_text := empty_count - content.broken - content.scans.unread) > 0:
        warnings.append(f"{without_text} of {_format_pages(page_count)} have no text")
    lines, running_warnings = _remove_running_lines(content.lines)
    recognised = content.scans.texts
    with_layer = [[] if page in recognised else rows for page, rows in enumerate(lines)]
    line_spacing = page_lines.usual_line_spacing(with_layer)
    texts = (
        page_lines.join_lines(rows, LINE_SPACING if page in recognised else line_spacing)
        for page, rows in enumerate(lines)
    )
    pages = [
        "\n\n".join(filter(None, (page_text, "\n".join(notes))))
        for page_text, notes in zip(
            page_lines.rejoin_hyphenated_words(texts), content.annotations, strict=True
        )
    ]
    text, starts = page_lines.join_pages(pages)
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
    annotations: list[list[str]] = field(default_factory=list)  # by page: fields and notes
    unmapped: int = 0  # number of pages whose letters have no Unicode map
    outline: list[OutlineEntry] = field(default_factory=list)
    title: str = ""
    author: str = ""
    broken: int = 0  # number of pages that cannot be read
    hidden_layers: frozenset[str] = frozenset()  # that are off when the file is opened
    pages_with_hidden: int = 0  # number of pages with content on them
    has_hidden_objects: bool = False  # forms or images, or dictionaries that hide content


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
    visible = pdf_layers.without_hidden_objects(data)
    document = _open_document(visible)
    try:
        content = _PdfContent(
            ScannedPages(ocr),
            title=document.get_metadata_value("Title"),
            author=document.get_metadata_value("Author"),
            hidden_layers=pdf_layers.hidden_layers(data),
            has_hidden_objects=visible != data,
        )
        if document.get_formtype():
            document.init_forms()
        for number in range(len(document)):
            content.annotations.append([])
            lines = _read_page(document, number, content)
            content.lines.append(lines or [])
            content.broken += lines is None
        content.outline = list(_read_outline(document))
        return content
    finally:
        document.close()


def decrypt_pdf(data: bytes, passwords: Sequence[str]) -> bytes | None:
    """Return an encrypted PDF without its encryption; None if no password opens it.

    Raises `DocumentError` if it is damaged.
    """
    from pypdfium2 import PdfiumError, raw

    for password in passwords:
        with _PDFIUM_LOCK:
            try:
                document = _open_document(data, password)
            except DocumentError as error:
                if error.kind != "encrypted":
                    raise
                continue
            output = BytesIO()
            try:
                document.save(output, flags=raw.FPDF_REMOVE_SECURITY)
            except PdfiumError as error:
                raise DocumentError(f"damaged PDF: {error}") from error
            finally:
                document.close()
            return output.getvalue()
    return None


def _open_document(data: bytes, password: str | None = None) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return PdfDocument(data) if password is None else PdfDocument(data, password)
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


def pdf_attachments(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the files in a PDF: attachments, parts of a portfolio, and files on its pages.

    Raises `DocumentError` if the file cannot be opened, `BudgetExceededError` if its budget is used
    up.
    """
    if b"/EmbeddedFile" not in data and b"/ObjStm" not in data:
        return
    with _PDFIUM_LOCK:
        document = _open_document(data)
        try:
            files = list(_read_attachments(document, budget))
        finally:
            document.close()
    yield from files


def _read_attachments(document: PdfDocument, budget: Budget) -> Iterator[Member]:
    from pypdfium2 import PdfiumError

    seen: set[tuple[str, int]] = set()
    for file in pdf_annotations.iter_attachments(document):
        budget.count_member()
        file_name = file.get_name().replace("/", "_") or "unnamed"
        try:
            content = bytes(file.get_data())
        except PdfiumError as error:
            yield Member(file_name, reason=f"damaged attachment: {error}")
            continue
        content = budget.decompress(BytesIO(content), len(content), file_name)
        if (file_name, hash(content)) not in seen:  # one file may be listed twice
            seen.add((file_name, hash(content)))
            yield Member(file_name, content)


def _read_page(document: PdfDocument, number: int, content: _PdfContent) -> list[PageLine] | None:
    """Return the lines of page `number` (from 0); None if the page cannot be read.

    A page with images and without a text layer is read by OCR.
    """
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
    except PdfiumError:
        return None
    try:
        if (
            content.hidden_layers or content.has_hidden_objects
        ) and pdf_layers.remove_hidden_content(page, content.hidden_layers):
            content.pages_with_hidden += 1
        textpage = page.get_textpage()
        try:
            lines = _extract_lines(textpage, _visible_box(page))
            if lines and _is_unmapped(textpage):
                content.unmapped += 1
                lines = []
        finally:
            textpage.close()
        content.annotations[number] = pdf_annotations.read_annotations(document, page, number)
        if not lines and _shows_something(page):
            return content.scans.read(number, partial(_render_page, page))
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


_Box = tuple[float, float, float, float]  # left, bottom, right, top in points


def _visible_box(page: PdfPage) -> _Box | None:
    """Return the part of the page that is shown, if it is less than all of it."""
    crop, media = page.get_cropbox(), page.get_mediabox()
    return None if crop == media else crop


def _is_unmapped(textpage: PdfTextPage) -> bool:
    """Whether most letters of a page have no Unicode map: their codes are no text."""
    from pypdfium2 import raw

    page, count = textpage.raw, textpage.count_chars()
    sample = range(0, count, max(1, count // _MAX_SAMPLED_LETTERS))
    mapped = 0
    for index in sample:
        mapped += raw.FPDFText_HasUnicodeMapError(page, index) != 1
        if 2 * mapped >= len(sample):
            return False
    return len(sample) > 0


def _extract_lines(textpage: PdfTextPage, box: _Box | None = None) -> list[PageLine]:
    """Return the lines with text, of the part of the page in `box`. Pieces of one line, which
    PDFium splits at small gaps, are joined."""
    text = textpage.get_text_range()
    units = _utf16_length(text)
    # Where each character is one unit of UTF-16, their number is the length.
    length = len if units == len(text) else _utf16_length
    letters = _LetterPositions(textpage, units == textpage.count_chars(), length)
    lines: list[PageLine] = []
    last_letter = 0  # offset of the previous line's last letter
    offset = 0  # in UTF-16 code units, as PDFium counts
    for raw_line in text.split("\n"):
        line = raw_line
        needs_positions = _needs_positions(raw_line)
        if box is not None or needs_positions:
            line = letters.write(raw_line, offset, box)
            needs_positions = line.rstrip() != raw_line.rstrip() or _needs_positions(line)
        if not needs_positions:
            line = letters.write_numbers(raw_line, offset)
        content = page_lines.clean_line(line)
        if content:
            indent = len(raw_line) - len(raw_line.lstrip())
            is_indented = raw_line[0] != content[0]
            start = offset + length(raw_line[:indent]) if is_indented else offset
            left, y, size = letters.locate(start)
            previous = lines[-1] if lines else None
            if (
                previous
                and size
                and previous.y == y
                and left < letters.locate(last_letter)[0] + _MAX_PIECE_GAP * size
            ):
                is_close = previous.text.endswith(_SCRIPT_ENDS) and (
                    letters.gap(last_letter, left) < _MIN_SPACE * size
                )
                space = "" if is_close or content.startswith(_NO_SPACE_BEFORE) else " "
                lines[-1] = PageLine(previous.text + space + content, y, previous.size)
            elif (
                previous
                and content[0] in _NUMBER_STARTS
                and (joined := letters.join_script(previous.text, content, last_letter, start))
            ):
                lines[-1] = PageLine(joined, previous.y, previous.size)
            else:
                lines.append(PageLine(content, y, size))
            last_letter = offset + length(raw_line.rstrip()) - 1
        offset += length(raw_line) + 1
    return [
        replace(line, text=write_scripts(line.text)) if has_scripts(line.text) else line
        for line in lines
    ]


def _utf16_length(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


class _LetterPositions:
    """Positions and sizes of the letters on a page, by their offset in the page's text.

    `same_index`: the text has one UTF-16 code unit per PDFium character, so offsets are indices.
    `length`: of a part of the text, in UTF-16 code units.
    """

    def __init__(
        self, textpage: PdfTextPage, same_index: bool, length: Callable[[str], int]
    ) -> None:
        from pypdfium2 import raw

        self._page, self._same_index, self._raw = textpage.raw, same_index, raw
        self._length = length
        self._x, self._y, self._matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()

    def write(self, line: str, offset: int, box: _Box | None) -> str:
        """Return the text of a line that starts at `offset`, by the positions of its letters.

        Letters outside of `box` are left out.
        """
        glyphs: list[Glyph] = []
        size = 0.0
        values = [ctypes.c_double() for _ in range(4)]
        for char in line:
            index = self._index(offset)
            offset += _utf16_length(char)
            if index < 0 or char == "\r":
                continue
            x, y, letter_size = self.locate(offset - _utf16_length(char))
            self._raw.FPDFText_GetCharBox(self._page, index, *values)
            left, right = values[0].value, values[1].value
            is_inside = box is None or (
                box[0] <= (left + right) / 2 <= box[2] and box[1] <= y <= box[3]
            )
            if is_inside:
                is_generated = self._raw.FPDFText_IsGenerated(self._page, index) == 1
                glyphs.append(Glyph(char, x, left, right, is_generated))
                size = max(size, letter_size if char.strip() else 0.0)
        if not glyphs or not _needs_positions(line):
            return "".join(glyph.text for glyph in glyphs)
        return write_line(glyphs, size or 10.0)

    def write_numbers(self, line: str, offset: int) -> str:
        """Return a line that starts at `offset`, with its raised and lowered numbers marked for
        `write_scripts`."""
        if len(line) > _MAX_SCRIPT_LINE or not _NUMBER.search(line):
            return line
        pieces: list[str] = []
        at = 0
        length = self._length
        for match in _NUMBER.finditer(line):
            first, last = match.span()
            base, last = first - 1, last - 1
            if base < 0 or line[base].isspace():
                base += 1  # no letter before it: the number's own first digit
            if first < at or base == last:
                continue
            before, after = offset + length(line[:base]), offset + length(line[:last])
            if abs(self._height(after) - self._height(before)) < _MIN_SHIFT:
                continue
            kind = self._script(before, after)
            if kind is None:
                continue
            start, end = self._script_span(line, offset, last)
            opening, closing = SCRIPT_MARKS[kind]
            pieces += (line[at:start], opening, line[start:end], closing)
            at = end
        return "".join([*pieces, line[at:]]) if pieces else line

    def gap(self, letter: int, left: float) -> float:
        """Return the distance from the right edge of a letter to `left`, in points."""
        values = [ctypes.c_double() for _ in range(4)]
        self._raw.FPDFText_GetCharBox(self._page, self._index(letter), *values)
        return left - values[1].value

    def join_script(self, before: str, line: str, base: int, start: int) -> str | None:
        """Return a line with the text before it, if it begins with a number that is raised or
        lowered right behind that (PDFium begins a line there), marked for `write_scripts`; else
        None. `base`: offset of the letter before."""
        number = _NUMBER.match(line)
        if number is None or (kind := self._script(base, start)) is None:
            return None
        if (
            kind == "subscript" and before[-1:].isdigit()
        ):  # a line of its own: "3" and "4" are not 34
            return None
        base_x, _, base_size = self.locate(base)
        if not base_x < self.locate(start)[0] < base_x + base_size:
            return None
        opening, closing = SCRIPT_MARKS[kind]
        return f"{before}{opening}{number[0]}{closing}{line[number.end() :]}"

    def _script(self, base: int, place: int) -> str | None:
        """Return whether a letter is a superscript or a subscript of the one at `base`."""
        _, base_y, base_size = self.locate(base)
        _, y, size = self.locate(place)
        if not 0 < size < _MAX_SCRIPT_SIZE * base_size:
            return None
        shift = (y - base_y) / base_size
        if _MIN_RAISED < shift < 1:
            return "superscript"
        return "subscript" if -_MAX_LOWERED < shift < -_MIN_LOWERED else None

    def _script_span(self, line: str, offset: int, inner: int) -> tuple[int, int]:
        """Return where the number around `inner` begins and ends: as far as it has one height."""
        height = self._height(offset + self._length(line[:inner]))
        start, end = inner, inner + 1
        while start > 0 and line[start - 1] in _SCRIPT_CHARACTERS:
            if abs(self._height(offset + self._length(line[: start - 1])) - height) > _MIN_SHIFT:
                break
            start -= 1
        while end < len(line) and line[end] in _SCRIPT_CHARACTERS:
            if abs(self._height(offset + self._length(line[:end])) - height) > _MIN_SHIFT:
                break
            end += 1
        return start, end

    def _height(self, offset: int) -> float:
        """Return the height of a letter's baseline, in points."""
        index = offset if self._same_index else self._index(offset)
        self._raw.FPDFText_GetCharOrigin(self._page, index, self._x, self._y)
        return self._y.value

    def _index(self, offset: int) -> int:
        """Return PDFium's index of the letter at an offset; negative if it has none."""
        if self._same_index:
            return offset
        index: int = self._raw.FPDFText_GetCharIndexFromTextIndex(self._page, offset)
        return index

    def locate(self, offset: int) -> tuple[float, float, float]:
        """Return the origin (x, y) and the rendered size of a letter, in points; zeros if unknown.

        The font's own size may be 1 and scaled by the text matrix.
        """
        page, raw, matrix = self._page, self._raw, self._matrix
        index = offset if self._same_index else self._index(offset)
        if index < 0 or not raw.FPDFText_GetCharOrigin(page, index, self._x, self._y):
            return 0.0, 0.0, 0.0
        scale = 1.0
        if raw.FPDFText_GetMatrix(page, index, matrix):
            scale = math.hypot(matrix.c, matrix.d)
        return self._x.value, self._y.value, raw.FPDFText_GetFontSize(page, index) * scale


def _needs_positions(line: str) -> bool:
    """Whether PDFium's text of a line may be wrong: its order, or the blanks in it."""
    if not line.isascii() and NEEDS_GLYPHS.search(line):
        return True
    return line[1:2] == " " and is_letter_spaced(line)


def _shows_something(page: PdfPage) -> bool:
    """Whether a page without text has images, or letters that PDFium cannot read."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE, FPDF_PAGEOBJ_TEXT

    kinds = [FPDF_PAGEOBJ_IMAGE, FPDF_PAGEOBJ_TEXT]
    return any(True for _ in page.get_objects(filter=kinds, max_depth=3))


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
