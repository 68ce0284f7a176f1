"""One page of a PDF as a picture, with the boxes around a passage on it.

The boxes are found when a page is shown, by the letters of the passage: white space, hyphens and
ligatures differ between a page and the text that was extracted from it. Nothing is stored, so that
a collection needs no box for each of its words. Knows no collection.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.errors import DocumentError

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_MAX_BOXES = 300
_MAX_LETTERS = 100_000  # of a page, that are searched
_ANCHOR = 24  # letters at both ends of a passage that find it where its middle differs
_DEVICE = 20_000  # the width and height of the page in whole numbers, for PDFium's conversion
_MAX_WORD_GAP = 0.02  # of the page's width; pieces of a line closer than this share a box


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page or an image: RGB pixels, row by row, and boxes as shares of its width and height."""

    width: int  # pixels
    height: int
    pixels: bytes  # 3 * width * height
    boxes: tuple[tuple[float, float, float, float], ...] = ()  # left, top, width, height; 0 to 1


def render_pdf_page(
    data: bytes, number: int, width: int, max_pixels: int, passage: str = "", before: int = 0
) -> PagePicture:
    """Render page `number` (from 1), `width` pixels wide if `max_pixels` allow it.

    `passage` is the part of its text to be boxed, `before` the number of letters and digits of the
    page before it, which decides where the same words occur twice. Raises DocumentError if there is
    no such page or the file is damaged.
    """
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        document = PdfDocument(data)
        try:
            if not 1 <= number <= len(document):
                raise DocumentError(f"the file has {len(document)} pages, no page {number}")
            page = document[number - 1]
            try:
                return _render(page, width, max_pixels, find_boxes(page, passage, before))
            finally:
                page.close()
        finally:
            document.close()
    except PdfiumError as error:
        raise DocumentError(f"the page cannot be shown: {error}") from error


def _render(
    page: PdfPage,
    width: int,
    max_pixels: int,
    boxes: tuple[tuple[float, float, float, float], ...],
) -> PagePicture:
    points_wide, points_high = page.get_size()
    scale = width / max(points_wide, 1.0)
    # PDFium rounds both sides up, so one pixel per side is subtracted.
    largest = (max_pixels / max(points_wide * points_high, 1.0)) ** 0.5
    scale = max(0.001, min(scale, largest - 1 / max(min(points_wide, points_high), 1.0)))
    bitmap = page.render(scale=scale, may_draw_forms=True, rev_byteorder=True)
    try:
        data, stride, channels = bytes(bitmap.buffer), bitmap.stride, bitmap.n_channels
        rows = [data[at : at + bitmap.width * channels]
                for at in range(0, stride * bitmap.height, stride)]  # fmt: skip
        pixels = b"".join(rows)
        if channels == 1:
            pixels = bytes(value for value in pixels for _ in range(3))
        elif channels == 4:
            opaque = bytearray(3 * bitmap.width * bitmap.height)
            for channel in range(3):
                opaque[channel::3] = pixels[channel::4]
            pixels = bytes(opaque)
        return PagePicture(bitmap.width, bitmap.height, pixels, boxes)
    finally:
        bitmap.close()


def find_boxes(
    page: PdfPage, passage: str, before: int
) -> tuple[tuple[float, float, float, float], ...]:
    """Return a box for each line of `passage` on the page; () if it is not found on it."""
    needle = "".join(letters(passage))
    if not needle:
        return ()
    textpage = page.get_textpage()
    try:
        text, indices = _page_letters(textpage)
        span = find_letters(text, needle, before)
        if span is None:
            return ()
        return _merge(_line_boxes(page, textpage, indices[span[0]], indices[span[1] - 1] + 1))
    finally:
        textpage.close()


def letters(text: Iterable[str]) -> Iterable[str]:
    """Yield the letters and digits of a text, in compatibility form and without case."""
    for character in text:
        for part in unicodedata.normalize("NFKC", character).casefold():
            if part.isalnum():
                yield part


def _page_letters(textpage: PdfTextPage) -> tuple[str, list[int]]:
    """The letters of a page, and for each the index of PDFium's character."""
    from pypdfium2 import raw

    found: list[str] = []
    indices: list[int] = []
    for index in range(min(textpage.count_chars(), _MAX_LETTERS)):
        code = raw.FPDFText_GetUnicode(textpage.raw, index)
        if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
            for letter in letters(chr(code)):
                found.append(letter)
                indices.append(index)
    return "".join(found), indices


def find_letters(text: str, needle: str, before: int) -> tuple[int, int] | None:
    """Return where `needle` begins and ends in `text`: its occurrence nearest to `before`.

    If it is not there as a whole, its first and its last letters decide.
    """
    start = _nearest(text, needle, before)
    if start is not None:
        return start, start + len(needle)
    if len(needle) < 2 * _ANCHOR:
        return None
    first = _nearest(text, needle[:_ANCHOR], before)
    expected_end = (before if first is None else first) + len(needle) - _ANCHOR
    last = _nearest(text, needle[-_ANCHOR:], expected_end)
    if first is None and last is None:
        return None
    end = len(needle) + (first or 0) if last is None else last + _ANCHOR
    begin = max(0, end - len(needle)) if first is None else first
    end = min(end, len(text))
    # Where the two are far from each other, one of them is a repetition elsewhere on the page.
    if not 0 < end - begin <= 2 * len(needle):
        end = min(len(text), begin + len(needle))
    return (begin, end) if begin < end else None


def _nearest(text: str, part: str, expected: int) -> int | None:
    best: int | None = None
    at = text.find(part)
    while at >= 0:
        if best is None or abs(at - expected) < abs(best - expected):
            best = at
        at = text.find(part, at + 1)
    return best


def _line_boxes(
    page: PdfPage, textpage: PdfTextPage, start: int, end: int
) -> list[tuple[float, float, float, float]]:
    """(left, top, right, bottom) of each piece of a line, as shares of the page as it is shown."""
    from pypdfium2 import raw

    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    x, y = ctypes.c_int(), ctypes.c_int()

    def to_share(across: float, up: float) -> tuple[float, float]:
        # Takes the page's own rotation and its crop box into account.
        raw.FPDF_PageToDevice(page.raw, 0, 0, _DEVICE, _DEVICE, 0, across, up, x, y)
        return x.value / _DEVICE, y.value / _DEVICE

    boxes = []
    count = raw.FPDFText_CountRects(textpage.raw, start, end - start)
    for index in range(min(count, 20 * _MAX_BOXES)):
        if raw.FPDFText_GetRect(textpage.raw, index, left, top, right, bottom):
            corners = to_share(left.value, top.value), to_share(right.value, bottom.value)
            (x0, y0), (x1, y1) = corners
            clamped = [
                min(1.0, max(0.0, share))
                for share in (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
            ]
            boxes.append((clamped[0], clamped[1], clamped[2], clamped[3]))
    return boxes


def _merge(
    pieces: list[tuple[float, float, float, float]],
) -> tuple[tuple[float, float, float, float], ...]:
    """Join the pieces of a line; return boxes as left, top, width, height."""
    lines: list[list[float]] = []
    for left, top, right, bottom in pieces:
        if right <= left or bottom <= top:
            continue
        last = lines[-1] if lines else None
        if last is not None:
            shared = min(bottom, last[3]) - max(top, last[1])
            is_same_line = shared > 0.5 * min(bottom - top, last[3] - last[1])
            is_near = max(left, last[0]) - min(right, last[2]) < _MAX_WORD_GAP
            if is_same_line and is_near:
                last[:] = [min(left, last[0]), min(top, last[1]),
                           max(right, last[2]), max(bottom, last[3])]  # fmt: skip
                continue
        lines.append([left, top, right, bottom])
    return tuple(
        (round(left, 5), round(top, 5), round(right - left, 5), round(bottom - top, 5))
        for left, top, right, bottom in lines[:_MAX_BOXES]
    )
