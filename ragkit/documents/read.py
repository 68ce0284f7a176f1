"""Bytes of a file → documents: chooses the reader by the file's type, and opens containers.

One bad file never stops a run: everything that can go wrong with it is a `DocumentError`, or a
`Record` with the reason. Knows no format: see `registry`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ragkit.documents.containers import ContainerWalk, as_document_error, decompress_file
from ragkit.documents.detect import DetectedFile, detect, format_by_name
from ragkit.documents.ocr import Ocr
from ragkit.documents.registry import FORMATS, load
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document, Record

READER_VERSION = 5  # raised when the same bytes give another document, so that files are read again


def read(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """Read one file from its bytes and its name (or relative path, "/" between its parts).

    A compressed file is read as what it contains, an e-mail without its attachments. A file
    without text gives a document whose text is "". `ocr` recognises text in images of pages.
    Raises `DocumentError`, with `skipped` true for files that are no document (binary, an unknown
    format), false for those that are broken, encrypted or have no text to extract; nothing else.
    """
    try:
        return _read_one(decompress_file(detect(data, name), Budget()), ocr)
    except DocumentError:
        raise
    except Exception as error:
        raise as_document_error(error) from error


def read_all(
    data: bytes,
    name: str,
    *,
    records: bool = False,
    budget: Budget | None = None,
    ocr: Ocr | None = None,
) -> Iterator[Record]:
    """`read_detected` of a file whose type is not known yet."""
    return read_detected(detect(data, name), records=records, budget=budget, ocr=ocr)


def read_detected(
    file: DetectedFile,
    *,
    records: bool = False,
    budget: Budget | None = None,
    ocr: Ocr | None = None,
) -> Iterator[Record]:
    """Yield every document of one file, in its order: one for most files, each message of a
    mailbox with its attachments, each file in an archive.

    `records` makes a document of every row, element or line of a table, JSON or XML file. `budget`
    limits what the file may cost (default: `Budget()`). `ocr` recognises text in images of pages;
    its time is not charged to the budget. What cannot be read is a `Record` with the reason.
    Raises nothing for the file's content.
    """
    limits = budget or Budget()

    def read_one(part: DetectedFile) -> Document:
        before = ocr.seconds if ocr else 0.0
        try:
            return _read_one(part, ocr)
        finally:
            limits.seconds += (ocr.seconds if ocr else 0.0) - before

    return ContainerWalk(read_one, records, limits).read_all(file)


def _read_one(file: DetectedFile, ocr: Ocr | None) -> Document:
    """Read a file that is not compressed as one document. Raises what its reader raises."""
    row = FORMATS[file.media_type]
    if row.reason:
        skipped = row.reason_kind != "encrypted"
        raise DocumentError(row.reason, kind=row.reason_kind, skipped=skipped)
    if not row.reader:
        raise DocumentError(f"{row.label} of documents", kind="no_document", skipped=True)
    reader = load(row.reader)
    ocr_argument = (ocr,) if row.paged else ()
    document: Document = reader(file.data, file.name, *ocr_argument)
    document = replace(document, media_type=file.media_type, media_type_by=file.detected_by)
    warning = _type_warning(file)
    if warning is not None and file.data.strip():
        document = replace(document, warnings=(*document.warnings, warning))
    if not document.text.strip():
        return replace(document, text="", headings=(), fences=(), pages=(), locators=(), tables=())
    return document


def _type_warning(file: DetectedFile) -> str | None:
    """A warning if name and content indicate different kinds of files."""
    by_name, by_content = format_by_name(file.name), FORMATS[file.media_type]
    if by_name is None or by_name.label == by_content.label:
        return None
    return f"the name says {by_name.label}, the content is {by_content.label}"
