"""PDF → Document: the text layer, page by page, with the offset where each page starts.

PDFium does the work. It is not thread safe, so one lock lets one thread in at a time. Knows no
layout beyond PDFium's reading order, draws nothing, and recognises no characters in images.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from ragkit.documents.text import without_controls
from ragkit.documents.titles import property_title
from ragkit.errors import DocumentError
from ragkit.records import Document

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_PDFIUM = threading.Lock()

# PDFium marks a hyphen that ends a line with one of these and drops the line break behind it.
_SOFT_HYPHEN = re.compile("[\x02\xad\ufffe]\n?")
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
_WRAPPED = 30  # characters; a shorter line may well be no line of running text


def read_pdf(data: bytes, name: str) -> Document:
    """The text of all pages, one blank line between two.

    Raises `DocumentError` where the file is encrypted or damaged or no page has any text.
    """
    with _PDFIUM:
        texts, title, metadata, images, broken = _extract(data)
    empty = sum(not text for text in texts)
    if empty == len(texts):
        raise DocumentError(_no_text(len(texts), images, broken))
    warnings = []
    if broken:
        warnings.append(f"{broken} of {_count(len(texts))} cannot be read")
    if empty > broken:
        warnings.append(f"{empty - broken} of {_count(len(texts))} have no text")
    pages = []
    at = 0
    for text in texts:
        pages.append(at)
        at += len(text) + 2
    joined = "\n\n".join(texts)
    return Document(
        joined,
        "application/pdf",
        title=property_title(title, name),
        pages=tuple(pages),
        metadata=metadata,
        warnings=tuple(warnings),
    )


def _extract(data: bytes) -> tuple[list[str], str, dict[str, str], int, int]:
    """Text by page, title, metadata, and how many pages are only images, how many broken."""
    document = _open(data)
    try:
        texts: list[str] = []
        images = broken = 0
        for number in range(len(document)):
            text, is_image = _page(document, number)
            texts.append(text or "")
            images += is_image
            broken += text is None
        author = property_title(document.get_metadata_value("Author"), "")
        metadata = {"author": author} if author is not None else {}
        return texts, document.get_metadata_value("Title"), metadata, images, broken
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


def _page(document: PdfDocument, number: int) -> tuple[str | None, bool]:
    """A page's text, None where it cannot be read, and whether it is images without text."""
    from pypdfium2 import PdfiumError

    try:
        page = document[number]
    except PdfiumError:
        return None, False
    try:
        textpage = page.get_textpage()
        try:
            text = _mend(textpage.get_text_bounded() or textpage.get_text_range())
        finally:
            textpage.close()
        return text, not text and _has_image(page)
    except PdfiumError:
        return None, False
    finally:
        page.close()


def _has_image(page: PdfPage) -> bool:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    return any(True for _ in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _mend(text: str) -> str:
    """`text` with whole words, plain letters and fewer line breaks."""
    text = without_controls(text).replace("\r\n", "\n").replace("\r", "\n")
    text = _SOFT_HYPHEN.sub("", text).translate(_LIGATURES)
    lines = [line.strip() for line in text.split("\n")]
    joined: list[str] = []
    last = ""
    for line in lines:
        if joined and _continues(last, line):
            joined.append(" ")
        elif joined:
            joined.append("\n")
        joined.append(line)
        last = line
    return "".join(joined).strip()


def _continues(line: str, following: str) -> bool:
    """Whether a sentence surely runs on: only then is a line break safe to drop.

    Code, tables and lists also begin lines in lower case, but seldom below a long line that ends
    in a letter or a comma.
    """
    return (
        len(line) >= _WRAPPED
        and (line[-1].isalpha() or line[-1] in ",–—")
        and following[:1].islower()
        and line.count(" ") >= 3
    )


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
