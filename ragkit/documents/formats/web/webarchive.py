"""Safari web archives → Document: the page in the property list, as HTML.

Other files of the archive (images, frames) are left out. Fetches nothing.
"""

from __future__ import annotations

import contextlib
import plistlib
from dataclasses import replace
from typing import Any

from ragkit.documents.decoding import UNSAFE_CODECS
from ragkit.documents.formats.web.html import read_html
from ragkit.errors import DocumentError
from ragkit.records.documents import Document


def read_webarchive(data: bytes, name: str) -> Document:
    """Read the main page of a web archive. Raises `DocumentError` if there is none."""
    page = _main_resource(data)
    content = page.get("WebResourceData")
    if not isinstance(content, bytes):
        raise DocumentError("property list without a web page", kind="no_document", skipped=True)
    encoding = page.get("WebResourceTextEncodingName")
    if isinstance(encoding, str) and encoding.lower() not in UNSAFE_CODECS:
        with contextlib.suppress(LookupError, UnicodeError):
            content = b"\xef\xbb\xbf" + content.decode(encoding).encode()
    document = read_html(content, name)
    address = page.get("WebResourceURL")
    if isinstance(address, str) and address:
        document = replace(document, metadata={"canonical": address[:1000], **document.metadata})
    return document


def _main_resource(data: bytes) -> dict[str, Any]:
    try:
        archive = plistlib.loads(data)
    except Exception as error:  # plistlib fails on damaged files in ways that nobody has listed
        raise DocumentError("damaged property list") from error
    page = archive.get("WebMainResource") if isinstance(archive, dict) else None
    return page if isinstance(page, dict) else {}
