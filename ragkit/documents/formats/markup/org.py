"""Org mode files → Document: headlines, blocks, and the file's keywords; the text stays as it is.

One pass over the lines. Comments and drawers are left empty, so that line numbers hold. Evaluates
nothing and includes no file.
"""

from __future__ import annotations

import re

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.markdown import main_heading
from ragkit.documents.layout.lines import Lines
from ragkit.records.documents import Document

_LONGEST_HEADING = 1000  # characters
_HEADLINE = re.compile(r"(\*{1,20})[ \t]+(\S.*)$")
_STATE = re.compile(r"(?:TODO|DONE|NEXT|WAITING|CANCELLED)[ \t]+|\[#[A-Z0-9]\][ \t]+")
_TAGS = re.compile(r"[ \t]:[\w@#%:]{1,200}:$")
_KEYWORD = re.compile(r"#\+([A-Za-z_]{1,40}):[ \t]*+(.*+)$")
_BLOCK = re.compile(r"[ \t]{0,40}#\+begin_(\w{1,40})", re.IGNORECASE)
_LINK = re.compile(r"\[\[([^\[\]]{1,500})\](?:\[([^\[\]]{1,500})\])?\]")
_DRAWER = re.compile(r"[ \t]{0,40}:(?:PROPERTIES|LOGBOOK|CLOCK):[ \t]{0,40}$", re.IGNORECASE)
_CODE = frozenset({"src", "example", "export", "verse"})
_TOLD = frozenset({"author", "date", "email", "language", "description", "keywords", "filetags"})


def read_org(data: bytes, name: str) -> Document:
    """An Org file with its headlines and blocks. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    lines, keywords = Lines(), dict[str, str]()
    block = ""  # the kind of the open one
    drawer = False
    for line in text.split("\n"):
        lowered = line.strip().lower() if len(line) < _LONGEST_HEADING else ""
        if block:
            if lowered == f"#+end_{block}":
                lines.close(line)
                block = ""
            else:
                lines.add("" if block == "comment" else line)
        elif (begun := _BLOCK.match(line)) is not None and begun[1].lower() in {*_CODE, "comment"}:
            block = begun[1].lower()
            lines.add("") if block == "comment" else lines.open(line)
        elif drawer or _DRAWER.match(line):
            drawer = lowered != ":end:"
            lines.add("")
        elif (found := _KEYWORD.match(line[:_LONGEST_HEADING])) is not None:
            keywords.setdefault(found[1].lower(), found[2].strip())
            lines.add(line)
        elif lowered.startswith("# ") or lowered == "#":
            lines.add("")
        elif (headline := _HEADLINE.match(line[:_LONGEST_HEADING])) is not None:
            lines.head(line, min(9, len(headline[1])), _plain(headline[2]))
        else:
            lines.add(line)
    made = lines.text()
    return Document(
        made,
        "text/x-org",
        title=keywords.get("title") or main_heading(made, lines.headings),
        headings=tuple(lines.headings),
        fences=tuple(lines.fences),
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        metadata={key: value for key, value in keywords.items() if key in _TOLD and value},
        warnings=warnings,
    )


def _plain(words: str) -> str:
    """A headline's words without state, priority, tags and links."""
    words = _TAGS.sub("", words.rstrip())
    for _ in range(2):
        if (state := _STATE.match(words)) is not None:
            words = words[state.end() :]
    return _LINK.sub(lambda match: match[2] or match[1], words)
