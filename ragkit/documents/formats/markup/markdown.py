"""Markdown → Document: headings, fences, tables, the title; the text stays the file's own.

One pass over the lines, following CommonMark where a heading or a fence begins or ends, and GitHub
for tables. Knows no inline markup beyond what it strips from headings, and renders nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.front_matter import front_matter
from ragkit.records.documents import Document, Heading, Table

_LONGEST_HEADING = 1000  # characters; a longer line is text, whatever it starts with

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})(.*)", re.DOTALL)
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_RULE = re.compile(r" {0,3}(?:[-*_][ \t]*){3,}")
# Quotes, tables, HTML, list items and indented code: dashes below them underline no heading.
_CONTAINER = re.compile(r" {4}|\t| {0,3}(?:[>|<]|[-+*][ \t]|\d{1,9}[.)][ \t])")
_RAW_HTML = {"<!--": "-->", "<pre": "</pre>", "<script": "</script>", "<style": "</style>"}
_DELIMITERS = re.compile(  # the row below a table's header
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
_ATTRIBUTES = re.compile(r"[ \t]\{[#.:][^{}]*\}$")


def read_markdown(data: bytes, name: str) -> Document:
    """A Markdown file with its headings, fences and title. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    start, metadata = front_matter(text)
    scan = _Scan(text)
    scan.run(start)
    return Document(
        text,
        "text/markdown",
        title=metadata.pop("title", None) or main_heading(text, scan.headings, start),
        headings=tuple(scan.headings),
        fences=tuple(scan.fences),
        tables=tuple(scan.tables),
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        metadata=metadata,
        warnings=warnings,
    )


def main_heading(text: str, headings: list[Heading], start: int = 0) -> str | None:
    """The heading that is the title: the first of level 1, if it stands alone or opens the file."""
    top = [heading for heading in headings if heading.level == 1]
    if top and (len(top) == 1 or not text[start : top[0].start].strip()):
        return top[0].text
    return None


@dataclass(slots=True)
class _Scan:
    """A pass over the lines of `text`, and what it has found so far."""

    text: str
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    above: tuple[int, int] = (0, 0)  # the line before
    in_table: bool = False  # the last of `tables` is still open
    fence: tuple[int, str] | None = None  # the open one: its start and its marker
    raw_until: str = ""  # what closes the open block of raw HTML
    paragraph: int | None = None  # where the open paragraph starts
    contained: bool = False  # in a list, quote, table or HTML block, until a blank line

    def run(self, at: int) -> None:
        """Scan from offset `at` to the end; a fence left open ends there."""
        while at < len(self.text):
            end = self.text.find("\n", at)
            end = end if end >= 0 else len(self.text)
            if not self._row(at, end):
                self._line(at, end)
            self.above = (at, end)
            at = end + 1
        if self.fence is not None:
            self.fences.append((self.fence[0], len(self.text.rstrip("\n"))))

    def _row(self, at: int, end: int) -> bool:
        """Whether the line belongs to a table whose header and delimiters are above it."""
        line = self.text[at:end]
        if self.fence is not None or self.raw_until or "|" not in line:
            self.in_table = False
            return False
        if self.in_table:
            last = self.tables[-1]
            self.tables[-1] = Table(last.start, end, last.header_end)
            return True
        start, stop = self.above
        header = "|" in self.text[start:stop] and stop == at - 1
        if header and _DELIMITERS.fullmatch(line):
            self.in_table = True
            self.tables.append(Table(start, end, min(end + 1, len(self.text))))
            self.paragraph, self.contained = None, True
            return True
        return False

    def _line(self, at: int, end: int) -> None:
        line = self.text[at:end]
        opening = _FENCE.match(line)
        if self.fence is not None:
            start, marker = self.fence
            if opening and opening[1].startswith(marker) and not opening[2].strip():
                self.fences.append((start, end))
                self.fence = None
        elif self.raw_until:
            self.raw_until = "" if self.raw_until in line.lower() else self.raw_until
        elif opening and not (opening[1][0] == "`" and "`" in opening[2]):
            self.fence = (at, opening[1])
            self.paragraph = None
        elif not line.strip() or len(line) > _LONGEST_HEADING:
            self.paragraph, self.contained = None, False
        elif (level := _atx_level(line)) > 0:
            self._heading(at, end, level, _atx_words(line, level))
        elif self.paragraph is not None and (underline := _UNDERLINE.fullmatch(line)):
            words = " ".join(self.text[self.paragraph : at].split())
            self._heading(self.paragraph, end, 1 if underline[1][0] == "=" else 2, words)
        else:
            self._text(at, line)

    def _heading(self, start: int, end: int, level: int, words: str) -> None:
        self.paragraph = None
        words = plain(words)
        if words:
            self.headings.append(Heading(start, end, level, words))

    def _text(self, at: int, line: str) -> None:
        """A line that is neither heading nor fence: it may open a paragraph or a container."""
        opened = line.lstrip().lower()
        for tag, close in _RAW_HTML.items():
            if opened.startswith(tag) and close not in opened:
                self.raw_until = close
        if _RULE.fullmatch(line):
            self.paragraph, self.contained = None, False
        elif _CONTAINER.match(line):
            if self.paragraph is None or line[0] not in " \t":  # else it continues the paragraph
                self.paragraph, self.contained = None, True
        elif self.paragraph is None and not self.contained:
            self.paragraph = at


def plain(words: str) -> str:
    """A heading's words without code ticks, emphasis, links and tags."""

    def kept(match: re.Match[str]) -> str:
        return next(
            (part for part in match.group("code", "escaped", "label", "address") if part), ""
        )

    words = _ATTRIBUTES.sub("", words[:_LONGEST_HEADING])
    # Twice: the label of a link may hold code or emphasis.
    return " ".join(unescape(_INLINE.sub(kept, _INLINE.sub(kept, words))).split())


def _atx_level(line: str) -> int:
    """The level of a `# heading`; 0 for any other line."""
    stripped = line.lstrip(" ")
    rest = stripped.lstrip("#")
    level = len(stripped) - len(rest)
    indented = len(line) - len(stripped) > 3
    return level if level <= 6 and not indented and (not rest or rest[0] in " \t") else 0


def _atx_words(line: str, level: int) -> str:
    words = line.strip()[level:].strip()
    bare = words.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else words
