"""Org mode → Document: headlines, blocks and file keywords as structure.

One pass over the lines. The text stays the file's own, except that comments and drawers become
empty lines, so that line numbers stay valid. Evaluates no code and includes no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.line_documents import make_document
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document

_MAX_HEADING_CHARS = 1000  # of a longer line only the start is compared
_MAX_LEVEL = 9
_HEADLINE = re.compile(r"(\*{1,20})[ \t]+(\S.*)$")
_STATE = re.compile(r"(?:TODO|DONE|NEXT|WAITING|CANCELLED)[ \t]+|\[#[A-Z0-9]\][ \t]+")
_TAGS = re.compile(r"[ \t]:[\w@#%:]{1,200}:$")
_KEYWORD = re.compile(r"#\+([A-Za-z_]{1,40}):[ \t]*+(.*+)$")
_BLOCK_BEGIN = re.compile(r"[ \t]{0,40}#\+begin_(\w{1,40})", re.IGNORECASE)
_LINK = re.compile(r"\[\[([^\[\]]{1,500})\](?:\[([^\[\]]{1,500})\])?\]")
_DRAWER = re.compile(r"[ \t]{0,40}:(?:PROPERTIES|LOGBOOK|CLOCK):[ \t]{0,40}$", re.IGNORECASE)
_MACRO = re.compile(r"^#\+MACRO:[ \t]+([\w-]{1,60})[ \t]+([^$\n]{1,300})$", re.MULTILINE | re.I)
_MACRO_CALL = re.compile(r"\{\{\{([\w-]{1,60})(?:\([^()]{0,200}\))?\}\}\}")
_HIDDEN_TREE = re.compile(
    r"^(?:[A-Z]{2,20}[ \t]+)?COMMENT(?:[ \t]|$)|[ \t]:(?:[\w@#%]+:)*noexport:"
)
_BLOCKS = frozenset({"src", "example", "export", "verse", "comment"})  # all but comments: fences
# Keywords whose values are no text of the document.
_SETTINGS = frozenset(
    {"macro", "tblfm", "startup", "options", "setupfile", "property", "latex_header", "html_head"}
)
_METADATA_KEYWORDS = frozenset(
    {"author", "date", "email", "language", "description", "keywords", "filetags"}
)


def read_org(data: bytes, name: str) -> Document:
    """Read an Org file with its headlines, blocks and keywords.

    Never raises: the text of any file can be read.
    """
    decoded = decode(data)
    lines, keywords = _parse_lines(decoded.text)
    metadata = {
        key: value for key, value in keywords.items() if key in _METADATA_KEYWORDS and value
    }
    return make_document(
        lines, "text/x-org", decoded, title=keywords.get("title"), metadata=metadata
    )


def _parse_lines(text: str) -> tuple[Lines, dict[str, str]]:
    """Return the lines with their headings and fences, and the file's keywords in lower case."""
    lines, keywords = Lines(), dict[str, str]()
    block = ""  # the kind of the open block; "" outside of blocks
    in_drawer = False
    for line in _exported_lines(text):
        lowered = line.strip().lower() if len(line) < _MAX_HEADING_CHARS else ""
        if block:
            if lowered == f"#+end_{block}":
                lines.add("") if block == "comment" else lines.close_fence(line)
                block = ""
            else:
                lines.add("" if block == "comment" else line)
        elif (begin := _BLOCK_BEGIN.match(line)) is not None and begin[1].lower() in _BLOCKS:
            block = begin[1].lower()
            lines.add("") if block == "comment" else lines.open_fence(line)
        elif in_drawer or _DRAWER.match(line):
            in_drawer = lowered != ":end:"
            lines.add("")
        elif (keyword := _KEYWORD.match(line[:_MAX_HEADING_CHARS])) is not None:
            key = keyword[1].lower()
            keywords.setdefault(key, keyword[2].strip())
            lines.add("" if key in _SETTINGS or key.startswith("attr_") else line)
        elif lowered.startswith("# ") or lowered == "#":
            lines.add("")
        elif (headline := _HEADLINE.match(line[:_MAX_HEADING_CHARS])) is not None:
            level = min(_MAX_LEVEL, len(headline[1]))
            lines.add_heading(line, level, _strip_headline_markup(headline[2]))
        else:
            lines.add(line)
    return lines, keywords


def _exported_lines(text: str) -> Iterator[str]:
    """Yield the lines with the file's macros expanded; "" for those of trees that are not exported
    (`COMMENT` and `:noexport:`)."""
    macros = dict(_MACRO.findall(text))
    hidden_level = 0  # of the headline of such a tree; 0 outside of one
    in_block = False
    for source in text.split("\n"):
        line = source
        if macros and "{{{" in line:
            line = _MACRO_CALL.sub(lambda match: macros.get(match[1], match[0]), line)
        lowered = line[:20].strip().lower()
        in_block = lowered.startswith("#+begin_") or (in_block and not lowered.startswith("#+end_"))
        star = None if in_block else _HEADLINE.match(line[:_MAX_HEADING_CHARS])
        if star is not None:
            if len(star[1]) <= hidden_level:
                hidden_level = 0
            if not hidden_level and _HIDDEN_TREE.search(star[2]):
                hidden_level = len(star[1])
        yield "" if hidden_level else line


def _strip_headline_markup(headline: str) -> str:
    """Return a headline's words without state, priority and tags; of links only their label."""
    headline = _TAGS.sub("", headline.rstrip())
    for _ in range(2):  # a state and a priority
        if (state := _STATE.match(headline)) is not None:
            headline = headline[state.end() :]
    return _LINK.sub(lambda match: match[2] or match[1], headline)
