"""Front matter (a YAML or TOML block at the start of a text) → metadata fields.

Reads `key: value` and `key = value` with plain or quoted values, and lists of such values on one
line or on one line each. Skips anything nested deeper. Uses no YAML parser, and does not look at
the text below the block.
"""

from __future__ import annotations

import re

_MAX_LINES = 200  # a block that has not ended by then is no front matter
_MAX_VALUE_CHARS = 500
_ENTRY = re.compile(r"([A-Za-z][\w .-]{0,60}?)[ \t]{0,9}(?::(?=[ \t]|$)|=)(.*)$")
_LIST_ITEM = re.compile(r"[ \t]{0,9}-[ \t]++(.*+)$")


def parse_front_matter(text: str) -> tuple[int, dict[str, str]]:
    """Return the offset where the body starts (characters), and the fields of the front matter.

    The offset is 0 and the fields are empty where there is no front matter. Keys are in lower
    case; the values of a list are joined by ", ".
    """
    if not text.startswith(("---\n", "+++\n")):
        return 0, {}
    marker, start = text[:3], 4
    lines: list[str] = []
    while len(lines) < _MAX_LINES:
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)].rstrip()
        if line == marker or (marker == "---" and line == "..."):
            return (end + 1 if end >= 0 else len(text)), _parse_fields(lines)
        if end < 0:
            break
        lines.append(line)
        start = end + 1
    return 0, {}


def _parse_fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    items: list[str] = []
    list_key = ""  # the key whose list items may follow
    for line in [*lines, "end:"]:
        if list_key and (item := _LIST_ITEM.match(line[: 2 * _MAX_VALUE_CHARS])):
            items += _parse_values(item[1])
            continue
        if list_key and items:
            fields.setdefault(list_key, ", ".join(items)[:_MAX_VALUE_CHARS])
        list_key, items = "", []
        entry = _ENTRY.match(line[: 2 * _MAX_VALUE_CHARS])
        if entry is None:
            continue
        key, value = entry[1].strip().lower(), entry[2].strip()
        if not value:
            list_key = key
        elif values := _parse_values(value):
            fields.setdefault(key, ", ".join(values)[:_MAX_VALUE_CHARS])
    return fields


def _parse_values(value: str) -> list[str]:
    """Return the value, or the values of a list in brackets, without those that need a parser."""
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        scalars = [_parse_scalar(item) for item in value[1:-1].split(",")]
        return [scalar for scalar in scalars if scalar]
    scalar = _parse_scalar(value)
    return [scalar] if scalar else []


def _parse_scalar(value: str) -> str | None:
    """Return a plain or quoted string without its quotes; None for anything that needs a parser."""
    value = value.strip()
    if value[:1] in {'"', "'"}:
        quote, end = value[0], value.rfind(value[0])
        return value[1:end].replace(quote * 2, quote).replace('\\"', '"').strip() or None
    value = value.partition(" #")[0].strip()
    return None if value[:1] in set("|>[{&*!%@`") else value or None
