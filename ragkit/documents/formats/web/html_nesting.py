"""Pages whose tags nest so deep that building their tree would take minutes, and what to do then.

An HTML parser walks its stack of open elements at most tags, so its time grows with the sum of
the depths. That sum is estimated here in one pass over the tags. Knows markup only.
"""

from __future__ import annotations

import re
from html import unescape

from ragkit.documents.formats.web.html_elements import IMPLIED_END, INLINE, VOID

_MOST_WORK = 200_000_000  # sum of depths; about a second
_HARMLESS_TAGS = 10_000  # so few cannot add up to that
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*+)([^<>]*+)>?")
_RAW = frozenset({"script", "style"})


def too_deep(markup: str) -> bool:
    """Whether parsing `markup` would cost more than about a second for its nesting alone."""
    if markup.count("<") < _HARMLESS_TAGS:
        return False
    work = foreign = 0
    above: list[str] = []
    for slash, tag, rest in _TAG.findall(markup):
        name = tag.lower()
        if name in VOID or name in IMPLIED_END:
            work += len(above)
        elif slash:
            # An end tag that does not match may be ignored by the parser: the estimate errs high.
            if above and above[-1] == name:
                above.pop()
                foreign -= name == "svg"
        elif not (foreign and rest.endswith("/")):
            above.append(name)
            foreign += name == "svg"
            work += len(above)
        if work > _MOST_WORK:
            return True
    return False


def without_tags(markup: str) -> str:
    """The text between the tags, a line for each block; nothing is known of lists and tables."""
    pieces: list[str] = []
    at, raw = 0, None
    for match in _TAG.finditer(markup):
        name = match.group(2).lower()
        if raw is None:
            pieces.append(markup[at : match.start()])
            if name not in INLINE:
                pieces.append("\n")
        if name in _RAW:
            raw = None if match.group(1) else (raw or name)
        at = match.end()
    if raw is None:
        pieces.append(markup[at:])
    lines = (" ".join(line.split()) for line in unescape("".join(pieces)).split("\n"))
    return "\n".join(line for line in lines if line)
