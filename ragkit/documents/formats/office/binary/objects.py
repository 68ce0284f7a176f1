"""Files embedded in Word and PowerPoint files → members.

An embedded object is a storage with the streams of its program. Those of Word and Excel are read
where they lie; packages and PDFs are files of their own. Objects of other programs have a reason.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents.formats.office.binary.doc import read_doc_storage
from ragkit.documents.formats.office.binary.ole2 import open_ole2, read_stream
from ragkit.documents.formats.office.binary.pictures import picture_members
from ragkit.documents.formats.office.binary.ppt_records import read_directory, record_at
from ragkit.documents.formats.office.embedded_files import native_file, object_members
from ragkit.documents.formats.office.spreadsheets.xls import read_xls
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import MAX_MEMBER_BYTES, Budget, BudgetExceededError
from ragkit.documents.unpacking.ole2_names import root_names
from ragkit.errors import DocumentError

if TYPE_CHECKING:
    from olefile import OleFileIO

_OBJECT_STORAGE = 4113
_MACROS = frozenset({"VBA", "PROJECT", "PROJECTwm"})
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


def ppt_attachments(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the embedded files and the pictures of a presentation. Raises `DocumentError` if it is
    damaged, `BudgetExceededError` if its budget is used up."""
    with open_ole2(data, "ppt") as file:
        stream = read_stream(file, "PowerPoint Document")
        offsets, _ = read_directory(stream, read_stream(file, "Current User"))
        records = (record_at(stream, offset) for offset in sorted(set(offsets.values())))
        number = 0
        for record in records:
            if record is None or record.kind != _OBJECT_STORAGE:
                continue
            number += 1
            budget.count_member()
            try:
                content = stream[record.start : record.end]
                if record.instance:  # compressed, behind its size
                    chunks = BytesIO(zlib.decompressobj().decompress(content[4:], MAX_MEMBER_BYTES))
                    content = budget.decompress(chunks, len(content), f"object {number}")
                yield from _presentation_object(content, f"object {number}")
            except (DocumentError, zlib.error) as error:
                if isinstance(error, BudgetExceededError):
                    raise
                yield Member(f"object {number}", reason=f"damaged embedded object: {error}")
        yield from picture_members(iter((read_stream(file, "Pictures"),)), budget)


def _presentation_object(content: bytes, name: str) -> Iterator[Member]:
    names = root_names(content) or frozenset()
    if not names & _MACROS:
        yield from object_members(content, name)


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
