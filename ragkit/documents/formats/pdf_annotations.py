"""What readers of a PDF see or wrote on its pages beside the text layer: forms, notes, attachments.

Values of form fields become `name: value` lines of their page, comments `Note p. 3: …`, files in
the PDF members of it. PDFium is called under the lock of `pdf`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ragkit.documents.layout.cleaning import strip_invalid_characters

if TYPE_CHECKING:
    from pypdfium2 import PdfAttachment, PdfDocument, PdfPage
    from pypdfium2.raw import FPDF_ANNOTATION

_MAX_ANNOTATIONS = 5000  # of one page
_MAX_TEXT_BYTES = 200_000  # of one value
_TEXT_NOTE, _FREE_TEXT, _POPUP, _FILE, _WIDGET = 1, 3, 16, 17, 20  # subtypes of annotations
_HIDDEN_FLAG = 2
_PUSH_BUTTON, _CHECK_BOX, _RADIO_BUTTON, _SIGNATURE = 1, 2, 3, 7  # types of form fields
_MAX_ATTACHMENTS = 5000


def read_annotations(document: PdfDocument, page: PdfPage, number: int) -> list[str]:
    """Return the lines for the fields and the notes of a page, numbered from 0, in their order."""
    from pypdfium2 import raw

    count = min(raw.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)
    lines: list[str] = []
    for index in range(count):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            line = _annotation_line(document, annotation, number)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
        if line and line not in lines:
            lines.append(line)
    return lines


def _annotation_line(document: PdfDocument, annotation: FPDF_ANNOTATION, number: int) -> str:
    from pypdfium2 import raw

    subtype = raw.FPDFAnnot_GetSubtype(annotation)
    if subtype == _WIDGET:
        return _field_line(document, annotation)
    if subtype == _POPUP or raw.FPDFAnnot_GetFlags(annotation) & _HIDDEN_FLAG:
        return ""
    contents = _text(
        lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size)
    )
    if not contents:
        return ""
    return contents if subtype == _FREE_TEXT else f"Note p. {number + 1}: {contents}"


def _field_line(document: PdfDocument, annotation: FPDF_ANNOTATION) -> str:
    """Return `name: value` for a filled field, or ""."""
    from pypdfium2 import raw

    form = document.formenv
    if form is None:
        return ""
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in {_PUSH_BUTTON, _SIGNATURE}:
        return ""
    name = _text(
        lambda buffer, size: raw.FPDFAnnot_GetFormFieldAlternateName(form, annotation, buffer, size)
    ) or _text(lambda buffer, size: raw.FPDFAnnot_GetFormFieldName(form, annotation, buffer, size))
    if kind in {_CHECK_BOX, _RADIO_BUTTON}:
        if not raw.FPDFAnnot_IsChecked(form, annotation):
            return ""
        value = _text(
            lambda buffer, size: raw.FPDFAnnot_GetFormFieldExportValue(
                form, annotation, buffer, size
            )
        )
        value = "☒" if kind == _CHECK_BOX or not value else value
    else:
        value = _text(
            lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size)
        )
    return f"{name}: {value}" if value else ""


def _text(read: Callable[[object, int], int]) -> str:
    """Return a text that PDFium writes as UTF-16 into a buffer, on one line per line break."""
    from pypdfium2 import raw

    size = read(None, 0)
    if not 2 < size <= _MAX_TEXT_BYTES:
        return ""
    buffer = (raw.FPDF_WCHAR * (size // 2 + 1))()
    read(buffer, size)
    text = bytes(buffer)[:size].decode("utf-16-le", "replace").rstrip("\0")
    lines = strip_invalid_characters(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def iter_attachments(document: PdfDocument) -> Iterator[PdfAttachment]:
    """Yield the files in a PDF: those of the document, then those on its pages.

    Each must be read before the next one is taken.
    """
    for index in range(min(document.count_attachments(), _MAX_ATTACHMENTS)):
        yield document.get_attachment(index)
    for page in document:
        try:
            yield from _page_attachments(document, page)
        finally:
            page.close()


def _page_attachments(document: PdfDocument, page: PdfPage) -> Iterator[PdfAttachment]:
    from pypdfium2 import PdfAttachment, raw

    for index in range(min(raw.FPDFPage_GetAnnotCount(page), _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetSubtype(annotation) == _FILE:
                handle = raw.FPDFAnnot_GetFileAttachment(annotation)
                if handle:
                    yield PdfAttachment(handle, document)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
