"""Front matter (a YAML or TOML block that opens a text) → metadata. Plain `key: value` only.

Lists of plain values are read too, on one line or one below the other; anything deeper is left
alone. Knows no YAML parser and nothing of the text below.
"""

from __future__ import annotations

import re

_MOST_LINES = 200  # a block that has not closed by then is no front matter
_LONGEST = 500  # characters of a value
_ENTRY = re.compile(r"([A-Za-z][\w .-]{0,60}?)[ \t]{0,9}(?::(?=[ \t]|$)|=)(.*)$")
_ITEM = re.compile(r"[ \t]{0,9}-[ \t]++(.*+)$")


def front_matter(text: str) -> tuple[int, dict[str, str]]:
    """Where the body starts (0 where there is no front matter), and the fields, keys in lower case.

    Values of a list are joined by ", ".
    """
    if not text.startswith(("---\n", "+++\n")):
        return 0, {}
    marker, at = text[:3], 4
    lines: list[str] = []
    while len(lines) < _MOST_LINES:
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)].rstrip()
        if line == marker or (marker == "---" and line == "..."):
            return (end + 1 if end >= 0 else len(text)), fields(lines)
        if end < 0:
            break
        lines.append(line)
        at = end + 1
    return 0, {}


def fields(lines: list[str]) -> dict[str, str]:
    """The plain fields among these lines."""
    found: dict[str, str] = {}
    items: list[str] = []
    key = ""  # of the list that may follow
    for line in [*lines, "end:"]:
        if key and (item := _ITEM.match(line[: 2 * _LONGEST])):
            items += _values(item[1])
            continue
        if key and items:
            found.setdefault(key, ", ".join(items)[:_LONGEST])
        key, items = "", []
        entry = _ENTRY.match(line[: 2 * _LONGEST])
        if entry is None:
            continue
        name, value = entry[1].strip().lower(), entry[2].strip()
        if value:
            if values := _values(value):
                found.setdefault(name, ", ".join(values)[:_LONGEST])
        else:
            key = name
    return found


def _values(value: str) -> list[str]:
    """A plain or quoted value, or those of a list in brackets."""
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        inner = [_scalar(each) for each in value[1:-1].split(",")]
        return [each for each in inner if each]
    single = _scalar(value)
    return [single] if single else []


def _scalar(value: str) -> str | None:
    """A plain or quoted string; None for anything that needs a parser."""
    value = value.strip()
    if value[:1] in {'"', "'"}:
        quote, end = value[0], value.rfind(value[0])
        return value[1:end].replace(quote * 2, quote).replace('\\"', '"').strip() or None
    value = value.partition(" #")[0].strip()
    return None if value[:1] in set("|>[{&*!%@`") else value or None
