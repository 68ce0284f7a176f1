"""AsciiDoc → Document: section titles, delimited blocks and header attributes as structure.

One pass over the lines. The text stays the file's own, except that comment lines become empty
lines, so that line numbers stay valid. Includes no file and expands no macro.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.asciidoc_attributes import resolve_attributes
from ragkit.documents.formats.markup.line_documents import make_document
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document

_MAX_HEADING_CHARS = 1000  # a longer line is no section title
_COMMENT_BLOCK = "////"
_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|\+{4,}|`{3,})[\w, -]{0,40}$")
_ATTRIBUTE = re.compile(r":([A-Za-z][\w-]{0,40}):[ \t]++(.*+)$")
_UNDERLINE_LEVELS = {"=": 1, "-": 2, "~": 3, "^": 4, "+": 5}
_INLINE = re.compile(
    r"(?:xref|link|mailto|image|anchor):{1,2}[^\s\[\]]{0,200}\[([^\[\]]*)\]|<<[^<>,]{1,99},([^<>]*)>>"
)
_ANCHOR = re.compile(r"\[\[[^\[\]]{1,99}\]\]")
_FORMATTING = str.maketrans("", "", "`*")
_METADATA_ATTRIBUTES = frozenset(
    {"author", "email", "revdate", "revnumber", "description", "keywords", "lang"}
)


def read_asciidoc(data: bytes, name: str) -> Document:
    """Read an AsciiDoc file with its section titles, blocks and header attributes.

    Never raises: the text of any file can be read.
    """
    decoded = decode(data)
    lines, metadata = _parse_lines(resolve_attributes(decoded.text).split("\n"))
    return make_document(lines, "text/asciidoc", decoded, metadata=metadata)


def _parse_lines(source: Sequence[str]) -> tuple[Lines, dict[str, str]]:
    """Return the lines with their headings and fences, and the attributes kept as metadata."""
    lines, metadata = Lines(), dict[str, str]()
    delimiter = ""  # the line that closes the open block; "" outside of blocks
    for number, line in enumerate(source):
        bare = line.rstrip()
        if _COMMENT_BLOCK in (delimiter, bare):
            delimiter = "" if delimiter == bare else _COMMENT_BLOCK
            lines.add("")
        elif delimiter:
            if bare == delimiter:
                lines.close_fence(line)
                delimiter = ""
            else:
                lines.add(line)
        elif bare.startswith("//") and not bare.startswith("///"):
            lines.add("")
        elif (level := _section_level(source, number)) > 0:
            title = line if _HEADING.match(line) is None else line.lstrip("=#")
            lines.add_heading(line, level, _strip_inline_markup(title))
        elif (opening := _FENCE.match(bare)) is not None and not _is_underline(source, number):
            delimiter = opening[1]
            lines.open_fence(line)
        else:
            attribute = _ATTRIBUTE.match(line[:_MAX_HEADING_CHARS])
            if attribute is not None and attribute[1].lower() in _METADATA_ATTRIBUTES:
                metadata.setdefault(attribute[1].lower(), attribute[2].strip())
            lines.add(line)
    return lines, metadata


def _section_level(source: Sequence[str], number: int) -> int:
    """Return the level of the section title on this line, from 1; 0 if it is none.

    A title has marks before it (`== Title`) or, in the old style, an underline below it.
    """
    line = source[number]
    if len(line) > _MAX_HEADING_CHARS:
        return 0
    if (match := _HEADING.match(line)) is not None:
        return len(match[1])
    starts_block = (
        number == 0 or not source[number - 1].strip() or source[number - 1].startswith("[")
    )
    if starts_block and number + 1 < len(source) and _is_underline(source, number + 1):
        return _UNDERLINE_LEVELS[source[number + 1][0]]
    return 0


def _is_underline(source: Sequence[str], number: int) -> bool:
    """Whether this line repeats one character and is as long as the line above, give or take 1."""
    underline = source[number].rstrip()
    above = source[number - 1].rstrip() if number else ""
    return (
        underline[:1] in _UNDERLINE_LEVELS
        and underline == underline[:1] * len(underline)
        and len(underline) > 2
        and abs(len(underline) - len(above)) <= 1
        and above[:1].isalnum()
    )


def _strip_inline_markup(title: str) -> str:
    """Return a section title without anchors, macros, cross references and formatting marks."""
    title = _ANCHOR.sub("", title[:_MAX_HEADING_CHARS])
    return _INLINE.sub(lambda match: match[1] or match[2] or "", title).translate(_FORMATTING)
