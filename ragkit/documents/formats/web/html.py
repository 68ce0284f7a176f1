"""HTML → Document: the readable text of a page, without navigation, page headers and footers.

One iterative walk over the tree, because hostile pages nest 100,000 deep. A blank line separates
paragraphs, list items keep their marker, a table row is a line, `<pre>` keeps its white space.
Does not know where a page comes from, and fetches nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ragkit.documents.decoding import decode
from ragkit.documents.formats.web import html_tags
from ragkit.documents.formats.web.html_lists import HtmlList, open_list
from ragkit.documents.formats.web.html_tables import HtmlTable
from ragkit.documents.formats.web.mathml import linear_mathml, without_prefix
from ragkit.documents.formats.web.shadow_roots import expand_shadow_roots
from ragkit.documents.layout.blocks import Block, BlockLayout
from ragkit.documents.layout.cleaning import image_description, page_title
from ragkit.documents.layout.scripts import (
    LOWERED,
    LOWERED_END,
    RAISED,
    RAISED_END,
    superscript,
    write_scripts,
)
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_PERMALINKS = frozenset("¶#§🔗")  # texts of links from a heading to itself
_MAX_BOLD_HEADING_CHARS = 200  # a longer bold line is no heading
_MAX_LIST_INDENT = 8  # levels of lists that are indented
_SCRIPT_MARKS = {"sup": (RAISED, RAISED_END), "sub": (LOWERED, LOWERED_END)}
_LINE_BREAK = "\x1e"  # stands for `<br>` until white space is collapsed
_INVISIBLE = dict.fromkeys((0xAD, 0x200B, 0xFEFF))  # soft hyphen, zero-width space and mark
_CHARSET = re.compile(rb"""(?:charset|encoding)\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})""", re.I)

_MAX_METADATA_CHARS = 1000  # of one value
_META_KEYS = ("name", "property", "http-equiv")  # attributes that name what a `<meta>` is about
# Metadata key → names of `<meta>` elements. The first of them that has a value is used.
_META_NAMES = {
    "description": ("description", "og:description", "dc.description", "twitter:description"),
    "author": ("author", "article:author", "dc.creator", "citation_author"),
    "language": ("content-language", "dc.language", "og:locale"),
    "canonical": ("og:url",),
    "keywords": ("keywords",),
    "created": ("article:published_time", "date", "dc.date", "citation_publication_date"),
    "modified": ("article:modified_time", "last-modified"),
}


_HIDDEN = re.compile(r"<[^<>]{0,500}\s(?:hidden|epub:switch)[\s=>/]|<epub:switch", re.I)
_ABSOLUTE = re.compile(r"position\s{0,9}:\s{0,9}absolute", re.I)
# Inline elements that change nothing outside of headings, books and laid-out pages.
_WITHOUT_EFFECT = html_tags.INLINE - html_tags.BOLD - html_tags.SCRIPTS
_HEADINGS = "h1, h2, h3, h4, h5, h6"


def read_html(data: bytes, name: str) -> Document:
    """Read a web page: its text with headings, fences, tables, title and metadata.

    Never raises for bad markup. A page that nests too deep is read without its structure.
    """
    return read_page(data, in_book=False)


def read_page(data: bytes, *, in_book: bool) -> Document:
    """Read a web page, or a page of a book, like `read_html`.

    `in_book`: elements with the attribute `hidden` are left out; on web pages scripts show them.
    """
    from selectolax.lexbor import LexborHTMLParser

    declared = _CHARSET.search(data[:2048])
    markup, encoding, warnings, encoding_by = decode(
        data, declared.group(1).decode("ascii", "replace") if declared else None
    )
    if html_tags.is_too_deep(markup):
        return Document(
            html_tags.remove_tags(markup),
            "text/html",
            encoding=encoding,
            encoding_by=encoding_by,
            warnings=(*warnings, "nested too deep: read without its structure"),
        )
    lowered = markup.lower()
    page = without_prefix(markup)
    if "shadowrootmode" in lowered:
        page = expand_shadow_roots(page)
    tree = LexborHTMLParser(page)
    walker = _TreeWalker(
        drops_hidden=in_book and _HIDDEN.search(markup) is not None,
        has_placed_words="absolute" in lowered and _ABSOLUTE.search(markup) is not None,
    )
    walker.walk(tree.body)
    walker.keep_main_content()
    walker.layout.promote_bold_lines()
    body = walker.layout.document("text/html")
    first = next((heading.text for heading in body.headings if heading.level == 1), None)
    title, metadata = _read_head(tree)
    return replace(
        body,
        title=page_title(title, first),
        encoding=encoding,
        encoding_by=encoding_by,
        metadata=metadata,
        warnings=warnings,
    )


def _read_head(tree: LexborHTMLParser) -> tuple[str | None, dict[str, str]]:
    """Return the page's `<title>` and its metadata; keys without a value are left out."""
    title = None
    meta: dict[str, str] = {}
    metadata: dict[str, str] = {}
    if tree.root is not None:
        attributes = tree.root.attributes
        metadata["language"] = attributes.get("lang") or attributes.get("xml:lang") or ""
    for node in tree.head.iter() if tree.head is not None else ():
        tag = node.tag
        if tag == "title" and title is None:
            title = node.text()
        elif tag == "meta":
            attributes = node.attributes
            name = next(filter(None, map(attributes.get, _META_KEYS)), "")
            meta.setdefault((name or "").lower(), attributes.get("content") or "")
        elif tag == "link":
            attributes = node.attributes
            if "canonical" in (attributes.get("rel") or "").lower().split():
                metadata.setdefault("canonical", attributes.get("href") or "")
    for key, names in _META_NAMES.items():
        values = filter(None, (metadata.get(key), *map(meta.get, names)))
        metadata[key] = next((value for value in map(_metadata_value, values) if value), "")
    return title, {key: value for key, value in metadata.items() if value}


def _metadata_value(value: str) -> str:
    return " ".join(value.split())[:_MAX_METADATA_CHARS]


def _is_permalink(link: LexborNode) -> bool:
    """Whether a link in a heading consists of a sign that links to the heading itself."""
    child = link.first_child
    if child is None or child.next is not None or child.tag != "-text":
        return False
    return (child.text_content or "").strip() in _PERMALINKS


def _is_note_number(node: LexborNode) -> bool:
    """Whether a raised text is a link to a note, in it or around it."""
    parent = node.parent
    return node.css_first("a[href^='#']") is not None or (parent is not None and parent.tag == "a")


def _is_hidden(node: LexborNode, tag: str) -> bool:
    """Whether a book hides an element: by its attribute, or as the alternative of another one."""
    if tag == "epub:default":  # of a switch between a formula and text
        parent = node.parent
        return parent is not None and parent.css_first("math") is not None
    attributes = node.attributes
    return "hidden" in attributes and attributes["hidden"] != "until-found"


def _collapse_whitespace(text: str) -> str:
    return " ".join((text if text.isascii() else text.translate(_INVISIBLE)).split())


@dataclass(slots=True)
class _TreeWalker:
    """Walks the tree of a page and writes its text as blocks to `layout`."""

    drops_hidden: bool = False  # leave out elements with the attribute `hidden`
    has_placed_words: bool = False  # elements may be positioned one by one, as in laid-out books
    layout: BlockLayout = field(default_factory=BlockLayout)
    pieces: list[str] = field(default_factory=list)  # inline text of the open block
    lists: list[HtmlList] = field(default_factory=list)  # open lists
    tables: list[HtmlTable] = field(default_factory=list)  # open tables
    scripts: list[tuple[int, bool]] = field(default_factory=list)  # open sup and sub elements:
    # number of pieces before it, and whether it links to a note
    sections: list[tuple[str, int]] = field(default_factory=list)  # open: tag, first block
    closed_sections: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    marker: str = ""  # of the list item whose first block is still to come
    tight: bool = False  # the next block follows without a blank line
    heading_level: int = 0  # of the open heading; 0 outside of headings
    pre_depth: int = 0  # open <pre> elements
    bold_depth: int = 0  # open <b> and <strong> elements
    has_plain_text: bool = False  # the open block has text that is not bold

    def walk(self, body: LexborNode | None) -> None:
        """Walk the tree below `body`, with a stack of its own: Python's is too small."""
        node = body
        ancestors: list[tuple[LexborNode, str]] = []
        has_usual_inline = not (self.drops_hidden or self.has_placed_words)
        while node is not None:
            tag = node.tag or ""
            child = None
            if tag == "-text":
                self._add_text(node.text_content or "")
            elif tag in _WITHOUT_EFFECT and has_usual_inline and not self.heading_level:
                child = node.first_child
                if child is not None:
                    ancestors.append((node, tag))
            elif tag == "math":
                self._add_text(linear_mathml(node))
            elif tag == "img":
                self._add_description(node)
            elif (kept_tag := self._kept_tag(node, tag)) is not None:
                self._enter(node, kept_tag)
                child = node.first_child
                if child is not None:
                    ancestors.append((node, kept_tag))
                else:
                    self._leave(kept_tag)
            following = child or (node.next if ancestors else None)
            while following is None and ancestors:
                parent, tag = ancestors.pop()
                if tag not in _WITHOUT_EFFECT:
                    self._leave(tag)
                following = parent.next if ancestors else None
            node = following
        self._flush()

    def keep_main_content(self) -> None:
        """Drop the blocks around the page's only <main> or <article>, if it has most of the text.

        Headings of level 1 before it are kept.
        """
        blocks = self.layout.blocks
        for tag in ("main", "article"):
            spans = self.closed_sections.get(tag, [])
            if len(spans) != 1:
                continue
            start, end = spans[0]
            sizes = [len(block.text) for block in blocks]
            if 2 * sum(sizes[start:end]) > sum(sizes):
                titles = [block for block in blocks[:start] if block.level == 1]
                self.layout.blocks = [*titles, *blocks[start:end]]
            return

    def _add_text(self, text: str) -> None:
        self.pieces.append(text)
        if not (self.has_plain_text or self.bold_depth or text.isspace()):
            self.has_plain_text = text != ""

    def _add_description(self, image: LexborNode) -> None:
        """Add the alternative text of an image, unless it only names an icon or a file."""
        if text := image_description(image.attributes.get("alt")):
            self._add_text(f" [{text}] ")

    def _kept_tag(self, node: LexborNode, tag: str) -> str | None:
        """Return the tag of an element that is kept, else None.

        An element with the role "main" counts as <main>.
        """
        if tag in html_tags.DROPPED or tag.startswith(("-", "!")):
            # The title of a section that can be folded is a button.
            is_title = tag == "button" and (self.heading_level or node.css_first(_HEADINGS))
            return tag if is_title else None
        if self.drops_hidden and _is_hidden(node, tag):
            return None
        if tag in html_tags.MAY_BE_BOILERPLATE:
            attributes = node.attributes
            role = attributes.get("role")
            classes = (attributes.get("class") or "").split()
            if role in html_tags.BOILERPLATE_ROLES or html_tags.BOILERPLATE_CLASSES.intersection(
                classes
            ):
                return None
            return "main" if role == "main" else tag
        if tag in {"header", "footer"} and not self.sections:  # the site's, unless it has a title
            return tag if tag == "header" and node.css_first("h1") is not None else None
        return None if tag == "a" and self.heading_level and _is_permalink(node) else tag

    def _enter(self, node: LexborNode, tag: str) -> None:
        if self.pre_depth:
            self._enter_in_pre(tag)
        elif tag == "br":
            self.pieces.append(_LINE_BREAK)
        elif tag in html_tags.BOLD:
            self.bold_depth += 1
        elif tag in html_tags.SCRIPTS:
            self.scripts.append((len(self.pieces), tag == "sup" and _is_note_number(node)))
        elif tag in html_tags.BLOCKS:
            self._flush()
            if tag not in html_tags.PLAIN_BLOCKS:
                self._enter_block(node, tag)
        elif self.has_placed_words and _ABSOLUTE.search(node.attributes.get("style") or ""):
            self.pieces.append(" ")

    def _enter_block(self, node: LexborNode, tag: str) -> None:
        if tag in html_tags.LISTS:
            self.lists.append(open_list(node, tag))
        elif tag == "li":
            self._start_item(node)
        elif tag in {"dt", "dd"}:
            self.tight = tag == "dd"
        elif tag == "pre":
            self.pre_depth = 1
        elif tag in html_tags.HEADING_LEVELS:
            self.heading_level = html_tags.HEADING_LEVELS[tag]
        elif tag in html_tags.SECTIONS:
            self.sections.append((tag, len(self.layout.blocks)))
        else:
            self._enter_table(node, tag)

    def _enter_in_pre(self, tag: str) -> None:
        """Inside `<pre>` a block only starts a new line."""
        self.pre_depth += tag == "pre"
        is_mid_line = bool(self.pieces) and not self.pieces[-1].endswith(("\n", _LINE_BREAK))
        if tag == "br" or (tag in html_tags.BLOCKS and is_mid_line):
            self.pieces.append("\n")

    def _enter_table(self, node: LexborNode, tag: str) -> None:
        if tag == "table":
            self.tables.append(HtmlTable())
        elif not self.tables:
            return
        elif tag == "tr":
            self.layout.open_row()
            self.tables[-1].open_row()
        elif tag in {"td", "th"}:
            for _ in range(self.tables[-1].open_cell(node)):
                self.layout.open_cell()
            self.tables[-1].only_names &= tag == "th"
        elif tag in {"thead", "tbody", "tfoot"}:
            self.tables[-1].open_group(in_head=tag == "thead")

    def _leave(self, tag: str) -> None:
        if self.pre_depth > 1 or (self.pre_depth and tag != "pre"):
            self.pre_depth -= tag == "pre"
            if tag in html_tags.BLOCKS:
                self.pieces.append(_LINE_BREAK)
            return
        if tag in html_tags.BOLD:
            self.bold_depth -= 1
        elif tag in html_tags.SCRIPTS:
            self._close_script(tag)
        elif tag in html_tags.BLOCKS:
            self._flush()
            if tag not in html_tags.PLAIN_BLOCKS:
                self._leave_block(tag)

    def _leave_block(self, tag: str) -> None:
        if tag in html_tags.LISTS:
            self.lists.pop()
            self.tight = bool(self.lists)
        elif tag in {"li", "dd"}:
            self.marker = ""
            self.tight = bool(self.lists)
        elif tag == "pre":
            self.pre_depth = 0
        elif tag in html_tags.HEADING_LEVELS:
            self.heading_level = 0
        elif tag in html_tags.SECTIONS:
            section, start = self.sections.pop()
            if not self.layout.in_row:
                span = (start, len(self.layout.blocks))
                self.closed_sections.setdefault(section, []).append(span)
        elif tag == "table":
            self.tables.pop()
        elif tag == "tr" and self.tables:
            table = self.tables[-1]
            added = self.layout.close_row(
                first=table.is_first_row, header=table.in_head or table.only_names
            )
            table.is_first_row &= not added

    def _close_script(self, tag: str) -> None:
        """Write raised or lowered text so that it cannot be taken for part of the word before."""
        if not self.scripts:
            return
        first, is_note = self.scripts.pop()
        script = "".join(self.pieces[first:])
        if not script.strip() or _LINE_BREAK in script:
            return
        if is_note:
            before = "".join(self.pieces[max(0, first - 8) : first])
            self.pieces[first:] = [superscript(before, script, is_note=True)]
            return
        start, end = _SCRIPT_MARKS[tag]
        self.pieces[first:] = [f"{start}{script}{end}"]

    def _start_item(self, node: LexborNode) -> None:
        """Start a list item: its marker waits for its first block."""
        if not self.lists:
            return
        current = self.lists[-1]
        self.tight = not current.is_empty or len(self.lists) > 1
        indent = "  " * min(len(self.lists) - 1, _MAX_LIST_INDENT)
        self.marker = indent + current.next_marker(node)

    def _flush(self) -> None:
        """Write the open block, if it has any text, and start the next one."""
        if not self.pieces:
            return
        raw, is_bold = "".join(self.pieces), not self.has_plain_text
        self.pieces.clear()
        if self.scripts:
            self.scripts = [(0, is_note) for _, is_note in self.scripts]
        self.has_plain_text = False
        if raw.isspace() and not (self.pre_depth or self.heading_level):
            return
        raw = write_scripts(raw)
        if self.pre_depth:
            raw = raw.replace(f"{_LINE_BREAK}\n", "\n").replace(_LINE_BREAK, "\n")
            self.layout.add(raw.strip("\n").rstrip(), fence=True)
        elif self.heading_level:
            text = _collapse_whitespace(raw.replace(_LINE_BREAK, " ")).rstrip("¶ ")
            self.layout.add(text, level=self.heading_level)
        else:
            if _LINE_BREAK in raw:
                lines = filter(None, map(_collapse_whitespace, raw.split(_LINE_BREAK)))
                text = "\n".join(lines)
            else:
                text = _collapse_whitespace(raw)
            if not text:
                return
            is_bold = is_bold and len(text) <= _MAX_BOLD_HEADING_CHARS and "\n" not in text
            is_item = bool(self.marker)
            self.layout.append(
                Block(self.marker + text, tight=self.tight, item=is_item, bold=is_bold)
            )
        self.marker = ""
        self.tight = bool(self.lists)
