"""Records as text and as JSON. Knows no collection."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.cli.output import coverage
from ragkit.cli.output.terminal import CONTROL_PICTURES, format_count, terminal_width
from ragkit.records.hits import Hit

if TYPE_CHECKING:
    from ragkit.records.hit_parts import Location
    from ragkit.records.reports import CollectionStatus, Excerpt, IndexReport

_MAX_PLACES = 3  # other places of a hit's text that are shown
_MAX_LINES = 3  # lines of a passage that are shown
# json.dumps leaves these characters as they are; their escapes mean the same to every parser.
_ESCAPES = {code: f"\\u{code:04x}" for code in CONTROL_PICTURES if code >= 0x20}
_NUMBERED = frozenset(
    {"page", "slide", "cell", "chapter", "row", "line"}
)  # kinds of locators with a number
_BOLD, _MATCH, _OFF = "\x1b[1m", "\x1b[1;33m", "\x1b[0m"
# Around highlighted words while a text is wrapped: printable text has no control characters.
_BEGIN, _END = "\x01", "\x02"


def print_json(value: Any) -> None:  # noqa: ANN401 (whatever JSON can hold)
    """Print a value as one line of JSON: exact, but without raw control characters."""
    text = json.dumps(value, ensure_ascii=False)
    print(text.translate(_ESCAPES))


def excerpt_fields(excerpt: Excerpt) -> dict[str, Any]:
    """Return an excerpt as JSON values."""
    return dataclasses.asdict(excerpt)


def status_fields(status: CollectionStatus) -> dict[str, Any]:
    """Return the status as JSON values."""
    return dataclasses.asdict(status)


def report_fields(report: IndexReport) -> dict[str, Any]:
    """Return a report as JSON values; seconds are rounded to milliseconds."""
    fields = dataclasses.asdict(report)
    fields["seconds"] = round(report.seconds, 3)
    return fields


def format_report(report: IndexReport) -> str:
    """Return one or two lines about what a run of `index` did."""
    changes = [
        f"{number:,} {change}"
        for number, change in (
            (report.added, "added"),
            (report.updated, "updated"),
            (report.moved, "moved"),
            (report.removed, "removed"),
        )
        if number
    ]
    total = report.added + report.updated + report.moved + report.unchanged
    if report.dry_run:
        lines = [f"would be: {', '.join(changes) or 'nothing'}; {report.unchanged:,} unchanged"]
        lines += [f"  skipped {entry.path}: {entry.reason}" for entry in report.documents]
        return "\n".join(lines)
    if not changes and not report.embedded:
        lines = [f"nothing changed: {format_count(total, 'file')} in {report.seconds:.1f} s"]
    else:
        if report.unchanged:
            changes.append(f"{report.unchanged:,} unchanged")
        vectors = [f"{report.embedded:,} embedded"]
        if report.reused:
            vectors.append(f"{report.reused:,} reused")
        files = f"{format_count(total, 'file')} ({', '.join(changes)})"
        passages = f"{format_count(report.passages, 'passage')} ({', '.join(vectors)})"
        lines = [f"{files}, {passages} in {report.seconds:.1f} s"]
    if report.coverage is not None:
        lines += coverage.format_coverage_lines(report.coverage)
    if report.truncated_tokens:
        lines.append(f"{report.truncated_tokens:,} tokens were truncated by the model's window")
    return "\n".join(lines)


def _shard_row(status: CollectionStatus) -> dict[str, str]:
    """Return the row about the shards of a sharded collection."""
    if status.shards is None:
        return {}
    where = (
        "small enough to be searched in one process"
        if status.in_process
        else "large: serve it with ragkit serve --on ray"
    )
    return {"shards": f"{status.shards:,}, generation {status.generation:,}; {where}"}


def format_status(status: CollectionStatus) -> str:
    """Return the status of a collection as aligned lines."""
    passages = format_count(status.passages, "passage")
    if status.pending:
        passages += (
            f", {status.pending:,} of them without an embedding: only keyword search sees them "
            "(ragkit index continues)"
        )
    if status.unreadable:
        passages += (
            f", {status.unreadable:,} of them that the model cannot read: no embedding, only "
            "keyword search finds them (ragkit ls)"
        )
    model = "none yet"
    if status.model:
        model = f"{status.model} ({status.dimension} dimensions, {status.window} tokens)"
    rows = {
        "collection": status.collection,
        **_shard_row(status),
        "roots": ", ".join(status.roots) or "none yet: ragkit index FOLDER",
        "read": coverage.format_coverage(status.coverage),
        "passages": passages,
        "model": model,
        "size": f"{format_size(status.database_bytes)} database, "
        f"{format_size(status.index_bytes)} indexes",
    }
    if status.coverage.left_out:
        rows["left out"] = coverage.format_left_out(status.coverage)
    if status.coverage.missing_parts:
        rows["parts"] = coverage.format_missing_parts(status.coverage)
    if status.secrets:
        rows["secrets"] = ", ".join(
            f"{kind} in {format_count(number, 'file')}" for kind, number in status.secrets.items()
        )
    return "\n".join(f"{name:<11} {value}" for name, value in rows.items())


def format_size(number: float) -> str:
    """Return a number of bytes with its unit: `91.6 MB`."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def cited_path(hit: Hit | Location) -> str:
    """Return the document's path as its citation has it: unique in the collection."""
    return hit.citation.rpartition("#")[0] or hit.path


def format_place(hit: Hit, width: int | None = None) -> str:
    """Return the place of a hit: `leave.pdf, page 7`. `ragkit get` accepts it.

    If it has more than `width` columns, the path is shortened in the middle.
    """
    path, part = cited_path(hit), _format_part(hit)
    if width is not None:
        path = shorten_path(path, width - display_width(part))
    return path + part


def _format_part(hit: Hit | Location) -> str:
    """The part of a document, as it follows the path: `, page 7`."""
    if hit.locator is not None:
        from urllib.parse import unquote

        kind, _, value = hit.locator.partition("=")
        value = unquote(value)
        if kind in _NUMBERED and "-" in value:
            kind, value = f"{kind}s", value.replace("-", "–")
        return f", {kind} {value}"
    if hit.start_line is None:
        return ""
    if hit.start_line == hit.end_line:
        return f", line {hit.start_line}"
    return f", lines {hit.start_line}–{hit.end_line}"


def shorten_path(path: str, width: int) -> str:
    """Return a path cut in the middle to `width` columns, at least 8: `handbook/…/leave.pdf`.

    The file's name is kept; one that is too long is cut in the middle itself.
    """
    width = max(width, 8)
    if display_width(path) <= width:
        return path
    folders, _, name = path.rpartition("/")
    room = width - display_width(name) - 2  # for "…/"
    if not folders or room < 0:
        end = _cut_from_end(name, (width - 1) // 2)
        start = truncate(name, width - 1 - display_width(end), mark="")
        return f"{start}…{end}"
    kept = ""
    for folder in folders.split("/"):
        if display_width(kept) + display_width(folder) + 1 > room:
            break
        kept += f"{folder}/"
    return f"{kept}…/{name}"


def _cut_from_end(text: str, width: int) -> str:
    """The last characters of a text that fit into `width` columns."""
    return truncate(text[::-1], width, mark="")[::-1]


def format_place_and_heading(hit: Hit, width: int) -> str:
    """Return place and heading of a hit in `width` columns: `faq.html · FAQ › (12) Why?`."""
    where = format_place(hit, width) + (f" · {' › '.join(hit.heading)}" if hit.heading else "")
    notes = ["the file has changed since"] if hit.stale else []
    if hit.newer_version is not None:
        notes.append(f"newer version: {hit.newer_version.path}")
    return truncate(f"{where} ({'; '.join(notes)})" if notes else where, width)


def format_hits(hits: Sequence[Hit], links: Sequence[str | None] = ()) -> str:
    """Return printable hits as text: rank, cosine, place, heading, and the excerpt with the most
    of their `highlights`, which are coloured in a terminal.

    `links` are the addresses that the places of the hits lead to, in a terminal that shows links.
    """
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    addresses = dict(zip((hit.rank for hit in hits), links, strict=False))
    width = terminal_width()
    lines: list[str] = []
    indent = len(str(len(hits))) + 8
    for hit in hits:
        score = "   –" if hit.score is None else f"{hit.score:.2f}"
        head = f"{hit.rank:<{indent - 8}}  {score}  "
        where = format_place_and_heading(hit, width - indent)
        if (address := addresses.get(hit.rank)) is not None:
            where = f"\x1b]8;;{address}\x1b\\{where}\x1b]8;;\x1b\\"
        lines.append(f"{_BOLD}{head}{where}{_OFF}" if colour else head + where)
        for line in _excerpt(_with_marks(hit), width - indent):
            lines.append(" " * indent + _with_colour(line, colour=colour))
        if hit.also_at:
            lines.append(" " * indent + truncate(_other_places(hit), width - indent))
    return "\n".join(lines)


def _other_places(hit: Hit) -> str:
    """Where else the text of a hit is: `also in 4 places: faq.md, line 3; …`."""
    places = [cited_path(place) + _format_part(place) for place in hit.also_at[:_MAX_PLACES]]
    if hit.copies > len(places):
        places.append("…")
    return f"also in {format_count(hit.copies, 'place')}: {'; '.join(places)}"


def _with_marks(hit: Hit) -> str:
    """Return the text of a hit with `_BEGIN` and `_END` around each of its highlights."""
    pieces, last = [], 0
    for start, end in hit.highlights or ():
        # A highlight with a line break is marked word by word, so that no mark is left open.
        inner = re.sub(r"\S+", rf"{_BEGIN}\g<0>{_END}", hit.text[start:end])
        pieces += [hit.text[last:start], inner]
        last = end
    return "".join([*pieces, hit.text[last:]])


def _with_colour(line: str, *, colour: bool) -> str:
    """Return a line with colour in place of the marks around its highlights."""
    if line.rfind(_BEGIN) > line.rfind(_END):  # the highlight goes on in the next line
        line += _END
    if _END in line.partition(_BEGIN)[0]:  # it began in the line before
        line = _BEGIN + line
    return line.replace(_BEGIN, _MATCH if colour else "").replace(_END, _OFF if colour else "")


def _excerpt(text: str, width: int) -> list[str]:
    """Return the lines of a marked text, wrapped to `width`, around the most different marks."""
    text, width = " ".join(text.split()), max(20, width)
    lines = _wrap(text, width)
    if len(lines) <= _MAX_LINES:
        return lines
    counts = [len(set(re.findall(rf"{_BEGIN}([^{_END}]*)", line.lower()))) for line in lines]
    first = max(
        range(len(lines) - _MAX_LINES + 1),
        # Of several, the one with a line before the first mark.
        key=lambda start: (sum(counts[start : start + _MAX_LINES]), counts[start + 1] > 0, -start),
    )
    if not first:
        excerpt = lines[: _MAX_LINES + 1]
    else:
        offset = 0
        for line in lines[:first]:
            offset = text.index(line, offset) + len(line)
        sign = "… " if text[offset] == " " else "…"  # else inside a long word
        excerpt = _wrap(sign + text[offset:].lstrip(" "), width)
    if len(excerpt) > _MAX_LINES:
        # The last line ends in an ellipsis, so it has two columns less.
        last = _wrap(excerpt[_MAX_LINES - 1], width - 2)[0] + " …"
        excerpt = [*excerpt[: _MAX_LINES - 1], last]
    return excerpt


def _wrap(text: str, width: int) -> list[str]:
    lines: list[str] = []
    line, used = "", 0
    for token in text.split(" "):
        word, word_width = token, display_width(token)
        if line and used + 1 + word_width > width:
            lines.append(line)
            line, used = "", 0
        while word_width > width:  # a word wider than the terminal
            part = truncate(word, width, mark="")
            lines.append(part)
            word = word[len(part) :]
            word_width = display_width(word)
        line, used = (f"{line} {word}", used + 1 + word_width) if line else (word, word_width)
    return [*lines, line] if line else lines


def truncate(text: str, width: int, mark: str = " …") -> str:
    """Return `text` cut to `width` columns, ending in `mark` where something is missing."""
    if display_width(text) <= width:
        return text
    kept_count, used = 0, display_width(mark)
    for character in text:
        used += display_width(character)
        if used > width:
            break
        kept_count += 1
    return text[: max(1, kept_count)] + mark


def display_width(text: str) -> int:
    """Return the terminal columns that `text` takes: wide characters two, combining ones and marks
    of highlights none."""
    if text.isascii():
        return len(text) - text.count(_BEGIN) - text.count(_END)
    return sum(
        0
        if char in (_BEGIN, _END) or unicodedata.combining(char)
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
