"""A file of sentence pairs to rows: JSONL, CSV or TSV, columns under any of their usual names.

Contract: `read` turns a file into rows with the line each stands on, and lists every line that is
no row with its reason: nothing is dropped without a word. Scores and labels stay as they were
written; what they mean is `targets`' concern. Knows no model.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.encoders.tokenization.tokenizer import clean
from ragkit.errors import UsageError

# Each role's column names, lower case; the first that a row has is taken.
COLUMNS = {
    "first": (
        "sentence1", "sentence_1", "sentence_a", "text1", "text_1", "text_a", "anchor", "question",
        "query", "premise",
    ),
    "second": (
        "sentence2", "sentence_2", "sentence_b", "text2", "text_2", "text_b", "positive", "passage",
        "answer", "document", "context", "hypothesis",
    ),
    "score": ("score", "similarity", "similarity_score", "relatedness_score"),
    "label": ("label", "gold_label"),
}  # fmt: skip
_ROLES = {name: role for role, names in COLUMNS.items() for name in names}
_EXPECTED = (
    "sentence1 and sentence2 (or question and passage, anchor and positive, text1 and text2, "
    "premise and hypothesis), and perhaps score or label"
)
_SHOWN = 60  # characters of a value in a message
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}


@dataclass(frozen=True, slots=True)
class Row:
    """One pair as it stands in the file."""

    line: int
    first: str
    second: str
    score: Any = None
    """As written: a number, or text that may be one; None where there is none."""
    label: Any = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that is not used, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rows:
    """All of a file."""

    path: Path
    sha256: str
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    unused: tuple[str, ...]
    """Columns that no part of training reads."""


def read(path: Path) -> Rows:
    """The rows of a file. Raises `UsageError` where there is no such file, it is no UTF-8 text,
    or it has no pair of columns with known names."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from None
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    unused: dict[str, None] = {}
    for line, found in _records(path, text):
        row = found if isinstance(found, str) else _row(line, found)
        if isinstance(row, Row):
            rows.append(row)
        else:
            left_out.append(LeftOut(line, row))
        if not isinstance(found, str):
            unused |= dict.fromkeys(name for name in found if name not in _ROLES)
    if not rows:
        reason = f"; line {left_out[0].line}: {left_out[0].reason}" if left_out else ""
        raise UsageError(f"{path} has no pair of sentences{reason}. Expected {_EXPECTED}")
    digest = hashlib.sha256(data).hexdigest()
    return Rows(path, digest, tuple(rows), tuple(left_out), tuple(unused))


Record = tuple[int, dict[str, Any] | str]
"""A line's number, and its values by lower-case column name or why there are none."""


def _records(path: Path, text: str) -> Iterator[Record]:
    kind = _FORMATS.get(path.suffix.lower()) or _guess(text)
    if kind == "jsonl":
        return _json_lines(path, text)
    return _table(path, text, is_tsv=kind == "tsv")


def clipped(value: object) -> str:
    """A value for a message: a file of something else may hold megabytes in one."""
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _guess(text: str) -> str:
    head = text.lstrip().partition("\n")[0]
    if head.startswith(("{", "[")):
        return "jsonl"
    return "tsv" if "\t" in head else "csv"


def _json_lines(path: Path, text: str) -> Iterator[Record]:
    if text.lstrip().startswith("["):
        raise UsageError(f"{path} is one JSON array; expected one JSON object a line (JSONL)")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"no JSON ({error})"
            continue
        if isinstance(found, dict):
            yield number, {name.strip().lower(): value for name, value in found.items()}
        else:
            yield number, f"a JSON {type(found).__name__}, expected an object"


def _table(path: Path, text: str, *, is_tsv: bool) -> Iterator[Record]:
    """CSV quotes as RFC 4180 says; TSV, as the STS and GLUE files come, quotes nothing."""
    head = text.partition("\n")[0]
    lines: Iterable[str] = io.StringIO(text, newline="")
    if is_tsv:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        delimiter = ";" if head.count(";") > head.count(",") else ","
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    # The module's limit of 131,072 characters is for the process, and a passage may be longer.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if not {"first", "second"} <= {_ROLES.get(name) for name in names}:
            found = ", ".join(map(clipped, names[:8])) or "nothing"
            raise UsageError(
                f"{path}: the first line names {found}; expected the columns {_EXPECTED}"
            )
        start = reader.line_num + 1
        for fields in reader:
            if len(fields) == len(names):
                yield start, dict(zip(names, fields, strict=True))
            elif fields:
                yield start, f"{len(fields)} fields, the first line names {len(names)}"
            start = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}; expected quoted CSV") from None


def _row(line: int, values: dict[str, Any]) -> Row | str:
    """The row, or what is wrong with it."""
    found: dict[str, Any] = {}
    for role, names in COLUMNS.items():
        found[role] = next((values[name] for name in names if values.get(name) is not None), None)
    for role in ("first", "second"):
        text = found[role]
        if text is None:
            return f"no {COLUMNS[role][0]}"
        if not isinstance(text, str):
            return f"{COLUMNS[role][0]} is a {type(text).__name__}, expected text"
        if not text.strip():
            return f"{COLUMNS[role][0]} is empty"
    first, second = clean(found["first"].strip()), clean(found["second"].strip())
    return Row(line, first, second, found["score"], found["label"])
