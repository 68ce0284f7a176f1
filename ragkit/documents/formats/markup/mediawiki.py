"""MediaWiki text → Document: headings, tables, links and notes as text.

Each line of the source gives one line of text, so that line numbers stay valid. Templates keep
their values; comments, categories and magic words are left out. Expands no template.
"""

from __future__ import annotations

import re
from html import unescape

from ragkit.documents.decoding import decode
from ragkit.documents.formats.markup.line_documents import make_document
from ragkit.documents.layout.lines import Lines
from ragkit.documents.layout.scripts import SCRIPT_MARKS, write_scripts
from ragkit.records.documents import Document

_MAX_LINE_CHARS = 20_000  # a longer line is not edited
_HEADING = re.compile(r"(={1,6})[ \t]{0,9}(\S.{0,1000}?)[ \t]{0,9}\1[ \t]{0,99}$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOTE = re.compile(r"[ ]?<ref(?:\s[^<>/]{0,200})?>([^<]{0,500})</ref>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:ref|references|nowiki|small|big|s|u|b|i|div|span|center|p|gallery|includeonly|noinclude"
    r"|onlyinclude|section|poem|blockquote|code|tt|kbd|var)(?:\s[^<>]{0,300})?/?>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)
_SCRIPT = re.compile(r"<(/?)(su[bp])>", re.IGNORECASE)
_LINK = re.compile(r"\[\[([^\[\]|]{1,500})(?:\|([^\[\]]{0,1000}))?\]\]")
_ADDRESS = re.compile(r"\[((?:https?:)?//[^\s\[\]]{1,1000})(?:[ \t]{1,9}([^\[\]]{1,500}))?\]")
_CATEGORY = re.compile(r"(?:Category|Kategorie|Catégorie|Categoría|Категория):", re.IGNORECASE)
_FILE = re.compile(r"(?:File|Image|Datei|Bild|Fichier|Archivo|Файл):", re.IGNORECASE)
_SETTING = re.compile(
    r"thumb|thumbnail|frame|frameless|left|right|center|none|upright.{0,20}|x?\d{1,5}(?:x\d{1,5})?px"
    r"|(?:alt|link|class)=.{0,300}",
    re.IGNORECASE,
)
_MAGIC = re.compile(r"__[A-Z]{3,20}__")
_LINE_BREAK = re.compile("[\r\n\xa0]")  # `&#10;` is no new line
_QUOTES = re.compile(r"'{2,5}")
_ATTRIBUTES = re.compile(
    r"[ \t]{0,9}(?:[\w-]{1,40}[ \t]{0,9}=[ \t]{0,9}"
    r"(?:\"[^\"|]{0,300}\"|[\w#%.-]{1,99}(?![\w#%.-]))[ \t;]{0,9}){1,20}\|(?!\|)"
)
_CODE = r"(pre|syntaxhighlight|source)"
_FENCE = re.compile(rf"<{_CODE}(?:\s[^<>]{{0,300}})?>", re.IGNORECASE)
_CODE_TAG = re.compile(rf"</?{_CODE}(?:\s[^<>]{{0,300}})?>", re.IGNORECASE)
_LIST = re.compile(r"[*#:;]{1,20}(?=[^*#:;])")
_TABLE_MARKS = ("{|", "|-", "|}")
_MAX_NESTED_LINKS = 3  # links in the caption of a picture


def read_mediawiki(data: bytes, name: str) -> Document:
    """Read the wikitext of a page. Never raises: the text of any file can be read."""
    decoded = decode(data)
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), decoded.text)
    lines = _parse_lines(text)
    return make_document(lines, "text/x-wiki", decoded)


def _parse_lines(text: str) -> Lines:
    lines = Lines()
    fence = ""  # the name of the open code element
    open_tables = 0
    for line in text.split("\n"):
        stripped = line.strip()
        opening = None if fence else _FENCE.match(stripped)
        if fence or opening is not None:
            fence = opening[1].lower() if opening is not None else fence
            closes = f"</{fence}>" in stripped.lower()
            _add_code(lines, line, is_first=opening is not None, closes=closes)
            fence = "" if closes else fence
        elif len(line) > _MAX_LINE_CHARS:
            lines.add(line)
        elif (heading := _HEADING.match(line)) is not None:
            title = _plain(heading[2])
            lines.add_heading(title, len(heading[1]), title)
        else:
            open_tables += stripped.startswith("{|")
            lines.add(_table_line(stripped) if open_tables else _plain(line))
            open_tables -= bool(open_tables) and stripped.startswith("|}")
    return lines


def _add_code(lines: Lines, line: str, *, is_first: bool, closes: bool) -> None:
    shown = _CODE_TAG.sub("", line) if is_first or closes else line
    if is_first:
        lines.add(shown) if closes else lines.open_fence(shown)
    elif closes:
        lines.close_fence(shown)
    else:
        lines.add(shown)


def _table_line(line: str) -> str:
    """Return a line of a table: its cells, separated by bars; "" for its settings."""
    if line.startswith(_TABLE_MARKS):
        return ""
    if line.startswith("|+"):
        return _plain(_without_attributes(line[2:]))
    if not line.startswith(("|", "!")):
        return _plain(line)
    separator = "!!" if line.startswith("!") and "!!" in line else "||"
    cells = (_plain(_without_attributes(cell)).strip() for cell in line[1:].split(separator))
    return " | ".join(cells)


def _without_attributes(cell: str) -> str:
    match = _ATTRIBUTES.match(cell)
    return cell if match is None else cell[match.end() :]


def _plain(line: str) -> str:
    """Return a line without markup."""
    line = _NOTE.sub(r" [\1]", line)
    if "<" in line:
        line = _SCRIPT.sub(_script_mark, _TAG.sub("", _BREAK.sub(" ", line)))
        line = write_scripts(line)
    for _ in range(_MAX_NESTED_LINKS):
        if "[[" not in line:
            break
        line = _LINK.sub(_link_text, line)
    line = _ADDRESS.sub(lambda match: match[2] or match[1], line)
    line = _MAGIC.sub("", _QUOTES.sub("", line))
    if "{{" in line or "}}" in line:
        line = line.replace("{{", "").replace("}}", "").replace("|", " | ")
    if (item := _LIST.match(line)) is not None:
        mark = "- " if item[0][-1] in "*#" else ""
        line = "  " * (len(item[0]) - 1) + mark + line[item.end() :].strip()
    elif line.startswith("|"):  # a value of a template
        line = line[1:].strip()
    return _LINE_BREAK.sub(" ", unescape(line)).rstrip()


def _script_mark(match: re.Match[str]) -> str:
    start, end = SCRIPT_MARKS["superscript" if match[2].lower() == "sup" else "subscript"]
    return end if match[1] else start


def _link_text(match: re.Match[str]) -> str:
    """Return what a link shows: its label, else its target; of a picture its caption."""
    target, label = match[1].strip(), match[2]
    if _CATEGORY.match(target):
        return ""
    if not _FILE.match(target):
        return label.strip() if label and label.strip() else target.removeprefix(":")
    parts = (part.strip() for part in (label or "").split("|"))
    captions = [part for part in parts if part and _SETTING.fullmatch(part) is None]
    return f"[{captions[-1]}]" if captions else ""
