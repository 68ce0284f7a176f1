"""Who speaks in a transcript that is a text: lines with a name and a time, as Teams writes them."""

from __future__ import annotations

import re

# "Ann Roe   0:03" or "Ann Roe 1:02:15" on a line of its own.
_LINE = re.compile(
    r"^(?P<name>[^\W\d_][^\n\d:]{0,58}[^\s\d:,.;])[ \t]{1,20}(?:\d{1,2}:)?\d{1,2}:\d\d$",
    re.MULTILINE,
)
_TIME = re.compile(r"\d:\d\d$", re.MULTILINE)
_MIN_LINES = 3
_MAX_LINES_PER_NAME = 8  # lines of text for each line with a name; with more it is no transcript
_MAX_SPEAKERS = 50


def find_speakers(text: str) -> list[str]:
    """Return the names of those who speak in a transcript, in the order in which they do; [] for a
    text that is none."""
    if len(_TIME.findall(text)) < _MIN_LINES:  # as most texts, which costs less to see
        return []
    names = [" ".join(found["name"].split()) for found in _LINE.finditer(text)]
    lines = sum(1 for line in text.split("\n") if line.strip())
    if len(names) < _MIN_LINES or lines > _MAX_LINES_PER_NAME * len(names):
        return []
    distinct = list(dict.fromkeys(names))
    return distinct if len(distinct) <= min(_MAX_SPEAKERS, len(names)) else []
