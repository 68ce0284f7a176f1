"""reStructuredText → Document: sections, literal blocks and tables; the text stays the file's own.

One pass over the lines, without docutils: sections are found by their underlines, literal blocks
by their indentation. Runs no directive and includes no file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.markdown import title_heading
from ragkit.documents.formats.markup.rst_inline import displayed_text
from ragkit.documents.formats.markup.rst_tables import TableLines, find_table, indentation
from ragkit.records.documents import Document, Heading, Table

_MAX_HEADING_CHARS = 1000  # inline markup in a longer title is not looked at
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_BLOCK_STARTS = "+=.>"  # first characters of tables and literal blocks
_LITERAL_DIRECTIVE = re.compile(
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
    """Read a reStructuredText file with its sections, literal blocks, tables and title.

    Never raises: the text of any file can be read.
    """
    text, encoding, warnings, encoding_by = decode(data)
    text = displayed_text(text)
    parser = _BlockParser(text)
    parser.parse()
    return Document(
        text,
        "text/x-rst",
        title=title_heading(_blank_preamble(text), parser.headings),
        headings=tuple(parser.headings),
        fences=tuple(parser.fences),
        tables=tuple(parser.tables),
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def _blank_preamble(text: str) -> str:
    """Return `text` with spaces for the comments and link targets before its first section."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith((".. ", " ", "\t")) and line != "..":
            break
        lines[number] = " " * len(line)
    return "\n".join(lines)


class _SectionTitle(NamedTuple):
    first: int  # number of its first line, from 0
    last: int
    text: str  # with its markup
    style: tuple[str, bool]  # the character of its underline, and whether it has an overline


@dataclass(slots=True)
class _BlockParser:
    """Finds the block structure of `text`, line by line."""

    text: str
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    styles: list[tuple[str, bool]] = field(default_factory=list)  # by level: the order of the file

    def parse(self) -> None:
        """Find tables, sections and literal blocks."""
        lines = self.text.split("\n")
        contents = [*map(str.strip, lines), ""]  # and an empty line at the end
        # The offset of each line, and of the end.
        lengths = accumulate(map(len, lines), initial=0)
        starts = [length + number for number, length in enumerate(lengths)]
        number = 0
        while number < len(lines):
            content = contents[number]
            if not content:
                number += 1
                continue
            may_be_block = content[0] in _BLOCK_STARTS or content.endswith("::")
            may_be_title = not (number and contents[number - 1]) and (
                content[0] in _PUNCTUATION or contents[number + 1][:1] in _PUNCTUATION
            )
            if may_be_block and (table := find_table(lines, number)) is not None:
                self._add_table(table, starts)
                number = table.last + 1
            elif may_be_title and (section := _section_title(lines, number)) is not None:
                self._add_heading(section, starts)
                number = section.last + 1
            elif may_be_block and (block := _literal_block(lines, contents, number)) is not None:
                first, last = block
                self.fences.append((starts[first], starts[last + 1] - 1))
                number = last + 1
            else:
                number += 1

    def _add_table(self, table: TableLines, starts: list[int]) -> None:
        """Add a table. A row of several lines becomes a fence, so that it is not cut."""
        end = starts[table.last + 1] - 1
        body = min(starts[table.body], end)
        self.tables.append(Table(starts[table.first], end, body))
        self.fences += [
            (starts[first], starts[last + 1] - 1) for first, last in table.rows if last > first
        ]

    def _add_heading(self, section: _SectionTitle, starts: list[int]) -> None:
        if section.style not in self.styles:
            self.styles.append(section.style)
        text = _strip_inline_markup(section.text)
        if text:
            start, end = starts[section.first], starts[section.last + 1] - 1
            level = self.styles.index(section.style) + 1
            self.headings.append(Heading(start, end, level, text))


def _section_title(lines: list[str], number: int) -> _SectionTitle | None:
    """Return the section title that starts at line `number`, below an empty one; None if none
    does."""
    line = lines[number].rstrip()
    following = [text.rstrip() for text in lines[number + 1 : number + 3]]
    if _is_adornment(line) and len(following) == 2 and following[1] == line:
        title = following[0].strip()
        return _SectionTitle(number, number + 2, title, (line[0], True)) if title else None
    if line[0].isspace() or not following or not _is_adornment(following[0]) or _is_adornment(line):
        return None
    underline = following[0]
    if len(underline) < min(4, len(line)) or line.startswith(".. "):
        return None
    return _SectionTitle(number, number + 1, line, (underline[0], False))


def _literal_block(lines: list[str], contents: list[str], number: int) -> tuple[int, int] | None:
    """Return the first and last line of the literal block that line `number` opens or announces.

    `contents`: the lines without white space around them."""
    stripped = contents[number]
    if stripped.startswith(">>> "):
        last = number
        while contents[last + 1]:
            last += 1
        return number, last
    is_directive = _LITERAL_DIRECTIVE.match(stripped) is not None
    if not is_directive and (not stripped.endswith("::") or stripped.startswith(".. ")):
        return None
    width = indentation(lines[number]) + 1
    last = number
    for following in range(number + 1, len(lines)):
        if contents[following]:
            if lines[following][:width].strip(" \t"):  # not indented further
                break
            last = following
    if last == number:
        return None
    if is_directive:
        return number, last
    first = next(inner for inner in range(number + 1, last + 1) if contents[inner])
    return first, last


def _is_adornment(line: str) -> bool:
    """Whether a line is an underline or overline: one punctuation character, repeated."""
    return len(line) >= 2 and line[0] in _PUNCTUATION and line == line[0] * len(line)


def _strip_inline_markup(title: str) -> str:
    """Return a section title without roles, emphasis, links and substitution marks."""

    def content_of(match: re.Match[str]) -> str:
        parts = match.group("label", "code", "escaped", "substitution")
        return next((part for part in parts if part), "")

    return " ".join(_INLINE.sub(content_of, title[:_MAX_HEADING_CHARS]).split())
