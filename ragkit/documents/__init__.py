"""Files → documents: `read` turns the bytes of one file into its text with locators.

One bad file never stops a run: all that can go wrong with one is a `DocumentError`. To read
another format, write its reader and add it to `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ragkit.documents import detect
from ragkit.documents.budget import Budget
from ragkit.documents.containers import Container, Walk, as_document_error, unwrapped
from ragkit.documents.decoding import read_text
from ragkit.documents.formats import archives
from ragkit.documents.formats.data import delimited, json_text, xml_text
from ragkit.documents.formats.data.notebook import read_notebook
from ragkit.documents.formats.images import read_image
from ragkit.documents.formats.mail import eml, msg
from ragkit.documents.formats.markup.asciidoc import read_asciidoc
from ragkit.documents.formats.markup.latex import read_latex
from ragkit.documents.formats.markup.man import read_man
from ragkit.documents.formats.markup.markdown import read_markdown
from ragkit.documents.formats.markup.org import read_org
from ragkit.documents.formats.markup.rst import read_rst
from ragkit.documents.formats.office.docx import read_docx
from ragkit.documents.formats.office.odf import read_odp, read_ods, read_odt
from ragkit.documents.formats.office.pptx import read_pptx
from ragkit.documents.formats.office.rtf import read_rtf
from ragkit.documents.formats.office.xls import read_xls
from ragkit.documents.formats.office.xlsx import read_xlsx
from ragkit.documents.formats.pdf import read_pdf
from ragkit.documents.formats.plain_text import read_plain
from ragkit.documents.formats.subtitles import read_srt, read_vtt
from ragkit.documents.formats.web.epub import read_epub
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.formats.web.mhtml import read_mhtml
from ragkit.documents.ocr import Ocr
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document, Record

__all__ = ["CONTAINERS", "PAGED", "READERS", "READER_VERSION", "TABLES", "read", "read_all"]

READER_VERSION = 5  # raised when the same bytes give another document, so that files are read again

READERS: dict[str, Callable[[bytes, str], Document]] = {
    **dict.fromkeys(media_types.TEXT, read_text),
    "application/json": json_text.read_json,
    "application/jsonl": json_text.read_jsonl,
    "application/x-ipynb+json": read_notebook,
    "application/x-subrip": read_srt,
    "application/xml": xml_text.read_xml,
    "text/asciidoc": read_asciidoc,
    "text/csv": delimited.read_table,
    "text/html": read_html,
    "text/markdown": read_markdown,
    "text/plain": read_plain,
    "text/tab-separated-values": delimited.read_table,
    "text/troff": read_man,
    "text/vtt": read_vtt,
    "text/x-org": read_org,
    "text/x-rst": read_rst,
    "text/x-tex": read_latex,
    media_types.EML: eml.read_eml,
    media_types.MSG: msg.read_msg,
    media_types.DOCX: read_docx,
    media_types.EPUB: read_epub,
    media_types.MHTML: read_mhtml,
    media_types.ODP: read_odp,
    media_types.ODS: read_ods,
    media_types.ODT: read_odt,
    media_types.PPTX: read_pptx,
    media_types.RTF: read_rtf,
    media_types.XLS: read_xls,
    media_types.XLSX: read_xlsx,
}
# Formats whose pages may be images: their readers get an engine that recognises text, or None.
PAGED: dict[str, Callable[[bytes, str, Ocr | None], Document]] = {
    "application/pdf": read_pdf,
    **dict.fromkeys(media_types.IMAGES, read_image),
}
# Files that hold several documents. An e-mail has a text of its own too.
CONTAINERS: dict[str, Container] = {
    media_types.EML: eml.eml_members,
    media_types.MBOX: eml.mbox_members,
    media_types.MSG: msg.msg_members,
    media_types.TAR: archives.tar_members,
    media_types.ZIP: archives.zip_members,
}
# Data that can be read as one document a record.
TABLES: dict[str, Container] = {
    "application/json": json_text.json_records,
    "application/jsonl": json_text.jsonl_records,
    "application/xml": xml_text.xml_records,
    "text/csv": delimited.table_records,
    "text/tab-separated-values": delimited.table_records,
}


def read_all(
    data: bytes,
    name: str,
    *,
    records: bool = False,
    budget: Budget | None = None,
    ocr: Ocr | None = None,
) -> Iterator[Record]:
    """Read every document of one file, in its order: one for most files, each message of a mailbox
    with its attachments, each file in an archive.

    `records` makes a document of every row, element or line of a table, JSON or XML file. `budget`
    is what the file may cost, a usual one where none is given. `ocr` recognises text in images of
    pages; its time is not the budget's. What cannot be read is a `Record` with the reason. Raises
    nothing for what the file holds.
    """
    containers = CONTAINERS | TABLES if records else CONTAINERS
    spending = budget or Budget()

    def read_one(data: bytes, name: str) -> Document:
        before = ocr.seconds if ocr else 0.0
        try:
            return read(data, name, ocr)
        finally:
            spending.seconds += (ocr.seconds if ocr else 0.0) - before

    return Walk(read_one, containers, spending).records(data, name)


def read(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """Read one file: its bytes, and its name (or relative path, "/" between parts).

    A compressed file is read as what is in it, an e-mail without what is attached. A file
    without text gives a document whose text is "". `ocr` recognises text in images of pages.
    Raises `DocumentError`, with `skipped` true where the file is no document (binary, an unknown
    format), false where it is broken, encrypted or has no text to extract. Raises nothing else.
    """
    try:
        return _read(data, name, ocr)
    except DocumentError:
        raise
    except Exception as error:
        raise as_document_error(error) from error


def _read(data: bytes, name: str, ocr: Ocr | None) -> Document:
    data, name, (media_type, told_by) = unwrapped(data, name, Budget())
    if media_type == media_types.ENCRYPTED_OFFICE:
        raise DocumentError("encrypted Office file: needs a password", kind="encrypted")
    if media_type in PAGED:
        document = PAGED[media_type](data, name, ocr)
    elif media_type in READERS:
        document = READERS[media_type](data, name)
    else:
        what = media_types.KIND.get(media_type) or f"{media_types.broad(media_type)} of documents"
        kind = "unsupported" if media_type in media_types.UNSUPPORTED else "no_document"
        raise DocumentError(what, kind=kind, skipped=True)
    document = replace(document, media_type=media_type, media_type_by=told_by)
    if (surprise := _surprise(media_type, name)) is not None and data.strip():
        document = replace(document, warnings=(*document.warnings, surprise))
    if not document.text.strip():
        return replace(document, text="", headings=(), fences=(), pages=(), locators=(), tables=())
    return document


def _surprise(media_type: str, name: str) -> str | None:
    """A warning where name and content disagree on what kind of file this is."""
    promised = detect.by_name(name)
    if promised is None or media_types.broad(promised) == media_types.broad(media_type):
        return None
    return (
        f"the name says {media_types.broad(promised)}, the content is"
        f" {media_types.broad(media_type)}"
    )
