"""Typst → Document: headings, code blocks, and the words of content blocks.

Each line of the source gives one line of text, so that line numbers stay valid. Comments, settings
and imports become empty, but for the content in them; variables are written where they are used.
Formulas stay as they are written. Evaluates no other code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup import typst_code
from ragkit.documents.formats.markup.line_documents import make_document
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document

_MAX_LINE_CHARS = 20_000  # a longer line is not edited
_HEADING = re.compile(r"[ \t]{0,40}(={1,9})[ \t]+(\S.{0,1000})$")
_FENCE = re.compile(r"[ \t]{0,40}```")
# Raw text and strings may contain the signs of a comment, as in `src/*.c`; a comment never ends in
# a file that is cut off, or begins in text that looks like one: then it stays.
_BLOCK_COMMENT = re.compile(
    r"(?P<kept>\\.|(`{3,20})[\s\S]*?(?:\2|\Z)|`[^`\n]{0,1000}`|\"(?:[^\"\\\n]|\\.){0,1000}\")"
    r"|/\*[\s\S]*?(?:(?P<end>\*/)|\Z)"
)
_RAW = re.compile(r"`[^`]{1,1000}`")
_RAW_PLACE = re.compile("\x0e([0-9]{1,5})\x0f")  # where raw text was taken out
_NO_BRACKETS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|`[^`]*`|(?<!:)//.*|\\.")
_MAX_SETTING_LINES = 500
_COMMENT = re.compile(r"(?<!\S)//.*")
_SETTING = re.compile(
    r"[ \t]{0,40}#(?:(?:set|show|import|include|let)\b|(?:figure|table|grid|stack|columns)\()"
)
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
    decoded = decode(data)
    lines = _parse_lines(_BLOCK_COMMENT.sub(_without_comment, decoded.text))
    return make_document(lines, "text/x-typst", decoded)


def _parse_lines(text: str) -> Lines:
    lines = Lines()
    in_fence = False
    rows = text.split("\n")
    values = typst_code.used_variables(rows)
    shown: list[str] = []  # content in the open setting, from its second line on
    may_be_open = True  # after one that never ends, the ends of others are not looked for
    for index, line in enumerate(rows):
        if in_fence:
            in_fence = _FENCE.match(line) is None
            lines.add(line) if in_fence else lines.close_fence(line)
        elif shown:
            lines.add(_plain(typst_code.write_variables(shown.pop(0), values)))
        elif _SETTING.match(line) is not None:
            found = _find_setting_end(rows, index) if may_be_open else index + 1
            may_be_open = may_be_open and found is not None
            shown = _shown(rows[index : found or index + 1], values)
            lines.add(_plain(typst_code.write_variables(shown.pop(0), values)))
        elif _FENCE.match(line) is not None and line.count("```") == 1:
            in_fence = True
            lines.open_fence(line)
        elif len(line) > _MAX_LINE_CHARS:
            lines.add(line)
        elif (heading := _HEADING.match(line)) is not None:
            title = _plain(typst_code.write_variables(heading[2], values))
            lines.add_heading(title, len(heading[1]), title)
        else:
            lines.add(_plain(typst_code.write_variables(line, values)))
    return lines


def _shown(rows: list[str], used: Mapping[str, str]) -> list[str]:
    """Return what is shown of a setting, line by line: nothing of a variable that is used, as it is
    written where it is used."""
    defined = typst_code.variables(rows[:1])
    return [""] if defined.keys() & used.keys() else typst_code.contents(rows)


def _without_comment(match: re.Match[str]) -> str:
    if match["kept"] or not match["end"]:
        return match[0]
    return "\n" * match[0].count("\n")


def _find_setting_end(rows: list[str], first: int) -> int | None:
    """Return the index of the line after a setting, where its brackets are closed; None if they
    never are."""
    depth = 0
    for index in range(first, min(len(rows), first + _MAX_SETTING_LINES)):
        code = _NO_BRACKETS.sub("", rows[index])
        depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        if depth <= 0:
            return index + 1
    return None


def _plain(line: str) -> str:
    """Return a line without comments, labels and marks of emphasis; raw text in it stays."""
    raw: list[str] = []

    def take(match: re.Match[str]) -> str:
        raw.append(match[0])
        return f"\x0e{len(raw) - 1}\x0f"

    line = _edit(_RAW.sub(take, line.replace("\x0e", "")) if "`" in line else line)
    return _RAW_PLACE.sub(lambda match: raw[int(match[1])], line) if raw else line


def _edit(line: str) -> str:
    line = _LABEL.sub("", _COMMENT.sub("", line))
    line = _LINK.sub(lambda match: match[2] or match[1], line)
    for _ in range(_MAX_NESTED_CALLS):
        if "#" not in line:
            break
        line = _CALL.sub(r"\1", _NOTE.sub(r" [\1]", line))
    line = _EMPHASIS.sub(r"\1", _STRONG.sub(r"\1", line))
    return _ESCAPE.sub(r"\1", line.replace("~", " ")).rstrip()
