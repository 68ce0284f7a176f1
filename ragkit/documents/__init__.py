"""Files → documents: `read` turns the bytes of one file into its text with locators.

One bad file never stops a run: all that can go wrong with one is a `DocumentError`. To read
another format, write its reader and add it to `READERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ragkit.documents import media_types, sniff
from ragkit.documents.epub import read_epub
from ragkit.documents.html import read_html
from ragkit.documents.markdown import read_markdown
from ragkit.documents.mhtml import read_mhtml
from ragkit.documents.office import read_docx
from ragkit.documents.opendocument import read_odp, read_ods, read_odt
from ragkit.documents.pdf import read_pdf
from ragkit.documents.plain import read_plain
from ragkit.documents.rst import read_rst
from ragkit.documents.rtf import read_rtf
from ragkit.documents.sheets import read_xlsx
from ragkit.documents.slides import read_pptx
from ragkit.documents.text import read_text
from ragkit.documents.xls import read_xls
from ragkit.errors import DocumentError
from ragkit.records import Document

__all__ = ["READERS", "READER_VERSION", "read"]

READER_VERSION = 2  # raised when the same bytes give another document, so that files are read again

READERS: dict[str, Callable[[bytes, str], Document]] = {
    **dict.fromkeys(media_types.TEXT, read_text),
    "application/pdf": read_pdf,
    "text/html": read_html,
    "text/markdown": read_markdown,
    "text/plain": read_plain,
    "text/x-rst": read_rst,
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


def read(data: bytes, name: str) -> Document:
    """Read one file: its bytes, and its name (or relative path, "/" between parts).

    A file without text gives a document whose text is "". Raises `DocumentError`, with `skipped`
    true where the file is no document (binary, an unknown format), false where it is broken,
    encrypted or has no text to extract. Raises nothing else.
    """
    try:
        return _read(data, name)
    except DocumentError:
        raise
    except MemoryError as error:
        raise DocumentError("too large for the memory of this machine") from error
    except Exception as error:  # parsers of broken files fail in ways nobody has listed
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise DocumentError(f"cannot be read: {detail}") from error


def _read(data: bytes, name: str) -> Document:
    media_type = sniff.media_type(data, name)
    if media_type == media_types.ENCRYPTED_OFFICE:
        raise DocumentError("encrypted Office file: needs a password")
    reader = READERS.get(media_type)
    if reader is None:
        raise DocumentError(media_types.KIND.get(media_type, media_type), skipped=True)
    document = replace(reader(data, name), media_type=media_type)
    if (surprise := _surprise(media_type, name)) is not None and data.strip():
        document = replace(document, warnings=(*document.warnings, surprise))
    if not document.text.strip():
        return replace(document, text="", headings=(), fences=(), pages=(), locators=(), tables=())
    return document


def _surprise(media_type: str, name: str) -> str | None:
    """A warning where name and content disagree on what kind of file this is."""
    promised = sniff.by_name(name)
    if promised is None or media_types.broad(promised) == media_types.broad(media_type):
        return None
    return (
        f"the name says {media_types.broad(promised)}, the content is"
        f" {media_types.broad(media_type)}"
    )
