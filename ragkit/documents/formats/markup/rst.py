"""reStructuredText → Document: sections, literal blocks, tables, title; the text stays as it is.

One pass over the lines, no docutils: sections by their underlines, literal blocks by indentation.
Runs no directive and includes no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup import rst_tables
from ragkit.documents.formats.markup.markdown import main_heading
from ragkit.records.documents import Document, Heading, Table

_LONGEST_HEADING = 1000  # characters
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_LITERAL = re.compile(
    r"\.\. (?:code-block|code|sourcecode|parsed-literal|doctest|testcode|testoutput|math"
    r"|productionlist)::"
)
_INLINE = re.compile(
    r"""(?::[\w:+.-]{1,40}:)?`(?P<label>[^`<>]+)(?:<[^<>`]*>)?`_{0,2}  # roles and links
    | ``(?P<code>[^`]+)``
    | \\(?P<escaped>\S)
    | (?<![\w*])\*{1,2}(?=[^\s*]) | (?<=[^\s*])\*{1,2}(?![\w*])
    | \|(?P<substitution>[^|\s][^|]*)\|_{0,2}
    """,
    re.VERBOSE,
)


def read_rst(data: bytes, name: str) -> Document:
    """A reStructuredText file with its sections, literal blocks and title. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    scan = _Scan(text)
    scan.run()
    return Document(
        text,
        "text/x-rst",
        title=main_heading(_without_preamble(text), scan.headings),
        headings=tuple(scan.headings),
        fences=tuple(scan.fences),
        tables=tuple(scan.tables),
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        warnings=warnings,
    )


def _without_preamble(text: str) -> str:
    """`text` with the comments and targets before its first section blanked out."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith((".. ", " ", "\t")) and line != "..":
            break
        lines[number] = " " * len(line)
    return "\n".join(lines)


@dataclass(slots=True)
class _Scan:
    """A pass over the lines of `text`, and what it has found so far."""

    text: str
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    styles: list[tuple[str, bool]] = field(default_factory=list)  # (sign, overlined), by level

    def run(self) -> None:
        """Find sections and literal blocks, line by line."""
        lines = self.text.split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        number = 0
        while number < len(lines):
            line = lines[number]
            if not line or line.isspace():
                number += 1
                continue
            table = rst_tables.table_at(lines, number)
            section = self._section(lines, number) if table is None else None
            if table is not None:
                self._table(table, starts)
                number = table.last + 1
            elif section is not None:
                first, last, words, style = section
                self._heading(starts[first], starts[last] + len(lines[last]), words, style)
                number = last + 1
            elif (literal := _literal(lines, number)) is not None:
                first, last = literal
                self.fences.append((starts[first], starts[last] + len(lines[last])))
                number = last + 1
            else:
                number += 1

    def _table(self, table: rst_tables.Found, starts: list[int]) -> None:
        """A table; a row of several lines is kept whole as a fence is."""
        end = starts[table.last + 1] - 1
        body = min(starts[table.body], end)
        self.tables.append(Table(starts[table.first], end, body))
        self.fences += [
            (starts[first], starts[last + 1] - 1) for first, last in table.rows if last > first
        ]

    def _section(
        self, lines: list[str], number: int
    ) -> tuple[int, int, str, tuple[str, bool]] | None:
        """First and last line, words and style of the section title that starts at `number`."""
        line = lines[number].rstrip()
        following = [text.rstrip() for text in lines[number + 1 : number + 3]]
        if not line or (number and lines[number - 1].strip()):
            return None
        if _is_ruler(line) and len(following) == 2 and following[1] == line:
            words = following[0].strip()
            return (number, number + 2, words, (line[0], True)) if words else None
        if line[0].isspace() or not following or not _is_ruler(following[0]) or _is_ruler(line):
            return None
        ruler = following[0]
        if len(ruler) < min(4, len(line)) or line.startswith(".. "):
            return None
        return number, number + 1, line, (ruler[0], False)

    def _heading(self, start: int, end: int, words: str, style: tuple[str, bool]) -> None:
        if style not in self.styles:
            self.styles.append(style)
        words = _plain(words)
        if words:
            self.headings.append(Heading(start, end, self.styles.index(style) + 1, words))


def _literal(lines: list[str], number: int) -> tuple[int, int] | None:
    """First and last line of the literal block that `number` opens or announces."""
    line = lines[number]
    stripped = line.strip()
    if stripped.startswith(">>> "):
        last = number
        while last + 1 < len(lines) and lines[last + 1].strip():
            last += 1
        return number, last
    directive = _LITERAL.match(stripped) is not None
    if not directive and (not stripped.endswith("::") or stripped.startswith(".. ")):
        return None
    indent = _indent(line)
    last = number
    for at in range(number + 1, len(lines)):
        if lines[at].strip():
            if _indent(lines[at]) <= indent:
                break
            last = at
    if last == number:
        return None
    if directive:
        return number, last
    first = next(at for at in range(number + 1, last + 1) if lines[at].strip())
    return first, last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _is_ruler(line: str) -> bool:
    return len(line) >= 2 and line[0] in _PUNCTUATION and line == line[0] * len(line)


def _plain(words: str) -> str:
    """A title's words without roles, emphasis and links."""

    def kept(match: re.Match[str]) -> str:
        named = match.group("label", "code", "escaped", "substitution")
        return next((part for part in named if part), "")

    return " ".join(_INLINE.sub(kept, words[:_LONGEST_HEADING]).split())
