"""reStructuredText as it is displayed: substitutions, roles and links resolved, comments dropped.

Each line stays a line, empty where it is not shown, so that line numbers stay valid. Literal blocks
and code stay as they are written.
"""

from __future__ import annotations

import re

_SUBSTITUTION = re.compile(r"\.\. \|([^|\n]{1,100})\|[ \t]+replace::[ \t]*(.{0,500})$")
_TARGET = re.compile(r"(?:\.\. _[^\n:]{1,300}|__):(?:[ \t].{0,1000})?$")
_EXPLICIT = re.compile(
    r"\.\.(?:[ \t]+(?:\[[^\]\n]{1,100}\][ \t]|_[^\n]|\|[^|\n]{1,100}\|[ \t]|[\w:.+-]{1,60}::)"
    r"|[ \t]*$)"
)
_COMMENT = re.compile(r"\.\.(?:[ \t]+\S|$)")
_LITERAL_DIRECTIVE = re.compile(
    r"\.\. (?:code-block|code|sourcecode|parsed-literal|doctest|testcode|testoutput|math"
    r"|productionlist|raw|highlight|literalinclude|graphviz|digraph|mermaid)::"
)
_ONE_LINE_DIRECTIVE = re.compile(r"\.\. (?:only|ifconfig|highlight|index|currentmodule|module)::")
_ROLE = re.compile(
    r"(?<![\w`:]):(?P<role>[\w+.-]{1,30}(?::[\w+.-]{1,30}){0,3}):`(?P<text>[^`\n]{1,500})`"
)
_LINK = re.compile(r"(?<![\w`])`(?P<label>[^`<>\n]{1,300}?)\s{0,3}<[^<>`\n]{1,500}>`__?(?!\w)")
_REFERENCE = re.compile(r"(?<![\w`])`(?P<label>[^`<>\n]{1,300})`__?(?!\w)")
_WORD_REFERENCE = re.compile(r"(?<![\w`_\\])(?P<word>[A-Za-z][\w.-]{0,80}[A-Za-z0-9])__?(?![\w`])")
_ROLE_TARGET = re.compile(r"\s{0,3}<[^<>]{1,300}>$")


def displayed_text(text: str) -> str:
    """Return the text with its inline markup resolved and without comments and targets."""
    lines = text.split("\n")
    values = {
        match[1].strip().casefold(): match[2].strip()
        for line in lines
        if line.startswith(".. |") and (match := _SUBSTITUTION.match(line.rstrip())) is not None
    }
    targets = {
        line[4:].partition(":")[0].strip("` ").casefold()
        for line in lines
        if line.startswith(".. _")
    }
    output: list[str] = []
    literal = comment = -1  # indentation of the open literal block, of the open comment
    for line in lines:
        stripped = line.strip()
        indent = len(line) - len(line.lstrip()) if stripped else 0
        if stripped and literal >= 0 and indent <= literal:
            literal = -1
        if stripped and comment >= 0 and indent <= comment:
            comment = -1
        if literal >= 0:
            output.append(line)
            continue
        if comment >= 0:
            output.append("")
            continue
        is_explicit = stripped.startswith(("..", "__"))
        if is_explicit or "`" in line or "|" in line or "_" in line:
            output.append(_displayed_line(line, values, targets))
        else:  # most lines
            output.append(line)
        if (stripped.endswith("::") and not stripped.startswith(".. ")) or (
            is_explicit and _LITERAL_DIRECTIVE.match(stripped)
        ):
            literal = indent
        elif is_explicit and _is_comment(stripped):
            comment = indent
    return "\n".join(output)


def _is_comment(stripped: str) -> bool:
    return (
        stripped.startswith("..")
        and _COMMENT.match(stripped) is not None
        and not (_EXPLICIT.match(stripped))
    )


def _displayed_line(line: str, values: dict[str, str], targets: set[str]) -> str:
    stripped = line.strip()
    if stripped.startswith(("..", "__")):
        if _TARGET.match(stripped) or _SUBSTITUTION.match(stripped) or _is_comment(stripped):
            return ""
        if _ONE_LINE_DIRECTIVE.match(stripped):
            return ""
    if "`" in line:
        line = _ROLE.sub(_role_text, line)
    if values and "|" in line:
        for name, value in values.items():
            reference = re.compile(rf"\|{re.escape(name)}\|_{{0,2}}", re.IGNORECASE)
            line = value.join(reference.split(line))
    if "`_" in line:
        line = _REFERENCE.sub(r"\g<label>", _LINK.sub(r"\g<label>", line))
    if targets and "_" in line and "``" not in line:
        line = _WORD_REFERENCE.sub(
            lambda match: match["word"] if match["word"].casefold() in targets else match[0], line
        )
    return line


def _role_text(match: re.Match[str]) -> str:
    """Return what a role displays: its label, else its target without its path."""
    text = match["text"]
    if (label := _ROLE_TARGET.sub("", text)) != text:
        return label
    if text.startswith("~"):
        return text[1:].rpartition(".")[2]
    return text.lstrip("!")
