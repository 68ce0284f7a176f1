"""JSON and JSON Lines → Document: the words of the data without its punctuation.

`"name": "value"` becomes `name: value`. A file laid out in lines keeps them, so that line numbers
hold; one without is laid out. Tokens are read one by one, with no tree and no recursion: depth
costs nothing, and what is not quite JSON is read as well as it goes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ragkit.documents.budget import Budget
from ragkit.documents.containers import Member
from ragkit.documents.decoding import decode, without_controls
from ragkit.documents.layout.records import record
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_TOKEN = re.compile(
    r'"((?:[^"\\]++|\\.)*+)("?)|([\[\]{},:])|(\n)|[ \t\r]++|[^\s\[\]{},:"]++|.', re.DOTALL
)
_LONGEST_LINE = 2000  # characters on average; a file with longer lines is not laid out
_DEEPEST = 8  # levels that are indented
_TITLES = ("title", "name")


def read_json(data: bytes, name: str) -> Document:
    """One JSON value, as text. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    laid_out = text.count("\n") * _LONGEST_LINE >= len(text) and "\n" in text.strip()
    layout = _Layout(keep_lines=laid_out)
    layout.run(text)
    return Document(
        "".join(layout.pieces),
        "application/json",
        title=layout.title,
        lines=laid_out,
        encoding=encoding,
        encoding_by=told_by,
        warnings=warnings,
    )


def read_jsonl(data: bytes, name: str) -> Document:
    """A line of text for each line of the file. Never fails."""
    text, encoding, warnings, told_by = decode(data)
    lines = []
    for line in text.split("\n"):
        layout = _Layout(keep_lines=True)
        layout.run(line)
        lines.append("".join(layout.pieces))
    return Document(
        "\n".join(lines),
        "application/jsonl",
        lines=True,
        encoding=encoding,
        encoding_by=told_by,
        warnings=warnings,
    )


@dataclass(slots=True)
class _Layout:
    """JSON's tokens being written as text.

    With `keep_lines` a line ends where one of the file does; else every member and element has
    one of its own, indented by its depth.
    """

    keep_lines: bool
    pieces: list[str] = field(default_factory=list)
    title: str | None = None
    depth: int = 0
    key: str = ""  # the string that may turn out to be a key
    at_start: bool = True  # nothing stands on the line yet
    indent: str = ""  # of the file's line
    waiting: str = ""  # goes before the next word: ", " or ": "

    def run(self, text: str) -> None:
        """Write all of `text`."""
        for match in _TOKEN.finditer(text):
            string, mark = match[1], match[3]
            if string is not None:
                self._value(_unescaped(string))
            elif mark:
                self._mark(mark)
            elif match[4]:
                self._new_line(kept=True)
            elif not match[0].isspace():
                self._value(match[0])
            elif self.at_start:
                self.indent = match[0][: 2 * _DEEPEST]

    def _value(self, words: str) -> None:
        words = " ".join(words.split())
        if self.title is None and self.depth == 1 and self.key in _TITLES and words:
            self.title = words[:200]
        self.key = "" if self.waiting == ": " else words
        if not words:
            return
        if self.at_start:
            own = "  " * min(max(0, self.depth - 1), _DEEPEST)
            self.pieces.append(self.indent if self.keep_lines else own)
        else:
            self.pieces.append(self.waiting or " ")
        self.pieces.append(words)
        self.at_start, self.waiting = False, ""

    def _mark(self, mark: str) -> None:
        if mark == ":":
            self.waiting = ": "
            return
        if mark in "[{":
            self.depth += 1
        elif mark in "]}":
            self.depth = max(0, self.depth - 1)
        self.key = ""
        if self.keep_lines:
            self.waiting = ", " if mark == "," else self.waiting
        else:
            self._new_line(kept=False)

    def _new_line(self, *, kept: bool) -> None:
        if kept != self.keep_lines or (self.at_start and not kept):
            return
        if kept and self.waiting == ": ":
            self.pieces.append(":")
        self.pieces.append("\n")
        self.at_start, self.waiting, self.indent = True, "", ""


def _unescaped(string: str) -> str:
    if "\\" not in string:
        return string
    try:
        return without_controls(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return string


def json_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """A document for every element of an array: the file's own, or the only one in its object.

    A file without one is a document of its own.
    """
    try:
        value = json.loads(decode(data).text)
    except ValueError as error:
        raise DocumentError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise DocumentError("nested too deep to be read by records", kind="limit") from error
    if isinstance(value, dict):
        lists = [each for each in value.values() if isinstance(each, list)]
        value = lists[0] if len(lists) == 1 else value
    if not isinstance(value, list):
        yield Member("", document=read_json(data, name))
        return
    for number, element in enumerate(value, 1):
        budget.member()
        yield Member(str(number), document=_element(element, "application/json"))


def jsonl_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """A document for every line, named by the number of the line."""
    text, encoding, _, told_by = decode(data)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        budget.member()
        try:
            made = _element(json.loads(line), "application/jsonl")
        except (ValueError, RecursionError) as error:
            yield Member(str(number), reason=f"not JSON: {error}"[:200])
        else:
            yield Member(
                str(number), document=replace(made, encoding=encoding, encoding_by=told_by)
            )


def _element(element: Any, media_type: str) -> Document:  # noqa: ANN401 (whatever JSON can hold)
    if not isinstance(element, dict):
        return record([("", _words(element))], media_type)
    return record([(name, _words(value)) for name, value in element.items()], media_type)


def _words(value: Any) -> str:  # noqa: ANN401
    """A value as text: nested ones as `name: value`, parted by commas."""
    if isinstance(value, str):
        return value
    layout = _Layout(keep_lines=True)
    layout.run(json.dumps(value, ensure_ascii=False))
    return "".join(layout.pieces)
