"""Text in another format inside a Word file (`w:altChunk`) → its blocks.

The content is a web page, RTF, plain text or a saved page, which Word shows as part of the
document. A Word file inside a Word file is not followed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ragkit.documents.detect import detect
from ragkit.documents.layout.blocks import Block
from ragkit.documents.registry import FORMATS, load
from ragkit.documents.unpacking.limits import ZipPackage
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_FOLLOWED = frozenset({"text/html", media_types.RTF, media_types.MHTML, "text/plain"})


def read_embedded_text(package: ZipPackage, part: str) -> Iterator[Block]:
    """Yield the blocks of a part; a warning of the package where its format is not read."""
    file = detect(package.read(part), part)
    if file.media_type not in _FOLLOWED:
        package.warnings.append(f"{part[-60:]} is part of the text and is not read")
        return
    try:
        document: Document = load(FORMATS[file.media_type].reader)(file.data, part)
    except DocumentError as error:
        package.warnings.append(f"{part[-60:]} is part of the text and is not read: {error}")
        return
    levels = {heading.start: heading.level for heading in document.headings}
    offset = 0
    for text in document.text.split("\n\n"):
        yield Block(text, levels.get(offset, 0))
        offset += len(text) + 2
