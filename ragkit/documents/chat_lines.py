"""Lines of a WhatsApp chat in the notations of all phones: date, time, author.

File type detection and the reader share it. Knows nothing of documents.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import PurePosixPath

MARKS = "\u200e\u200f\u202a\u202b\u202c\ufeff"  # of the direction of writing
_MORNING = "上午|早上|凌晨|오전|午前|ق\\.?م|ص"
_EVENING = "下午|晚上|中午|오후|午後|ب\\.?م|م"
_HALF = rf"[ap]\.?\s?m\.?|{_MORNING}|{_EVENING}"
LINE = re.compile(
    rf"""[{MARKS}]{{0,3}}\[?
    (?P<first>\d{{1,4}})\s?[./\-年년]\s?(?P<second>\d{{1,2}})\s?[./\-月월]\s?(?P<third>\d{{1,4}})
    \s?[.日일]?[,،]?\s{{1,3}}
    (?P<before>{_HALF})?\s?
    (?P<hour>\d{{1,2}})[:.](?P<minute>\d\d)(?:[:.](?P<second_of_time>\d\d))?
    (?:\s?(?P<after>{_HALF}))?
    (?:\]\s|\s[-–]\s|,\s)[{MARKS}]{{0,3}}
    """,
    re.VERBOSE | re.IGNORECASE,
)
EVENING = re.compile(_EVENING)  # what is written for the hours after noon, besides "pm"
AUTHOR = re.compile(r"([^:\n]{1,80}?)\s?:\s")
_LEVELS = frozenset({"debug", "info", "warn", "warning", "error", "fatal", "critical", "trace"})
_MIN_LINES = 3  # of a chat whose name does not say what it is


def is_chat(head: str, name: str) -> bool:
    """Whether a text is an export of a chat: by the notation of its lines, and by its name or by
    its authors."""
    if not head[:500].isascii():
        with contextlib.suppress(UnicodeEncodeError):  # UTF-8 that was decoded as Latin-1
            head = head.encode("latin-1").decode(errors="replace")
    lines = [line for line in head.split("\n", 40)[:40] if line.strip()]
    if not lines or LINE.match(lines[0]) is None:
        return False
    matches = [match for line in lines[:20] if (match := LINE.match(line)) is not None]
    base = PurePosixPath(name).name.lower()
    if "whatsapp" in base or base == "_chat.txt":
        return True
    found = (AUTHOR.match(match.string, match.end()) for match in matches)
    names = [author[1].lower() for author in found if author is not None]
    has_commas = all(re.search("[,،年년]", match[0]) for match in matches)
    # In diaries and logs few lines have an author, or a level is where the author would be.
    is_said = 2 * len(names) > len(matches)
    has_levels = any(_LEVELS.intersection(re.findall(r"\w+", name)) for name in names)
    return has_commas and len(matches) >= _MIN_LINES and is_said and not has_levels
