"""Add and remove one entry in a configuration file's text, and leave all other text as it is.

JSON may have comments and trailing commas (JSONC). Each edit is checked: the parsed result must be
the parsed original with that one entry changed, else nothing is returned. Knows no files.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from ragkit.errors import UsageError

_JSON_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of a JSON object: offsets of its key and its value."""

    key: str
    start: int
    value_start: int
    end: int


def parse_json(text: str) -> dict[str, Any]:
    """Return the object of a JSON or JSONC text; {} for an empty one. Raises UsageError."""
    plain = _TRAILING_COMMA.sub(_blank_comma, _without_comments(text))
    if not plain.strip():
        return {}
    try:
        value = json.loads(plain)
    except ValueError as error:
        raise UsageError(f"it is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError("it is not a JSON object")
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table of a TOML text. Raises UsageError."""
    try:
        return tomllib.loads(text.removeprefix(_BOM))
    except ValueError as error:
        raise UsageError(f"it is not valid TOML: {error}") from error


def entry_of(values: dict[str, Any], table: str, name: str) -> object:
    """Return the entry of this name in a table; None if there is none. Raises UsageError if the
    table is something else."""
    entries = values.get(table)
    if entries is not None and not isinstance(entries, dict):
        raise UsageError(f"its {table!r} is {type(entries).__name__}; expected an object")
    return None if entries is None else entries.get(name)


def set_json_entry(text: str, table: str, name: str, entry: object) -> str:
    """Return the text with `entry` under this name in the object `table`. Raises UsageError."""
    values = parse_json(text)
    if not _without_comments(text).strip():
        return json.dumps({table: {name: entry}}, indent=2, ensure_ascii=False) + "\n"
    existing = entry_of(values, table, name)
    expected = copy.deepcopy(values)
    expected.setdefault(table, {})[name] = entry
    plain = _TRAILING_COMMA.sub(_blank_comma, _without_comments(text))
    root_start = plain.index("{")
    members, root_end = _members(plain, root_start)
    container = next((member for member in members if member.key == table), None)
    if container is None:
        new = _insert(text, plain, root_start, members, root_end, table, {name: entry})
    else:
        inner, inner_end = _members(plain, container.value_start)
        old = next((member for member in inner if member.key == name), None)
        if existing is not None and old is not None:
            indent = _indent_at(text, old.start)
            new = text[: old.value_start] + _dump(entry, indent, _unit(text)) + text[old.end :]
        else:
            new = _insert(text, plain, container.value_start, inner, inner_end, name, entry)
    return _checked(new, parse_json(new), expected)


def remove_json_entry(text: str, table: str, name: str) -> str:
    """Return the text without the entry of this name in the object `table`. Raises UsageError."""
    expected = copy.deepcopy(parse_json(text))
    del expected[table][name]
    commented = _without_comments(text)
    plain = _TRAILING_COMMA.sub(_blank_comma, commented)
    members, _ = _members(plain, plain.index("{"))
    container = next(member for member in members if member.key == table)
    inner, _ = _members(plain, container.value_start)
    position = next(at for at, member in enumerate(inner) if member.key == name)
    start, end = inner[position].start, inner[position].end
    line_start = text.rfind("\n", 0, start) + 1
    if not text[line_start:start].strip():
        start = max(line_start - 1, 0)
    following = re.match(r"\s*,", commented[end:])
    if following:
        end += following.end()
    elif position and not _has_trailing_commas(commented[:start] + commented[end:]):
        # It was the last one: the comma before it goes, too.
        comma = commented.index(",", inner[position - 1].end)
        text = text[:comma] + text[comma + 1 :]
        start, end = start - 1, end - 1
    new = text[:start] + text[end:]
    return _checked(new, parse_json(new), expected)


def set_toml_entry(text: str, table: str, name: str, entry: dict[str, Any]) -> str:
    """Return the text with `entry` (strings and lists of strings) as the table [table.name]. Raises
    UsageError."""
    expected = copy.deepcopy(parse_toml(text))
    if entry_of(expected, table, name) is not None:
        text = remove_toml_entry(text, table, name)
    expected.setdefault(table, {})[name] = entry
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    separator = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    block = "\n".join([f"[{table}.{_toml_key(name)}]", *lines])
    new = f"{text}{separator}{block}\n"
    return _checked(new, parse_toml(new), expected)


def remove_toml_entry(text: str, table: str, name: str) -> str:
    """Return the text without the table [table.name] and its own tables. Raises UsageError."""
    expected = copy.deepcopy(parse_toml(text))
    del expected[table][name]
    if not expected[table]:
        del expected[table]
    keys = rf"(?:{re.escape(name)}|\"{re.escape(name)}\"|'{re.escape(name)}')"
    own = re.compile(rf"\s*\[\s*{re.escape(table)}\s*\.\s*{keys}\s*(?:\.[^\]]*)?\]\s*(?:#.*)?$")
    kept: list[str] = []
    is_own = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            is_own = own.match(line.rstrip("\n")) is not None
        if not is_own:
            kept.append(line)
    new = "".join(kept)
    if new.endswith("\n\n"):
        new = new.rstrip("\n") + "\n"
    parsed = parse_toml(new)
    if parsed != expected and not parsed.get(table, True):
        del parsed[table]
    return _checked(new, parsed, expected)


def _checked(text: str, parsed: dict[str, Any], expected: dict[str, Any]) -> str:
    if parsed != expected:
        raise UsageError("it is written in a way that ragkit cannot edit; edit it by hand")
    return text


def _without_comments(text: str) -> str:
    """Return the text of the same length with comments and a BOM blanked."""
    if text.startswith(_BOM):
        text = f" {text[1:]}"

    def blank(match: re.Match[str]) -> str:
        part = match[0]
        return part if part.startswith('"') else re.sub(r"[^\n]", " ", part)

    return _JSON_PARTS.sub(blank, text)


def _has_trailing_commas(commented: str) -> bool:
    """Whether a text ends lists or objects with a comma, the one after the last entry not counted:
    that is there because something followed."""
    found = [match for match in _TRAILING_COMMA.finditer(commented) if match[0] == ","]
    return len(found) > 1


def _blank_comma(match: re.Match[str]) -> str:
    return " " if match[0] == "," else match[0]


def _members(plain: str, start: int) -> tuple[list[_Member], int]:
    """Return the members of the object that begins at `start`, and the offset of its end."""
    decoder = json.JSONDecoder()
    members: list[_Member] = []
    at = _skip(plain, start + 1)
    while plain[at] != "}":
        key, after = decoder.raw_decode(plain, at)
        value_start = _skip(plain, _skip(plain, after) + 1)
        _, end = decoder.raw_decode(plain, value_start)
        members.append(_Member(key, at, value_start, end))
        at = _skip(plain, end)
        if plain[at] == ",":
            at = _skip(plain, at + 1)
    return members, at


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _insert(
    text: str,
    plain: str,
    start: int,
    members: list[_Member],
    end: int,
    key: str,
    value: object,
) -> str:
    """Return the text with a new last member of the object at `[start, end]`."""
    unit = _unit(text)
    outer = _indent_at(text, start)
    indent = _indent_at(text, members[0].start) if members else outer + unit
    if members and "\n" not in text[start : members[0].start]:
        indent = outer + unit
    member = f"{json.dumps(key, ensure_ascii=False)}: {_dump(value, indent, unit)}"
    kept_end = len(text[:end].rstrip())
    head, tail = text[:kept_end], f"\n{indent}{member}\n{outer}{text[end:]}"
    if members:
        last = members[-1].end
        if "," not in _without_comments(text)[last:end]:
            head = text[:last] + "," + text[last:kept_end]
    return head + tail


def _dump(value: object, indent: str, unit: str) -> str:
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", f"\n{indent}")


def _indent_at(text: str, at: int) -> str:
    """Return the white space at the start of the line of an offset."""
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """Return one level of indentation, as the text has it; two spaces by default."""
    match = re.search(r"\n([ \t]+)\S", text)
    return match[1] if match else "  "


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
