"""HTML → Document: the readable text of a page, without its furniture.

One iterative walk over the tree (pages nest 100,000 deep when they want to hurt). Paragraphs
are parted by blank lines, list items carry their mark, a table row is a line, `<pre>` stays as it
is. Knows nothing of where the page came from, and fetches nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ragkit.documents.decoding import decode
from ragkit.documents.formats.web import html_elements, html_metadata
from ragkit.documents.formats.web.html_nesting import too_deep, without_tags
from ragkit.documents.layout.blocks import Block, Flow
from ragkit.documents.layout.titles import page_title
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_ANCHORS = frozenset("¶#§🔗")  # links from a heading to itself
_LONGEST_HEADING = 200  # characters of a bold line that may be one
_BREAK = "\x1e"  # stands for a line's end until white space is folded
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0xFEFF))  # soft hyphen, zero-width space and mark
_CHARSET = re.compile(rb"""(?:charset|encoding)\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})""", re.I)


def read_html(data: bytes, name: str) -> Document:
    """The page's text with headings, fences, title and metadata. Never fails on bad markup."""
    from selectolax.lexbor import LexborHTMLParser

    declared = _CHARSET.search(data[:2048])
    markup, encoding, warnings, told_by = decode(
        data, declared.group(1).decode("ascii", "replace") if declared else None
    )
    if too_deep(markup):
        warnings = (*warnings, "nested too deep: read without its structure")
        made = Document(without_tags(markup), "text/html")
        return replace(made, encoding=encoding, encoding_by=told_by, warnings=warnings)
    tree = LexborHTMLParser(markup)
    walk = _Walk()
    walk.run(tree.body)
    walk.keep_main()
    walk.flow.promote_bold_lines()
    text, headings, fences = walk.flow.layout()
    first = next((heading.text for heading in headings if heading.level == 1), None)
    title, metadata = html_metadata.described(tree)
    return Document(
        text,
        "text/html",
        title=page_title(title, first),
        headings=headings,
        fences=fences,
        tables=walk.flow.tables,
        encoding=encoding,
        encoding_by=told_by,
        metadata=metadata,
        warnings=warnings,
    )


def _is_anchor(link: LexborNode) -> bool:
    """Whether a link in a heading only shows a sign to link there by."""
    child = link.first_child
    if child is None or child.next is not None or child.tag != "-text":
        return False
    return (child.text_content or "").strip() in _ANCHORS


def _fold(text: str) -> str:
    return " ".join(text.translate(_INVISIBLE).split())


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int  # of the item before


@dataclass(slots=True)
class _Table:
    first: bool = True  # no row has become a line yet
    head: bool = False  # in <thead>
    names: bool = True  # the open row has had <th> alone


@dataclass(slots=True)
class _Walk:
    """Where a walk is, and the text of the block that it collects."""

    flow: Flow = field(default_factory=Flow)
    pieces: list[str] = field(default_factory=list)  # inline text of the open block
    lists: list[_List] = field(default_factory=list)  # open lists
    tables: list[_Table] = field(default_factory=list)  # open tables
    sections: list[tuple[str, int]] = field(default_factory=list)  # open: tag, first block
    mains: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # tag: spans of blocks
    mark: str = ""  # of the list item that waits for its first block
    tight: bool = False  # whether the next block follows without a blank line
    heading: int = 0  # level of the open heading
    pre: int = 0  # open <pre> elements
    bold: int = 0  # open <b> and <strong> elements
    plain: bool = False  # whether the open block has text outside of them

    def run(self, body: LexborNode | None) -> None:
        """Walk the tree below `body`, keeping its own stack: pages can be deeper than Python's."""
        node = body
        above: list[tuple[LexborNode, str]] = []
        while node is not None:
            tag = node.tag or ""
            child = None
            if tag == "-text":
                self._text(node.text_content or "")
            elif (kept := self._kept(node, tag)) is not None:
                self._enter(node, kept)
                child = node.first_child
                if child is not None:
                    above.append((node, kept))
                else:
                    self._leave(kept)
            following = child or (node.next if above else None)
            while following is None and above:
                parent, tag = above.pop()
                self._leave(tag)
                following = parent.next if above else None
            node = following
        self._flush()

    def _text(self, text: str) -> None:
        self.pieces.append(text)
        self.plain = self.plain or (not self.bold and bool(text.strip()))

    def keep_main(self) -> None:
        """Drop what stands around the page's only main part, if that holds most of the text."""
        blocks = self.flow.blocks
        for tag in ("main", "article"):
            spans = self.mains.get(tag, [])
            if len(spans) != 1:
                continue
            start, end = spans[0]
            sizes = [len(block.text) for block in blocks]
            if 2 * sum(sizes[start:end]) > sum(sizes):
                titles = [block for block in blocks[:start] if block.level == 1]
                self.flow.blocks = [*titles, *blocks[start:end]]
            return

    def _kept(self, node: LexborNode, tag: str) -> str | None:
        """The element's tag, `main` for what plays that role, None for what is left out."""
        if tag in html_elements.DROPPED or tag.startswith(("-", "!")):
            return None
        if tag in html_elements.ASKED:
            attributes = node.attributes
            role = attributes.get("role")
            classes = (attributes.get("class") or "").split()
            if role in html_elements.FURNITURE_ROLES or html_elements.FURNITURE_CLASSES & set(
                classes
            ):
                return None
            return "main" if role == "main" else tag
        if tag in {"header", "footer"} and not self.sections:  # the site's, unless it has a title
            return tag if tag == "header" and node.css_first("h1") is not None else None
        return None if tag == "a" and self.heading and _is_anchor(node) else tag

    def _enter(self, node: LexborNode, tag: str) -> None:
        if self.pre:
            self._enter_in_pre(tag)
        elif tag == "br":
            self.pieces.append(_BREAK)
        elif tag in html_elements.BOLD:
            self.bold += 1
        elif tag in html_elements.BLOCKS:
            self._flush()
            if tag in html_elements.LISTS:
                start = (node.attributes.get("start") or "") if tag == "ol" else ""
                before = int(start) - 1 if start.isdecimal() and len(start) < 9 else 0
                self.lists.append(_List(tag == "ol", before))
            elif tag == "li":
                self._item()
            elif tag in {"dt", "dd"}:
                self.tight = tag == "dd"
            elif tag == "pre":
                self.pre = 1
            elif tag in html_elements.HEADINGS:
                self.heading = html_elements.HEADINGS[tag]
            elif tag in html_elements.SECTIONS:
                self.sections.append((tag, len(self.flow.blocks)))
            else:
                self._enter_table(tag)

    def _enter_in_pre(self, tag: str) -> None:
        """Inside `<pre>` a block only begins a new line."""
        self.pre += tag == "pre"
        begun = bool(self.pieces) and not self.pieces[-1].endswith(("\n", _BREAK))
        if tag == "br" or (tag in html_elements.BLOCKS and begun):
            self.pieces.append("\n")

    def _enter_table(self, tag: str) -> None:
        if tag == "table":
            self.tables.append(_Table())
        elif not self.tables:
            return
        elif tag == "tr":
            self.flow.open_row()
            self.tables[-1].names = True
        elif tag in {"td", "th"}:
            self.flow.cell()
            self.tables[-1].names &= tag == "th"
        elif tag in {"thead", "tbody"}:
            self.tables[-1].head = tag == "thead"

    def _leave(self, tag: str) -> None:
        if self.pre > 1 or (self.pre and tag != "pre"):
            self.pre -= tag == "pre"
            if tag in html_elements.BLOCKS:
                self.pieces.append(_BREAK)
            return
        if tag in html_elements.BOLD:
            self.bold -= 1
        if tag not in html_elements.BLOCKS:
            return
        self._flush()
        if tag in html_elements.LISTS:
            self.lists.pop()
            self.tight = bool(self.lists)
        elif tag in {"li", "dd"}:
            self.mark = ""
            self.tight = bool(self.lists)
        elif tag == "pre":
            self.pre = 0
        elif tag in html_elements.HEADINGS:
            self.heading = 0
        elif tag in html_elements.SECTIONS:
            opened, start = self.sections.pop()
            if not self.flow.in_row:
                self.mains.setdefault(opened, []).append((start, len(self.flow.blocks)))
        elif tag == "table":
            self.tables.pop()
        elif tag == "tr" and self.tables:
            table = self.tables[-1]
            header = table.head or table.names
            table.first &= not self.flow.close_row(first=table.first, header=header)

    def _item(self) -> None:
        """Begin a list item: it keeps its mark until its first block comes."""
        if not self.lists:
            return
        current = self.lists[-1]
        self.tight = current.number > 0 or len(self.lists) > 1
        current.number += 1
        mark = f"{current.number}. " if current.ordered else "- "
        self.mark = "  " * (min(len(self.lists), 9) - 1) + mark

    def _flush(self) -> None:
        """End the open block, if it holds any text."""
        if not self.pieces:
            return
        raw, bold = "".join(self.pieces), not self.plain
        self.pieces.clear()
        self.plain = False
        if self.pre:
            raw = raw.replace(f"{_BREAK}\n", "\n").replace(_BREAK, "\n")
            self.flow.add(raw.strip("\n").rstrip(), fence=True)
        elif self.heading:
            self.flow.add(_fold(raw.replace(_BREAK, " ")).rstrip("¶ "), level=self.heading)
        else:
            lines = filter(None, map(_fold, raw.split(_BREAK)))
            text = "\n".join(lines)
            if not text:
                return
            bold = bold and len(text) <= _LONGEST_HEADING and "\n" not in text
            item = bool(self.mark)
            self.flow.append(Block(self.mark + text, tight=self.tight, item=item, bold=bold))
        self.mark = ""
        self.tight = bool(self.lists)
