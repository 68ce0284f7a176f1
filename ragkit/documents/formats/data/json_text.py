"""JSON and JSON Lines → Document: names and values of the data without its punctuation.

`"name": "value"` becomes `name: value`. A file that is laid out in lines keeps them, so that line
numbers stay valid; any other file gets one line per member and element. Tokens are read one by
one, without a tree and without recursion: deep nesting costs nothing, and text that is not valid
JSON is still read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.records import record_document
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_TOKEN = re.compile(
    r'"((?:[^"\\]++|\\.)*+)("?)|([\[\]{},:])|(\n)|[ \t\r]++|[^\s\[\]{},:"]++|.', re.DOTALL
)
_MAX_MEAN_LINE_CHARS = 2000  # a file with longer lines is not laid out in lines
_MAX_INDENT_DEPTH = 8
_MAX_TITLE_CHARS = 200
_MAX_REASON_CHARS = 200
_TITLE_KEYS = ("title", "name")


def read_json(data: bytes, name: str) -> Document:
    """Read a file with one JSON value as text.

    Never raises: text that is not valid JSON is read token by token, too.
    """
    text, encoding, warnings, encoding_by = decode(data)
    has_lines = text.count("\n") * _MAX_MEAN_LINE_CHARS >= len(text) and "\n" in text.strip()
    writer = _TokenWriter(keep_lines=has_lines)
    writer.write(text)
    return Document(
        "".join(writer.pieces),
        "application/json",
        title=writer.title,
        lines=has_lines,
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def read_jsonl(data: bytes, name: str) -> Document:
    """Read a JSON Lines file: one line of text per line of the file. Never raises."""
    text, encoding, warnings, encoding_by = decode(data)
    return Document(
        "\n".join(map(_json_to_line, text.split("\n"))),
        "application/jsonl",
        lines=True,
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def json_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each element of an array, named by its number, from 1.

    The array is the file's value, or the only array among the values of its object. A file
    without one gives one document. Raises `DocumentError` if the file is not valid JSON or nests
    too deep, and `BudgetExceededError` if it has more elements than the budget allows.
    """
    try:
        value = json.loads(decode(data).text)
    except ValueError as error:
        raise DocumentError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise DocumentError("nested too deep to be read by records", kind="limit") from error
    if isinstance(value, dict):
        arrays = [member for member in value.values() if isinstance(member, list)]
        value = arrays[0] if len(arrays) == 1 else value
    if not isinstance(value, list):
        yield Member("", document=read_json(data, name))
        return
    for number, element in enumerate(value, 1):
        budget.count_member()
        yield Member(str(number), document=_element_document(element, "application/json"))


def jsonl_records(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each line that is not blank, named by the number of the line, from 1.

    A line that is not valid JSON gives a member with the reason. Raises `BudgetExceededError` if
    the file has more lines than the budget allows.
    """
    text, encoding, _, encoding_by = decode(data)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        budget.count_member()
        try:
            document = _element_document(json.loads(line), "application/jsonl")
        except (ValueError, RecursionError) as error:
            yield Member(str(number), reason=f"not JSON: {error}"[:_MAX_REASON_CHARS])
        else:
            yield Member(
                str(number), document=replace(document, encoding=encoding, encoding_by=encoding_by)
            )


@dataclass(slots=True)
class _TokenWriter:
    """Writes the tokens of JSON as text.

    With `keep_lines`, lines end where those of the source do. Otherwise each member and element
    gets a line of its own, indented by its depth.
    """

    keep_lines: bool
    pieces: list[str] = field(default_factory=list)
    title: str | None = None
    depth: int = 0  # of open arrays and objects
    key: str = ""  # the last string, which may be the key of the next value
    at_line_start: bool = True  # the line has no text yet
    source_indent: str = ""  # of the current line of the source
    separator: str = ""  # goes before the next value: ", " or ": "

    def write(self, text: str) -> None:
        """Append all tokens of `text`."""
        for match in _TOKEN.finditer(text):
            string, punctuation = match[1], match[3]
            if string is not None:
                self._write_value(_unescape(string))
            elif punctuation:
                self._write_punctuation(punctuation)
            elif match[4]:
                self._end_source_line()
            elif not match[0].isspace():
                self._write_value(match[0])
            elif self.at_line_start:
                self.source_indent = match[0][: 2 * _MAX_INDENT_DEPTH]

    def _write_value(self, value: str) -> None:
        value = " ".join(value.split())
        if self.title is None and self.depth == 1 and self.key in _TITLE_KEYS and value:
            self.title = value[:_MAX_TITLE_CHARS]
        self.key = "" if self.separator == ": " else value
        if not value:
            return
        if self.at_line_start:
            indent = "  " * min(max(0, self.depth - 1), _MAX_INDENT_DEPTH)
            self.pieces.append(self.source_indent if self.keep_lines else indent)
        else:
            self.pieces.append(self.separator or " ")
        self.pieces.append(value)
        self.at_line_start, self.separator = False, ""

    def _write_punctuation(self, character: str) -> None:
        if character == ":":
            self.separator = ": "
            return
        if character in "[{":
            self.depth += 1
        elif character in "]}":
            self.depth = max(0, self.depth - 1)
        self.key = ""
        if self.keep_lines:
            self.separator = ", " if character == "," else self.separator
        elif not self.at_line_start:
            self._start_line()

    def _end_source_line(self) -> None:
        if not self.keep_lines:
            return
        if self.separator == ": ":
            self.pieces.append(":")
        self._start_line()

    def _start_line(self) -> None:
        self.pieces.append("\n")
        self.at_line_start, self.separator, self.source_indent = True, "", ""


def _unescape(string: str) -> str:
    """Return the characters of a JSON string, given without its quotes."""
    if "\\" not in string:
        return string
    try:
        return strip_invalid_characters(json.loads(f'"{string}"', strict=False))
    except ValueError:
        return string


def _json_to_line(source: str) -> str:
    """Return one line of JSON as one line of text: `name: value`, joined by commas."""
    writer = _TokenWriter(keep_lines=True)
    writer.write(source)
    return "".join(writer.pieces)


def _element_document(element: Any, media_type: str) -> Document:  # noqa: ANN401 (any JSON value)
    if not isinstance(element, dict):
        return record_document([("", _value_text(element))], media_type)
    return record_document(
        [(name, _value_text(value)) for name, value in element.items()], media_type
    )


def _value_text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return value
    return _json_to_line(json.dumps(value, ensure_ascii=False))
