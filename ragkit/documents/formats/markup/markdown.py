"""Markdown → Document: headings, fences, tables and front matter; the text stays the file's own.

One pass over the lines. Headings and fences begin and end as in CommonMark, tables as in GitHub
Flavored Markdown; in block quotes they are not looked for. Parses no inline markup beyond what it
strips from headings, and renders nothing. bench/RESULTS.md compares it with markdown-it-py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.front_matter import parse_front_matter
from ragkit.documents.formats.markup.markdown_comments import visible_text
from ragkit.documents.formats.markup.note_properties import note_properties
from ragkit.records.documents import Document, Heading, Table

_MAX_HEADING_CHARS = 1000  # a longer line is text, whatever it starts with

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)", re.DOTALL)
_SETEXT_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_THEMATIC_BREAK = re.compile(r" {0,3}(?:[-*_][ \t]*){3,}")
# Quotes, tables, HTML, list items and indented code: dashes below them underline no heading.
_CONTAINER = re.compile(r" {4}|\t| {0,3}(?:[>|<]|[-+*][ \t]|\d{1,9}[.)][ \t])")
# HTML blocks that may contain blank lines: start → end.
_RAW_HTML = {"<!--": "-->", "<pre": "</pre>", "<script": "</script>", "<style": "</style>"}
_TABLE_DELIMITER_ROW = re.compile(
    r"[ \t]*+\|?+[ \t]*+:?+-++:?+[ \t]*+(?:\|[ \t]*+:?+-++:?+[ \t]*+)*+\|?+[ \t]*+"
)
_INLINE = re.compile(
    r"""(?<!`)(?P<ticks>`++)(?P<code>[^`]+)(?P=ticks)
    | \\(?P<escaped>[!-/:-@\[-`{-~])
    | !?\[(?P<label>[^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])
    | <(?P<address>[a-z]{2,9}:[^<>\s]*|[^<>\s@]{1,64}@[^<>\s]{1,99})>
    | </?[a-zA-Z][^<>]*>
    | (?<![\w*])\*{1,3}(?=[^\s*]) | (?<=[^\s*])\*{1,3}(?![\w*])
    | (?<![\w_])_{1,3}(?=[^\s_]) | (?<=[^\s_])_{1,3}(?![\w_])
    | ~~
    """,
    re.VERBOSE,
)
_HEADING_ATTRIBUTES = re.compile(r"[ \t]\{[ \t]*[#.:][^{}]*\}$")


def read_markdown(data: bytes, name: str) -> Document:
    """Read a Markdown file with its headings, fences, tables and front matter.

    Never raises: the text of any file can be read.
    """
    text, encoding, warnings, encoding_by = decode(data)
    body, metadata = parse_front_matter(text)
    if not body:
        text, metadata = note_properties(text, name)
    text = visible_text(text, body, is_mdx=name.lower().endswith(".mdx"))
    body = 0
    parser = _BlockParser(text)
    parser.parse(body)
    return Document(
        text,
        "text/markdown",
        title=metadata.pop("title", None) or title_heading(text, parser.headings, body),
        headings=tuple(parser.headings),
        fences=tuple(parser.fences),
        tables=tuple(parser.tables),
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        metadata=metadata,
        warnings=warnings,
    )


def title_heading(text: str, headings: Sequence[Heading], start: int = 0) -> str | None:
    """Return the text of the heading that is the document's title; None if there is none.

    That is the first heading of level 1, if it is the only one or has no text before it. `start`
    is the offset where the body begins (characters).
    """
    top = [heading for heading in headings if heading.level == 1]
    if top and (len(top) == 1 or not text[start : top[0].start].strip()):
        return top[0].text
    return None


@dataclass(slots=True)
class _BlockParser:
    """Finds the block structure of `text`, line by line. All positions are character offsets."""

    text: str
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    previous_line: tuple[int, int] = (0, 0)  # start and end
    in_table: bool = False  # the last of `tables` may still grow
    open_fence: tuple[int, str] | None = None  # its start and its marker
    raw_html_end: str = ""  # what ends the open block of raw HTML; "" if none is open
    paragraph_start: int | None = None
    in_container: bool = False  # a list, quote, table or HTML block, until a blank line

    def parse(self, start: int) -> None:
        """Parse from offset `start` to the end; a fence that is still open ends there."""
        while start < len(self.text):
            end = self.text.find("\n", start)
            end = end if end >= 0 else len(self.text)
            if not self._parse_table_line(start, end):
                self._parse_line(start, end)
            self.previous_line = (start, end)
            start = end + 1
        if self.open_fence is not None:
            self.fences.append((self.open_fence[0], len(self.text.rstrip("\n"))))

    def _parse_table_line(self, start: int, end: int) -> bool:
        """Add the line to a table, if it is a delimiter row or a row below one.

        Returns whether it was added. The header row is found when its delimiter row follows.
        """
        line = self.text[start:end]
        if self.open_fence is not None or self.raw_html_end or "|" not in line:
            self.in_table = False
            return False
        if self.in_table:
            table = self.tables[-1]
            self.tables[-1] = Table(table.start, end, table.header_end)
            return True
        header_start, header_end = self.previous_line
        has_header = "|" in self.text[header_start:header_end] and header_end == start - 1
        if has_header and _TABLE_DELIMITER_ROW.fullmatch(line):
            self.in_table = True
            self.tables.append(Table(header_start, end, min(end + 1, len(self.text))))
            self.paragraph_start, self.in_container = None, True
            return True
        return False

    def _parse_line(self, start: int, end: int) -> None:
        line = self.text[start:end]
        fence = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if self.open_fence is not None:
            fence_start, marker = self.open_fence
            if fence and fence[1].startswith(marker) and not fence[2].strip():
                self.fences.append((fence_start, end))
                self.open_fence = None
        elif self.raw_html_end:
            self.raw_html_end = "" if self.raw_html_end in line.lower() else self.raw_html_end
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            self.open_fence = (start, fence[1])
            self.paragraph_start = None
        elif not line.strip() or len(line) > _MAX_HEADING_CHARS:
            self.paragraph_start, self.in_container = None, False
        elif "#" in line[:4] and (level := _atx_level(line)) > 0:
            self._add_heading(start, end, level, _atx_content(line, level))
        elif self.paragraph_start is not None and (underline := _SETEXT_UNDERLINE.fullmatch(line)):
            content = " ".join(self.text[self.paragraph_start : start].split())
            level = 1 if underline[1][0] == "=" else 2
            self._add_heading(self.paragraph_start, end, level, content)
        else:
            self._parse_text_line(start, line)

    def _add_heading(self, start: int, end: int, level: int, content: str) -> None:
        self.paragraph_start = None
        text = strip_inline_markup(content)
        if text:
            self.headings.append(Heading(start, end, level, text))

    def _parse_text_line(self, start: int, line: str) -> None:
        """Handle a line that is neither heading nor fence: it may open a paragraph or container."""
        if "<" in line:
            stripped = line.lstrip().lower()
            for opening, end in _RAW_HTML.items():
                if stripped.startswith(opening) and end not in stripped:
                    self.raw_html_end = end
        if _THEMATIC_BREAK.fullmatch(line):
            self.paragraph_start, self.in_container = None, False
        elif _CONTAINER.match(line):
            # An indented line below a paragraph continues it.
            if self.paragraph_start is None or line[0] not in " \t":
                self.paragraph_start, self.in_container = None, True
        elif self.paragraph_start is None and not self.in_container:
            self.paragraph_start = start


def strip_inline_markup(content: str) -> str:
    """Return a heading's text without code ticks, emphasis, links, tags and attributes.

    White space is collapsed, character references are resolved.
    """

    def content_of(match: re.Match[str]) -> str:
        parts = match.group("code", "escaped", "label", "address")
        return next((part for part in parts if part), "")

    content = _HEADING_ATTRIBUTES.sub("", content[:_MAX_HEADING_CHARS])
    for _ in range(2):  # the label of a link may contain code or emphasis
        content = _INLINE.sub(content_of, content)
    return " ".join(unescape(content).split())


def _atx_level(line: str) -> int:
    """Return the level of a `# heading`, 1 to 6; 0 for any other line."""
    stripped = line.lstrip(" ")
    remainder = stripped.lstrip("#")
    level = len(stripped) - len(remainder)
    is_code = len(line) - len(stripped) > 3
    return level if level <= 6 and not is_code and (not remainder or remainder[0] in " \t") else 0


def _atx_content(line: str, level: int) -> str:
    """Return the content of a `# heading` without its opening and closing marks."""
    content = line.strip()[level:].strip()
    bare = content.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else content
