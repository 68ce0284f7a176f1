"""Hits in the formats of other programs: spreadsheets, Markdown, editors, lists of paths.

Knows no collection and no terminal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.cli.output.render import cited_path
from ragkit.cli.output.terminal import to_printable
from ragkit.records.hits import Hit

if TYPE_CHECKING:
    from ragkit.records.hit_parts import Location

_CSV_COLUMNS = (
    "rank", "score", "citation", "path", "title", "heading", "page", "start_line", "end_line",
    "root", "text",
)  # fmt: skip
# What a spreadsheet would take for a formula: OWASP, "CSV Injection".
_FORMULA = re.compile(r"[=+\-@\t\r]")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>#|~!&]")
_LIST_ITEM = re.compile(r"([-+*]|\d{1,9}[.)])(?=\s|$)")


def format_csv(hits: Sequence[Hit]) -> str:
    """Return hits as CSV (RFC 4180) with a header.

    A text that a spreadsheet would run as a formula begins with an apostrophe: it may be anybody's.
    """
    import csv
    import io

    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(_CSV_COLUMNS)
    for hit in hits:
        values = {name: getattr(hit, name) for name in _CSV_COLUMNS}
        values["heading"] = " › ".join(hit.heading)
        writer.writerow([_csv_cell(values[name]) for name in _CSV_COLUMNS])
    return lines.getvalue().rstrip("\r\n")


def _csv_cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = to_printable(value, lines=True)
    return f"'{text}" if _FORMULA.match(text) else text


def format_markdown(hits: Sequence[Hit]) -> str:
    """Return hits as a numbered list in Markdown: citation, heading, score, the text as a quote.

    Everything that documents contain is escaped: it is text, not markup.
    """
    entries = []
    for hit in hits:
        citation = to_printable(hit.citation)
        ticks = "`" * (1 + max(map(len, re.findall("`+", citation)), default=0))
        padding = " " if len(ticks) > 1 else ""
        head = [f"{ticks}{padding}{citation}{padding}{ticks}"]
        if hit.heading:
            head.append(_escape_markdown(" › ".join(hit.heading)))
        if hit.score is not None:
            head.append(f"{hit.score:.2f}")
        indent = " " * (len(str(hit.rank)) + 2)
        quote = _escape_markdown(hit.text)
        entries.append(f"{hit.rank}. {' · '.join(head)}\n\n{indent}> {quote}")
    return "\n\n".join(entries)


def _escape_markdown(text: str) -> str:
    """A text on one line, without markup."""
    line = " ".join(to_printable(text, lines=True).split())
    escaped = _MARKDOWN.sub(r"\\\g<0>", line)
    if match := _LIST_ITEM.match(escaped):
        return f"{escaped[: match.end() - 1]}\\{escaped[match.end() - 1 :]}"
    return escaped


def format_paths(hits: Sequence[Hit], working_folder: str) -> str:
    """Return the documents of the hits, one path a line, best first, each once.

    A path below the working folder is relative to it; others are absolute. Without a root, as from
    a server, it is that of the citation.
    """
    places = (place for hit in hits for place in hit.locations)
    paths = dict.fromkeys(_open_path(place, working_folder) for place in places)
    return "\n".join(map(to_printable, paths))


def format_editor_lines(hits: Sequence[Hit], columns: Sequence[int], working_folder: str) -> str:
    """Return a line for each hit as `rg --vimgrep` prints it: path:line:column:text.

    `columns` are the bytes from the line's start to that of the hit, from 1. A document without
    lines has line 1, and its locator before the text.
    """
    lines = []
    for hit, column in zip(hits, columns, strict=True):
        text = " ".join(to_printable(hit.text, lines=True).split())
        if hit.start_line is None and hit.locator is not None:
            text = f"({to_printable(hit.locator)}) {text}"
        path = to_printable(_open_path(hit, working_folder))
        lines.append(f"{path}:{hit.start_line or 1}:{column}:{text}")
    return "\n".join(lines)


def _open_path(hit: Hit | Location, working_folder: str) -> str:
    if not hit.root:
        return cited_path(hit)
    path = os.path.join(hit.root, hit.path)  # noqa: PTH118 (as text)
    below = f"{working_folder.rstrip(os.sep)}{os.sep}"
    return path.removeprefix(below)
