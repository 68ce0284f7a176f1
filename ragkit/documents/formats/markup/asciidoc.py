"""AsciiDoc → Document: sections, delimited blocks, header attributes; the text stays as it is.

One pass over the lines. Comments are left empty, so that line numbers hold. Includes no file and
runs no macro.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.markdown import main_heading
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document

_LONGEST_HEADING = 1000  # characters
_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|\+{4,}|`{3,})[\w, -]{0,40}$")
_ATTRIBUTE = re.compile(r":([A-Za-z][\w-]{0,40}):[ \t]++(.*+)$")
_UNDERLINES = {"=": 1, "-": 2, "~": 3, "^": 4, "+": 5}
_INLINE = re.compile(
    r"(?:xref|link|mailto|image|anchor):{1,2}[^\s\[\]]{0,200}\[([^\[\]]*)\]|<<[^<>,]{1,99},([^<>]*)>>"
)
_ANCHOR = re.compile(r"\[\[[^\[\]]{1,99}\]\]")
_QUOTES = str.maketrans("", "", "`*")
_TOLD = frozenset({"author", "email", "revdate", "revnumber", "description", "keywords", "lang"})


def read_asciidoc(data: bytes, name: str) -> Document:
    """An AsciiDoc file with its sections and blocks. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    source = text.split("\n")
    lines, metadata = Lines(), dict[str, str]()
    until = ""  # the line that ends the open block
    for number, line in enumerate(source):
        bare = line.rstrip()
        if until == "////" or bare == "////":
            until = "" if until == "////" else "////"
            if bare != "////":
                until = "////"
            lines.add("")
        elif until:
            if bare == until:
                lines.close(line)
                until = ""
            else:
                lines.add(line)
        elif bare.startswith("//") and not bare.startswith("///"):
            lines.add("")
        elif (level := _section(source, number)) > 0:
            words = line if _HEADING.match(line) is None else line.lstrip("=#")
            lines.head(line, level, _plain(words))
        elif (opening := _FENCE.match(bare)) is not None and not _is_underline(source, number):
            until = opening[1]
            lines.open(line)
        else:
            attribute = _ATTRIBUTE.match(line[:_LONGEST_HEADING])
            if attribute is not None and attribute[1].lower() in _TOLD:
                metadata.setdefault(attribute[1].lower(), attribute[2].strip())
            lines.add(line)
    made = lines.text()
    return Document(
        made,
        "text/asciidoc",
        title=main_heading(made, lines.headings),
        headings=tuple(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        metadata=metadata,
        warnings=warnings,
    )


def _section(source: Sequence[str], number: int) -> int:
    """The level of the section title on this line, with signs before or a line below; else 0."""
    line = source[number]
    if len(line) > _LONGEST_HEADING:
        return 0
    if (match := _HEADING.match(line)) is not None:
        return len(match[1])
    alone = number == 0 or not source[number - 1].strip() or source[number - 1].startswith("[")
    if alone and number + 1 < len(source) and _is_underline(source, number + 1):
        return _UNDERLINES[source[number + 1][0]]
    return 0


def _is_underline(source: Sequence[str], number: int) -> bool:
    """Whether this line is one sign over and over, about as long as the words above it."""
    ruler, above = source[number].rstrip(), source[number - 1].rstrip() if number else ""
    return (
        ruler[:1] in _UNDERLINES
        and ruler == ruler[:1] * len(ruler)
        and len(ruler) > 2
        and abs(len(ruler) - len(above)) <= 1
        and above[:1].isalnum()
    )


def _plain(words: str) -> str:
    words = _ANCHOR.sub("", words[:_LONGEST_HEADING])
    return _INLINE.sub(lambda match: match[1] or match[2] or "", words).translate(_QUOTES)
