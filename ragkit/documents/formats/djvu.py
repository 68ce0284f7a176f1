"""DjVu → Document: the text layer of every page; pages without one by OCR, as in a PDF.

djvu-rs parses the file (MIT; the extra `djvu`). Knows no annotations, and no documents whose pages
are files of their own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ragkit.documents.layout import page_lines
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.page_lines import OutlineEntry, PageLine
from ragkit.documents.ocr import LINE_SPACING, Ocr, PageImage, ScannedPages, text_lines
from ragkit.documents.unpacking.limits import MAX_CHARACTERS
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import DJVU

if TYPE_CHECKING:
    import djvu_rs

_PARAGRAPH_END = re.compile("[\x0b\x0c\x1d\x1f]")  # of columns, regions and paragraphs
_PAGE_LINK = re.compile(r"#(\d{1,6})")
_MAX_BOOKMARKS = 5_000
_MAX_LEVEL = 10
_MAX_DETAIL = 100  # characters of the library's error message
_CONVERT = "convert it: ddjvu -format=pdf FILE FILE.pdf"
_PROPERTIES = {"author": "author", "subject": "subject", "publisher": "publisher", "year": "date",
               "keywords": "keywords"}  # fmt: skip


def read_djvu(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """Read the text of all pages. `ocr` reads pages without a text layer.

    Raises `DocumentError` if djvu-rs is not installed, if the file is damaged or refers to pages in
    other files, or if no page has text.
    """
    with _damage():
        content = _read_pages(data, ocr)
    count = len(content.lines)
    if not any(content.lines):
        if content.scans.unread or content.scans.texts:
            raise content.scans.no_text_error()
        raise DocumentError(content.damage or "damaged DjVu: it has no pages")
    texts = (page_lines.join_lines(lines, LINE_SPACING) for lines in content.lines)
    text, starts = page_lines.join_pages(page_lines.rejoin_hyphenated_words(texts))
    warnings = content.scans.warnings(count)
    if content.broken:
        warnings.append(f"{content.broken} of {count} pages cannot be read")
    return Document(
        text,
        DJVU,
        title=property_title(content.title, name),
        headings=tuple(page_lines.locate_headings(text, starts, content.outline)),
        pages=tuple(starts),
        metadata=content.metadata | content.scans.metadata(count),
        warnings=tuple(warnings),
        recognition=content.scans.recognition(),
    )


@dataclass(slots=True)
class _Pages:
    """What djvu-rs extracts from a file."""

    scans: ScannedPages
    lines: list[list[PageLine]] = field(default_factory=list)  # by page
    outline: list[OutlineEntry] = field(default_factory=list)
    title: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    broken: int = 0  # number of pages that cannot be read
    damage: str = ""  # of the first of them


@contextmanager
def _damage() -> Iterator[None]:
    """Turn the library's errors into `DocumentError`; its panics are no subclass of Exception."""
    try:
        yield
    except ImportError as error:
        reason = f"DjVu needs djvu-rs: pip install 'ragkit-search[djvu]', or {_CONVERT}"
        raise DocumentError(reason, kind="unsupported", skipped=True) from error
    except DocumentError:
        raise
    except Exception as error:
        if "indirect" in str(error):
            reason = f"DjVu with pages in other files is not supported yet; {_CONVERT}"
            raise DocumentError(reason, kind="unsupported", skipped=True) from error
        raise DocumentError(f"damaged DjVu: {_detail(error)}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise DocumentError(f"damaged DjVu: {_detail(error)}") from error


def _detail(error: BaseException) -> str:
    return " ".join(str(error).split())[:_MAX_DETAIL] or type(error).__name__


def _read_pages(data: bytes, ocr: Ocr | None) -> _Pages:
    import djvu_rs

    document = djvu_rs.Document.from_bytes(data)
    content = _Pages(ScannedPages(ocr))
    characters = 0
    for number in range(document.page_count()):
        try:
            with _damage():
                lines, size = _read_page(document.page(number), number, content.scans)
        except DocumentError as error:
            lines, size = [], 0
            content.broken += 1
            content.damage = content.damage or str(error)
        characters += size
        if characters > MAX_CHARACTERS:
            raise DocumentError(f"DjVu with over {MAX_CHARACTERS:,} characters", kind="limit")
        content.lines.append(lines)
    _read_properties(document, content)
    return content


def _separate_paragraphs(text: str) -> str:
    """Return a text layer with an empty line between its paragraphs."""
    parts = (part.strip() for part in _PARAGRAPH_END.split(text))
    return "\n\n".join(part for part in parts if part)


def _read_page(page: djvu_rs.Page, number: int, scans: ScannedPages) -> tuple[list[PageLine], int]:
    """Return the lines of a page, and the number of characters of its text layer."""
    text = page.text() or ""
    if text.strip():
        return text_lines(_separate_paragraphs(text)), len(text)
    return scans.read(number, partial(_render, page)), 0


def _render(page: djvu_rs.Page, max_pixels: int) -> PageImage:
    """Return a page in grey, with at most `max_pixels` pixels."""
    scale = min(1.0, math.sqrt(max_pixels / max(page.width * page.height, 1)))
    picture = page.render(dpi=max(page.dpi * scale, 1.0))
    # Scans are grey or have dark letters on light paper: green is as good as the luminance.
    return PageImage(
        picture.width, picture.height, picture.data()[1::4], max(1, int(page.dpi * scale))
    )


def _read_properties(document: djvu_rs.Document, content: _Pages) -> None:
    """Read title, metadata and bookmarks; damaged ones are left out."""
    try:
        with _damage():
            properties = document.metadata()
            if properties is not None:
                content.title = properties["title"] or ""
                for key, value in dict(properties).items():
                    if key in _PROPERTIES and isinstance(value, str) and value.strip():
                        content.metadata[_PROPERTIES[key]] = " ".join(value.split())[:1000]
            waiting = [(1, entry) for entry in reversed(document.bookmarks())]
    except DocumentError:
        return
    while waiting and len(content.outline) < _MAX_BOOKMARKS:
        level, entry = waiting.pop()
        link = _PAGE_LINK.fullmatch(entry["url"])
        if link is not None and int(link[1]) > 0:
            title = page_lines.clean_line(entry["title"])
            content.outline.append(OutlineEntry(level, title, int(link[1]) - 1))
        if level < _MAX_LEVEL:
            waiting += [(level + 1, child) for child in reversed(entry["children"])]
