"""Typst → Document: headings, code blocks, and the words of content blocks.

Each line of the source gives one line of text, so that line numbers stay valid. Comments, settings
and imports become empty; formulas stay as they are written. Evaluates no code.
"""

from __future__ import annotations

import re

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.markdown import title_heading
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document

_MAX_LINE_CHARS = 20_000  # a longer line is not edited
_HEADING = re.compile(r"[ \t]{0,40}(={1,9})[ \t]+(\S.{0,1000})$")
_FENCE = re.compile(r"[ \t]{0,40}```")
_BLOCK_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMENT = re.compile(r"(?<!\S)//.*")
_SETTING = re.compile(r"[ \t]{0,40}#(?:set|show|import|include|let)\b")
_LABEL = re.compile(r"[ \t]{0,9}<[\w:.-]{1,100}>")
_STRONG = re.compile(r"(?<![\w\\])\*(\S(?:[^*\n]{0,1000}\S)?)\*(?!\w)")
_EMPHASIS = re.compile(r"(?<![\w\\])_(\S(?:[^_\n]{0,1000}\S)?)_(?!\w)")
_LINK = re.compile(r"#link\(\"([^\"]{0,1000})\"\)(?:\[([^\[\]]{0,1000})\])?")
_NOTE = re.compile(r"[ ]?#footnote\[([^\[\]]{0,1000})\]")
_CALL = re.compile(
    r"#(?:strong|emph|text|underline|strike|highlight|smallcaps|box|block|align|super|sub|h|v|quote)"
    r"(?:\([^()]{0,300}\))?\[([^\[\]]{0,1000})\]"
)
_MAX_NESTED_CALLS = 3
_ESCAPE = re.compile(r"\\([\\#*_$@<>=`~/-])")


def read_typst(data: bytes, name: str) -> Document:
    """Read a Typst file with its headings. Never raises: the text of any file can be read."""
    text, encoding, warnings, encoding_by = decode(data)
    text = _BLOCK_COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    lines = _parse_lines(text)
    text = lines.text()
    return Document(
        text,
        "text/x-typst",
        title=title_heading(text, lines.headings),
        headings=tuple(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def _parse_lines(text: str) -> Lines:
    lines = Lines()
    in_fence = False
    depth = 0  # open brackets of a setting
    for line in text.split("\n"):
        if in_fence:
            in_fence = _FENCE.match(line) is None
            lines.add(line) if in_fence else lines.close_fence(line)
        elif depth or _SETTING.match(line) is not None:
            depth = max(0, depth + sum(map(line.count, "([{")) - sum(map(line.count, ")]}")))
            lines.add("")
        elif _FENCE.match(line) is not None and line.count("```") == 1:
            in_fence = True
            lines.open_fence(line)
        elif len(line) > _MAX_LINE_CHARS:
            lines.add(line)
        elif (heading := _HEADING.match(line)) is not None:
            title = _plain(heading[2])
            lines.add_heading(title, len(heading[1]), title)
        else:
            lines.add(_plain(line))
    return lines


def _plain(line: str) -> str:
    """Return a line without comments, labels and marks of emphasis."""
    line = _LABEL.sub("", _COMMENT.sub("", line))
    line = _LINK.sub(lambda match: match[2] or match[1], line)
    for _ in range(_MAX_NESTED_CALLS):
        if "#" not in line:
            break
        line = _CALL.sub(r"\1", _NOTE.sub(r" [\1]", line))
    line = _EMPHASIS.sub(r"\1", _STRONG.sub(r"\1", line))
    return _ESCAPE.sub(r"\1", line.replace("~", " ")).rstrip()
