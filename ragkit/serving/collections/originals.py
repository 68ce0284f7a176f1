"""The originals of documents: pages as pictures, and files opened on the server's own screen.

Pages are rendered by a process of their own (`documents/sandbox/page_pictures`), a few at a time.
Knows no HTTP.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ragkit.documents.formats.pdf_page import letters
from ragkit.documents.sandbox.page_pictures import PagePng, PageRequest, render_page
from ragkit.errors import DocumentError, UsageError
from ragkit.records.overview import OriginalFile
from ragkit.serving.collections.library import ServedCollection
from ragkit.serving.collections.threads import OverloadedError

_MAX_RENDERING = 2  # pages at the same time
_WAIT_SECONDS = 20.0  # for the others
# Files that programs show and do not run: no program, script, web page, macro or shortcut.
_OPENABLE_EXTENSIONS = (
    "pdf docx odt rtf xlsx xls ods pptx odp epub txt md markdown rst csv tsv png jpg jpeg gif tif "
    "tiff bmp webp eml"
)
_OPENABLE = frozenset(_OPENABLE_EXTENSIONS.split())


@dataclass(frozen=True, slots=True)
class PageView:
    """A page of an original as a picture, with its number and the number of pages."""

    picture: PagePng
    page: int
    pages: int
    stale: bool  # the file has changed since it was indexed


@dataclass(slots=True)
class Originals:
    """Shows the originals of documents."""

    _rendering: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_MAX_RENDERING)
    )

    def view_page(
        self,
        served: ServedCollection,
        document_id: int,
        page: int,
        span: tuple[int, int],
        width: int,
    ) -> PageView:
        """Render a page of a document, with boxes around `span` (characters of its text).

        Raises UsageError, with the reason, if there is no such page or it cannot be shown;
        OverloadedError while too many others are rendered.
        """
        original = served.collection.original(document_id)
        if not 1 <= page <= len(original.pages):
            raise UsageError(f"the document has {len(original.pages)} pages, no page {page}")
        passage, before = _part_of_page(original, page, span)
        request = PageRequest(original.path, original.record, page, width, passage, before)
        if not self._rendering.acquire(timeout=_WAIT_SECONDS):
            raise OverloadedError("too many pages are being rendered; try again in a moment")
        try:
            picture = render_page(original.data, request)
        except DocumentError as error:
            raise UsageError(f"the page cannot be shown: {error}") from None
        finally:
            self._rendering.release()
        return PageView(picture, page, len(original.pages), original.stale)


def _part_of_page(original: OriginalFile, page: int, span: tuple[int, int]) -> tuple[str, int]:
    """The part of `span` on a page, and the number of letters of the page before it."""
    begin = original.pages[page - 1]
    end = original.pages[page] if page < len(original.pages) else len(original.text)
    start, stop = max(begin, span[0]), min(end, span[1])
    if start >= stop:
        return "", 0
    return original.text[start:stop], sum(1 for _ in letters(original.text[begin:start]))


def open_file(served: ServedCollection, document_id: int) -> str:
    """Open a document's file in the program for its type, on this machine; return its name.

    Raises UsageError, with the reason, for files that such programs may run, and if there is no
    desktop.
    """
    original = served.collection.original(document_id)
    path = PurePosixPath(original.path)
    if path.suffix.lower().removeprefix(".") not in _OPENABLE:
        raise UsageError(
            f"{path.name} is not opened: programs, scripts and web pages may act when they are "
            "opened; open it yourself if you trust it"
        )
    _open_with_desktop(os.path.join(original.root, *path.parts))  # noqa: PTH118
    return path.name


def _open_with_desktop(path: str) -> None:
    if sys.platform == "win32":
        os.startfile(path)  # noqa: S606 (a document, by its type)
        return
    command = "open" if sys.platform == "darwin" else "xdg-open"
    program = shutil.which(command)
    if program is None:
        raise UsageError(f"this machine has no desktop to open files with ({command} is missing)")
    process = subprocess.Popen(  # noqa: S603 (the path is one argument and begins with "/")
        [program, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, name="ragkit-open", daemon=True).start()
