"""What a Typst document shows of its code: content blocks in settings, and variables.

`#show: paper.with(abstract: [Words])` has words that are printed, and `#let maker = [Works]` what
`#maker` stands for. Evaluates nothing else; each line stays a line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_VARIABLE = re.compile(
    r"[ \t]{0,40}#let[ \t]{1,9}([\w-]{1,60})[ \t]{0,9}=[ \t]{0,9}"
    r"(?:\[([^\[\]\n]{0,1000})\]|\"([^\"\\\n]{0,1000})\")[ \t;]{0,9}"
)
_USE = re.compile(r"(?<![\\\w])#([A-Za-z_](?:[\w-]{0,58}\w)?)(?![\w(\[]|\.[A-Za-z_]);?")
_MAX_WRITTEN = 1_000_000  # characters of variables where they are used
_NAME = re.compile(r"#[\w.-]{1,60}")
# Code: the start of a content block or a bracket; a string, which is shown behind these names.
_CODE = re.compile(
    r"(?:\b(?:title|subtitle|abstract|caption|header|footer|name|alt)[ ]{0,9}:[ ]{0,9}"
    r"\"(?P<shown>(?:[^\"\\]|\\.){0,1000})\")"
    r"|(?P<string>\"(?:[^\"\\]|\\.){0,1000}\")|(?P<formula>\$[^$]{1,1000}\$)"
    r"|`[^`]{0,1000}`|(?<!:)//.*|\\.|(?P<bracket>[\[\](){}])"
)
# Calls whose strings and formulas are shown, but for those that name an argument or a file.
_LAYOUT = re.compile(r"[ \t]{0,40}#(?:figure|table|grid|stack|columns)\(")
_NOT_SHOWN = re.compile(r"(?::|\b(?:image|csv|json|yaml|toml|xml|read|rgb|luma|label)\()[ ]{0,9}\Z")
_CONTENT = re.compile(r"`[^`]{0,1000}`|\\.|(?P<bracket>[\[\]])")


def variables(rows: Sequence[str]) -> dict[str, str]:
    """Return the variables of a file that are content or a string on one line."""
    found = filter(None, (_VARIABLE.fullmatch(row) for row in rows if "#let" in row))
    return {match[1]: match[2] if match[2] is not None else match[3] for match in found}


def used_variables(rows: Sequence[str]) -> dict[str, str]:
    """Return those variables that a file uses; none if its text would become very long by them."""
    values = variables(rows)
    if not values:
        return {}
    uses = Counter(match[1] for row in rows if "#" in row for match in _USE.finditer(row))
    used = {name: value for name, value in values.items() if name in uses}
    written = sum(uses[name] * len(value) for name, value in used.items())
    return used if written <= _MAX_WRITTEN else {}


def write_variables(line: str, values: Mapping[str, str]) -> str:
    """Return a line with the values of the variables that it uses."""
    if "#" not in line or not values:
        return line
    return _USE.sub(lambda match: values.get(match[1], match[0]), line)


def contents(rows: Sequence[str]) -> list[str]:
    """Return what is inside the content blocks of a setting, a line for each of its lines; "" for
    one with nothing but names of arguments."""
    stack: list[str] = []
    lines = []
    is_layout = bool(rows) and _LAYOUT.match(rows[0]) is not None
    for row in rows:
        pieces: list[str] = []
        at = 0
        while at < len(row):
            in_content = bool(stack) and stack[-1] == "["
            match = _CONTENT.search(row, at) if in_content else _CODE.search(row, at)
            end = match.start() if match is not None else len(row)
            if in_content:
                pieces.append(row[at:end])
            if match is None:
                break
            at = match.end()
            if is_layout and not in_content and (match["string"] or match["formula"]):
                pieces += _argument(match)
                continue
            pieces += _keep(match, stack, in_content=in_content)
        line = " ".join("".join(pieces).split())
        lines.append(line if any(map(str.isalnum, _NAME.sub("", line))) else "")
    return lines


def _argument(match: re.Match[str]) -> list[str]:
    """Return what is shown of a string or a formula that is an argument of a call."""
    if match["formula"]:
        return [f" {match['formula']} "]
    before = match.string[max(0, match.start() - 40) : match.start()]
    return [] if _NOT_SHOWN.search(before) else [f" {match['string'][1:-1]} "]


def _keep(match: re.Match[str], stack: list[str], *, in_content: bool) -> list[str]:
    """Follow a bracket; return what is shown of it, or of a string or raw text."""
    bracket = match["bracket"]
    if bracket is None:
        if in_content:
            return [match[0]]
        return [f" {match['shown']} "] if match["shown"] else []
    if bracket in "[({":
        stack.append(bracket)
        return ["["] if in_content else [" "] if bracket == "[" else []
    if stack:
        stack.pop()
    return ["]"] if in_content and stack and stack[-1] == "[" else [" "] if in_content else []
