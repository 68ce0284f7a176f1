"""Pictures and files in office documents of one XML file → members, as those of a package.

A flat document has them in base64, in elements of their own; a package in one file as parts.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from ragkit.documents.formats.data.xml_events import decode_xml
from ragkit.documents.formats.office.embedded_files import embedded_files, object_members
from ragkit.documents.formats.office.flat.flat_xml import MAX_PARTS, make_package, read_package
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget

_BINARY = re.compile(r"<(?:[\w-]{1,40}:)?bin(?:ary-d|D)ata(?P<attributes>[^<>]{0,1000})>([^<]*)<")
_FILE_NAME = re.compile(r":name=[\"'](?:wordml://)?([^\"'/]{1,200})[\"']")
_PACKAGE = re.compile(r"<(?:[\w-]{1,40}:)?package[\s>]")
_OLE2 = b"\xd0\xcf\x11\xe0"


def flat_files(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the files in a document, and its pictures, which may show text; of a package with too
    many parts, also how many were left out.

    Raises `DocumentError` if it is damaged or over a limit.
    """
    text = decode_xml(data).text
    if _PACKAGE.search(text[:4000]) is not None:
        parts, left_out = read_package(data)
        yield from embedded_files(make_package(parts), name, budget)
        if left_out:
            reason = f"{left_out:,} parts after the first {MAX_PARTS:,} are not read"
            yield Member("parts", reason=reason, kind="limit")
        return
    for number, match in enumerate(_BINARY.finditer(text), 1):
        budget.count_member()
        named = _FILE_NAME.search(match["attributes"])
        member = named[1] if named is not None else f"picture {number}"
        try:
            content = base64.b64decode(match[2])
        except (binascii.Error, ValueError):
            yield Member(member, reason="damaged base64")
            continue
        if content.startswith(_OLE2):
            yield from object_members(content, member)
        else:
            yield Member(member, content)
