"""Files embedded in Word and PowerPoint files → members.

An embedded object is a storage with the streams of its program. Those of Word and Excel are read
where they lie; packages and PDFs are files of their own. Objects of other programs have a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ragkit.documents.formats.office.binary.doc import read_doc_storage
from ragkit.documents.formats.office.binary.ole2 import open_ole2, read_stream
from ragkit.documents.formats.office.binary.pictures import picture_members
from ragkit.documents.formats.office.embedded_files import native_file
from ragkit.documents.formats.office.spreadsheets.xls import read_xls
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError

if TYPE_CHECKING:
    from olefile import OleFileIO

_POOL = "ObjectPool"
_NATIVE, _PACKAGE, _CONTENTS = "\x01Ole10Native", "Package", "CONTENTS"
_FILE_MARK = b"\x02\0"  # of a file in native data; other programs store data of their own
_FORMULAS = "Equation Native"


def doc_attachments(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the embedded files and the pictures of a Word file. Raises `DocumentError` if it is
    damaged, `BudgetExceededError` if its budget is used up."""
    with open_ole2(data, "doc") as file:
        yield from _pool_members(file, budget)
        streams = (read_stream(file, stream) for stream in ("Data", "WordDocument"))
        yield from picture_members(streams, budget)


def _pool_members(file: OleFileIO, budget: Budget) -> Iterator[Member]:
    storages: dict[str, set[str]] = {}
    for path in file.listdir():
        if len(path) > 2 and path[0] == _POOL:
            storages.setdefault(path[1], set()).add(path[2])
    for number, (storage, names) in enumerate(sorted(storages.items()), start=1):
        if _FORMULAS in names:
            continue
        budget.count_member()
        try:
            yield _object_member(file, f"{_POOL}/{storage}", names, f"object {number}")
        except DocumentError as error:
            yield Member(f"object {number}", reason=str(error), kind=error.kind)


def _object_member(file: OleFileIO, folder: str, names: set[str], name: str) -> Member:
    """Return the file in a storage whose streams and storages have these names."""
    native = read_stream(file, f"{folder}/{_NATIVE}") if _NATIVE in names else b""
    if native[4:6] == _FILE_MARK:
        return native_file(native, name)
    if _PACKAGE in names:
        return Member(name, read_stream(file, f"{folder}/{_PACKAGE}"))
    if "WordDocument" in names:
        return Member(f"{name}.doc", document=read_doc_storage(file, folder))
    book = next((stream for stream in ("Workbook", "Book") if stream in names), None)
    if book is not None:
        content = read_stream(file, f"{folder}/{book}")
        return Member(f"{name}.xls", document=read_xls(content, name))
    if _CONTENTS in names:
        content = read_stream(file, f"{folder}/{_CONTENTS}")
        if content.startswith(b"%PDF"):
            return Member(f"{name}.pdf", content)
    return Member(name, reason="embedded object: not read", skipped=True, kind="unsupported")
