"""Files in docx, pptx and xlsx packages → members: documents, sheets, packed files, pictures.

Of odt, odp and ods only the pictures. An object is a file itself, or an OLE2 file around one. Left
out are the workbook of a chart, because the chart's values are read, and formulas of old editors.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from io import BytesIO

from ragkit.documents.formats.office.ooxml import read_relationships
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget, ZipPackage, open_zip
from ragkit.documents.unpacking.ole2_names import root_names
from ragkit.errors import DocumentError

_EMBEDDED = re.compile(r"(?:word|xl|ppt)/embeddings/[^/]{1,200}")
_PICTURE = re.compile(
    r"(?:(?:word|xl|ppt)/media|Pictures)/[^/]{1,200}\.(?:png|jpe?g|gif|tiff?|bmp|webp)",
    re.IGNORECASE,
)
_CHART = re.compile(r"(?:word|xl|ppt)/charts/chart[^/]{1,100}\.xml")
_OLE2 = b"\xd0\xcf\x11\xe0"
_NATIVE, _PACKAGE, _CONTENTS = "\x01Ole10Native", "Package", "CONTENTS"
_FORMULAS = frozenset({"Equation Native"})


def embedded_files(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the files in a package, and its pictures, which may show text.

    Raises `DocumentError` if it is damaged or over a limit.
    """
    if not any(folder in data for folder in (b"/embeddings/", b"/media/", b"Pictures/")):
        return
    with open_zip(data, "Office file", budget.allowance) as package:
        of_charts = set(_chart_workbooks(package))
        for part in sorted(filter(_EMBEDDED.fullmatch, package.names - of_charts)):
            budget.count_member()
            file_name = part.rpartition("/")[2]
            content = package.read(part)
            if content.startswith(_OLE2):
                yield from object_members(content, file_name)
            else:
                yield Member(file_name, content)
        for part in sorted(filter(_PICTURE.fullmatch, package.names)):
            budget.count_member()
            yield Member(part.rpartition("/")[2], package.read(part))


def _chart_workbooks(package: ZipPackage) -> Iterator[str]:
    for chart in filter(_CHART.fullmatch, package.names):
        for link in read_relationships(package, chart).values():
            yield link.part


def object_members(data: bytes, name: str) -> Iterator[Member]:
    """Yield the file in an OLE2 object, or the object itself if it is a document."""
    names = root_names(data) or frozenset()
    if _FORMULAS & names:
        return
    if _NATIVE in names:
        yield native_file(_stream(data, _NATIVE), name)
    elif _PACKAGE in names:
        yield Member(name, _stream(data, _PACKAGE))
    elif _CONTENTS in names and _stream(data, _CONTENTS).startswith(b"%PDF"):
        yield Member(f"{name}.pdf", _stream(data, _CONTENTS))
    else:
        yield Member(name, data)


def _stream(data: bytes, name: str) -> bytes:
    import olefile

    try:
        with olefile.OleFileIO(BytesIO(data)) as file:
            content: bytes = file.openstream([name]).read()
    except (OSError, struct.error, IndexError, ValueError) as error:
        raise DocumentError(f"damaged embedded object: {error}") from error
    return content


def native_file(stream: bytes, name: str) -> Member:
    """Return the file that the object packager stored, under its own name ([MS-OLEDS] 2.3.6)."""
    try:
        label_end = stream.index(b"\0", 6)
        path_end = stream.index(b"\0", label_end + 1)
        temporary_bytes = struct.unpack_from("<I", stream, path_end + 5)[0]
        start = path_end + 9 + temporary_bytes
        size = struct.unpack_from("<I", stream, start)[0]
    except (ValueError, struct.error):
        return Member(name, reason="damaged embedded object")
    label = stream[6:label_end].decode("cp1252", "replace").replace("\\", "/").rpartition("/")[2]
    return Member(label or name, stream[start + 4 : start + 4 + size])
