"""Markdown without what no reader of the page sees: comments, link definitions, front matter.

Comments of HTML, Obsidian, MDX, Hugo and MyST; imports and exports of MDX; block ids; attributes of
headings. Each line stays a line, so that line numbers stay valid; fenced code stays as written.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
_CODE = r"(?P<code>`{1,3}[^`\n]{1,500}`{1,3})|"  # inline code stays
_COMMENTS = tuple(
    (mark, re.compile(_CODE + comment, re.DOTALL))
    for mark, comment in (
        ("<!--", r"<!--.{0,50000}?-->"),
        ("%%", r"(?<!\S)%%(?!%)(?:[^%]|%(?!%)){0,50000}%%(?![^\s.,;])"),
        ("{{/*", r"\{\{/\*.{0,50000}?\*/\}\}"),
        ("{/*", r"\{/\*.{0,50000}?\*/\}"),
    )
)
_LINK_DEFINITION = re.compile(
    r"^ {0,3}\[(?!\^)[^\[\]\n]{1,300}\]:[ \t]{0,9}(?:<[^<>\n]{0,1000}>|[^\s<]\S{0,1000})"
    r"(?:[ \t]+(?:\"[^\"\n]{0,500}\"|'[^'\n]{0,500}'|\([^()\n]{0,500}\)))?[ \t]*$",
    re.MULTILINE,
)
_BLOCK_ID = re.compile(r"(?<![ \t])[ \t]+\^[A-Za-z0-9-]{1,60}[ \t]*$", re.MULTILINE)
_CALLOUT = re.compile(r"^([ \t]{0,3}(?:>[ \t]?){1,9})\[!([A-Za-z-]{1,30})\][+-]?", re.MULTILINE)
_HEADING_ATTRIBUTES = re.compile(
    r"^( {0,3}#{1,6}[ \t].{0,900}?)[ \t]+\{[ \t]*[#.:][^{}\n]{0,200}\}[ \t]*$", re.MULTILINE
)
_MYST = re.compile(r"^(?:```|:{3,})\{[a-z]|\{[a-z:-]{2,30}\}`", re.MULTILINE)
_MYST_COMMENT = re.compile(r"^%(?![ \t]*\S*%)[ \t].*$", re.MULTILINE)
# Where a block of JavaScript begins in MDX; prose may begin with these words, too.
_MODULE = re.compile(
    r"import[ \t]{0,9}(?:[\"'{]|[\w*$][^\n]{0,300}[ \t}]from[ \t]{0,9}[\"'])"
    r"|export[ \t]{1,9}(?:const|let|var|function|default|async|class|type|interface|[{*])"
)
_MAX_MODULE_LINES = 500


def visible_text(text: str, body: int, *, is_mdx: bool = False) -> str:
    """Return the text from offset `body` on without its comments, and empty lines before."""
    front = "\n" * text.count("\n", 0, body)
    is_myst = "\n%" in text and _MYST.search(text) is not None
    return front + "".join(
        part if is_code else _without_comments(_without_modules(part) if is_mdx else part, is_myst)
        for part, is_code in _parts(text[body:])
    )


def _parts(text: str) -> list[tuple[str, bool]]:
    """Return the text in parts: (text, is it a fenced block)."""
    if "```" not in text and "~~~" not in text:
        return [(text, False)]
    parts: list[tuple[str, bool]] = []
    lines: list[str] = []
    marker = ""
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if marker:
            lines.append(line)
            if fence and fence[1].startswith(marker) and not line.strip().strip(marker[0]):
                parts.append(("".join(lines), True))
                lines, marker = [], ""
        elif fence and not ("`" in fence[1] and "`" in line[fence.end() :]):
            parts.append(("".join(lines), False))
            lines, marker = [line], fence[1]
        else:
            lines.append(line)
    return [*parts, ("".join(lines), bool(marker))]


def _without_modules(text: str) -> str:
    """Return a text of MDX without its imports and exports, which end at an empty line outside of
    braces."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        starts_block = at == 0 or not lines[at - 1].strip()
        if not (starts_block and _MODULE.match(lines[at])):
            at += 1
            continue
        depth = 0
        for number in range(at, min(at + _MAX_MODULE_LINES, len(lines))):
            line = lines[number]
            if not line.strip() and depth <= 0:
                break
            depth += sum(map(line.count, "{[(")) - sum(map(line.count, "}])"))
            lines[number] = ""
        at = number + 1
    return "\n".join(lines)


def _without_comments(text: str, is_myst: bool) -> str:
    for mark, comment in _COMMENTS:
        if mark in text:
            text = comment.sub(_blank, text)
    if "]:" in text:
        text = _LINK_DEFINITION.sub("", text)
    if "^" in text:
        text = _BLOCK_ID.sub("", text)
    if "[!" in text:
        text = _CALLOUT.sub(lambda match: f"{match[1]}{match[2].capitalize()}:", text)
    if "{" in text:
        text = _HEADING_ATTRIBUTES.sub(r"\1", text)
    return _MYST_COMMENT.sub("", text) if is_myst else text


def _blank(match: re.Match[str]) -> str:
    return match["code"] or "\n" * match[0].count("\n")
