"""Properties that note programs write into Markdown → metadata: Notion, Logseq, Joplin.

Notion's exports have `Name: value` lines under the title, Logseq `name:: value` lines at the start,
Joplin's archive (JEX) a block of `name: value` lines at the end, from `id:` on.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_MAX_LINES, _MAX_VALUE = 60, 500
_NOTION_NAME = re.compile(r".* [0-9a-f]{32}")
_NOTION_LINE = re.compile(r"([A-Z][^:\n]{0,60}): (\S.*)")
_LOGSEQ_LINE = re.compile(r"(?:- )?([A-Za-z][\w./-]{0,60})::(?: (.*))?")
_LOGSEQ_LINK = re.compile(r"\[\[([^\[\]]{1,200})\]\]|#(?=\w)")
_JOPLIN_LINE = re.compile(r"([a-z][a-z_]{0,40}):(?: (.*))?")
_DATE_NAMES = frozenset({"created", "created time", "date", "date created", "created_time"})
_PEOPLE = frozenset({"created by", "author", "owner", "assignee", "assign", "person"})
# Of Joplin's fields those that say something about the note.
_JOPLIN_FIELDS = {"created_time": "date", "updated_time": "modified", "author": "from",
                  "source_url": "url"}  # fmt: skip


def note_properties(text: str, name: str) -> tuple[str, dict[str, str]]:
    """Return a Markdown text without the properties of a note program, and the properties.

    Lines that are taken out stay as empty lines, so that line numbers stay valid. `date` and `from`
    are set from properties that mean this. Values of one name are joined; those that are too long
    stay in the text. The text is unchanged where there are none.
    """
    may_be_notion = len(name) > 32 and _NOTION_NAME.fullmatch(PurePosixPath(name).stem)
    if not may_be_notion and "::" not in text and "type_: " not in text:
        return text, {}
    lines = text.split("\n")
    found = _joplin(lines) or _logseq(lines)
    if not found and may_be_notion:
        found = _notion(lines)
    if not found:
        return text, {}
    fields: dict[str, str] = {}
    for position, (field, value) in sorted(found.items()):
        joined = f"{fields[field]}, {value}" if field in fields and value else value
        if len(joined) > _MAX_VALUE:  # it is text
            continue
        lines[position] = ""
        if joined:
            fields[field] = joined
    for field, value in list(fields.items()):
        if field in _DATE_NAMES:
            fields.setdefault("date", value)
        elif field in _PEOPLE:
            fields.setdefault("from", value)
    return "\n".join(lines), fields


def _notion(lines: list[str]) -> dict[int, tuple[str, str]]:
    """The lines under the title of a page of a Notion database: line → name, value."""
    if not lines[0].startswith("# "):
        return {}
    found: dict[int, tuple[str, str]] = {}
    for position, line in enumerate(lines[1:_MAX_LINES], 1):
        match = _NOTION_LINE.fullmatch(line.rstrip())
        if match is not None:
            found[position] = (match[1].lower(), match[2])
        elif line.strip():
            return {} if position < 3 else _up_to_blank(lines, found)
        elif found:
            return found
    return found


def _up_to_blank(lines: list[str], found: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Properties are a block of their own: one that text follows at once is a paragraph."""
    last = max(found, default=0)
    return found if found and last + 1 < len(lines) and not lines[last + 1].strip() else {}


def _logseq(lines: list[str]) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for position, line in enumerate(lines[:_MAX_LINES]):
        match = _LOGSEQ_LINE.fullmatch(line.strip())
        if match is None:
            break
        found[position] = (match[1].lower(), _LOGSEQ_LINK.sub(r"\1", match[2] or "").strip())
    return found


def _joplin(lines: list[str]) -> dict[int, tuple[str, str]]:
    """The block at the end of a note in Joplin's archive, which begins with its id."""
    last = len(lines) - 1
    while last > 0 and not lines[last].strip():
        last -= 1
    if not lines[last].startswith("type_: "):
        return {}
    found: dict[int, tuple[str, str]] = {}
    for position in range(last, max(-1, last - _MAX_LINES), -1):
        match = _JOPLIN_LINE.fullmatch(lines[position].rstrip())
        if match is None:
            break
        field = _JOPLIN_FIELDS.get(match[1], "")
        found[position] = (field, match[2] or "" if field else "")
    return found if any(lines[position].startswith("id: ") for position in found) else {}
