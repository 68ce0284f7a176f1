"""Records as text for people and as JSON for programs. Knows no collection."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.cli.output import coverage
from ragkit.cli.output.terminal import SIGNS, counted
from ragkit.records.documents import Hit

if TYPE_CHECKING:
    from ragkit.records.reports import CollectionStatus, Excerpt, IndexReport

_LINES = 3  # of a passage that a hit shows
_SHORT = 3  # characters; shorter words of a query are not highlighted
# json.dumps leaves these as they are; the escape means the same to whoever parses it.
_ESCAPES = {code: f"\\u{code:04x}" for code in SIGNS if code >= 0x20}
_COUNTED = frozenset({"page", "slide", "cell", "chapter", "row", "line"})  # places with numbers
_BOLD, _MATCH, _OFF = "\x1b[1m", "\x1b[1;33m", "\x1b[0m"


def json_line(value: Any) -> None:  # noqa: ANN401 (whatever JSON can hold)
    """Print a value as one line of JSON: exact, and with nothing raw that steers a terminal."""
    text = json.dumps(value, ensure_ascii=False)
    print(text.translate(_ESCAPES))


def hit_fields(hit: Hit) -> dict[str, Any]:
    """A hit as JSON, its fields in the order of the contract; `explanation` if it has one."""
    fields = dataclasses.asdict(hit)
    if hit.explanation is None:
        del fields["explanation"]
    return fields


def excerpt_fields(excerpt: Excerpt) -> dict[str, Any]:
    """An excerpt as JSON."""
    return dataclasses.asdict(excerpt)


def status_fields(status: CollectionStatus) -> dict[str, Any]:
    """The status as JSON."""
    return dataclasses.asdict(status)


def report_fields(report: IndexReport) -> dict[str, Any]:
    """A report as JSON; seconds to the millisecond, as more would be noise."""
    fields = dataclasses.asdict(report)
    fields["seconds"] = round(report.seconds, 3)
    return fields


def report(report: IndexReport) -> str:
    """What a run did, in a line or two."""
    changes = [
        f"{number:,} {what}"
        for number, what in (
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
        lines += [f"  skipped {each.path}: {each.reason}" for each in report.documents]
        return "\n".join(lines)
    if not changes and not report.embedded:
        lines = [f"nothing changed: {counted(total, 'file')} in {report.seconds:.1f} s"]
    else:
        if report.unchanged:
            changes.append(f"{report.unchanged:,} unchanged")
        made = [f"{report.embedded:,} embedded"]
        if report.reused:
            made.append(f"{report.reused:,} reused")
        lines = [
            f"{counted(total, 'file')} ({', '.join(changes)}), "
            f"{counted(report.passages, 'passage')} ({', '.join(made)}) in {report.seconds:.1f} s"
        ]
    if report.coverage is not None:
        lines += coverage.coverage_lines(report.coverage)
    if report.truncated_tokens:
        lines.append(f"{report.truncated_tokens:,} tokens were cut off by the model's window")
    return "\n".join(lines)


def status(status: CollectionStatus) -> str:
    """The status as aligned lines."""
    passages = counted(status.passages, "passage")
    if status.pending:
        passages += f", {status.pending:,} of them not yet found by meaning (ragkit index goes on)"
    model = "none yet"
    if status.model:
        model = f"{status.model} ({status.dimension} dimensions, {status.window} tokens)"
    rows = {
        "collection": status.collection,
        "roots": ", ".join(status.roots) or "none yet: ragkit index FOLDER",
        "read": coverage.coverage(status.coverage),
        "passages": passages,
        "model": model,
        "size": f"{size(status.database_bytes)} database, {size(status.index_bytes)} indexes",
    }
    if status.coverage.left_out:
        rows["left out"] = coverage.left_out(status.coverage)
    if status.coverage.missing_parts:
        rows["parts"] = coverage.parts(status.coverage)
    return "\n".join(f"{name:<11} {value}" for name, value in rows.items())


def size(number: float) -> str:
    """Bytes for people: `91.6 MB`."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def place(hit: Hit) -> str:
    """Where a hit is, in words: `leave.pdf, page 7`."""
    if hit.locator is not None:
        from urllib.parse import unquote

        kind, _, value = hit.locator.partition("=")
        value = unquote(value)
        if kind in _COUNTED and "-" in value:
            kind, value = f"{kind}s", value.replace("-", "–")
        return f"{hit.path}, {kind} {value}"
    if hit.start_line is None:
        return hit.path
    if hit.start_line == hit.end_line:
        return f"{hit.path}, line {hit.start_line}"
    return f"{hit.path}, lines {hit.start_line}–{hit.end_line}"


def terminal_width() -> int:
    """Columns that a line may have; narrower than 40 shows nothing."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def whereabouts(hit: Hit) -> str:
    """Place and heading of a hit: `faq.html · FAQ › (12) Why?`."""
    where = place(hit) + (f" · {' › '.join(hit.heading)}" if hit.heading else "")
    return f"{where} (the file has changed since)" if hit.stale else where


def hits(hits: Sequence[Hit], query: str) -> str:
    """Hits as a person likes to read them: score, place, heading, the telling part of the text."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = terminal_width()
    words = _words(query)
    lines: list[str] = []
    indent = len(str(len(hits))) + 8
    for hit in hits:
        head = f"{hit.rank:<{indent - 8}}  {hit.score:.2f}  "
        where = fitted(whereabouts(hit), width - indent)
        lines.append(f"{_BOLD}{head}{where}{_OFF}" if colour else head + where)
        for line in _telling(hit.text, words, width - indent):
            lines.append(" " * indent + (_highlighted(line, words) if colour else line))
    return "\n".join(lines)


def _words(query: str) -> list[str]:
    """Beginnings of the query's words, so that `rotate` also marks `rotation`."""
    found = [word.lower() for word in re.findall(r"\w+", query) if len(word) >= _SHORT]
    return [word[: max(4, len(word) - 2)] for word in dict.fromkeys(found)]


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    if not words:
        return None
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words[:64]))})\w*", re.IGNORECASE)


def _highlighted(line: str, words: Sequence[str]) -> str:
    pattern = _pattern(words)
    return pattern.sub(rf"{_MATCH}\g<0>{_OFF}", line) if pattern else line


def _telling(text: str, words: Sequence[str], width: int) -> list[str]:
    """The lines of a passage, wrapped to `width`, around where most of the query's words are."""
    lines = _wrapped(" ".join(text.split()), max(20, width))
    if len(lines) <= _LINES:
        return lines
    pattern = _pattern(words)
    found = [len(set(pattern.findall(line.lower()))) if pattern else 0 for line in lines]
    first = max(
        range(len(lines) - _LINES + 1),
        key=lambda start: (sum(found[start : start + _LINES]), -start),
    )
    rest = " ".join(lines[first:])
    shown = _wrapped(f"… {rest}" if first else rest, width)
    if len(shown) > _LINES:
        # The last line shown ends in a mark, so it has two columns less.
        shown = [*shown[: _LINES - 1], _wrapped(shown[_LINES - 1], width - 2)[0] + " …"]
    return shown


def _wrapped(text: str, width: int) -> list[str]:
    lines, line, used = [], "", 0
    for each in text.split(" "):
        word, room = each, columns(each)
        if line and used + 1 + room > width:
            lines.append(line)
            line, used = "", 0
        while room > width:  # a word wider than the terminal
            part = fitted(word, width, mark="")
            lines.append(part)
            word = word[len(part) :]
            room = columns(word)
        line, used = (f"{line} {word}", used + 1 + room) if line else (word, room)
    return [*lines, line] if line else lines


def fitted(text: str, width: int, mark: str = " …") -> str:
    """The text cut to so many columns, with a mark where something is missing."""
    if columns(text) <= width:
        return text
    kept, used = 0, columns(mark)
    for character in text:
        used += columns(character)
        if used > width:
            break
        kept += 1
    return text[: max(1, kept)] + mark


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
