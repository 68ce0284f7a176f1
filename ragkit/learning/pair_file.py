"""Read a file of sentence pairs: JSONL, CSV or TSV, with any of the usual column names.

Contract: `read_pair_file` returns the pairs of a file with their line numbers, and lists every
line that it cannot use with the reason. Scores and labels stay as written; `labels` interprets
them. Knows no model.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ragkit.encoders.tokenization.tokenizer import clean
from ragkit.errors import UsageError

# Role → accepted column names, lower case. A row's value is that of the first name it has.
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
    "negative": ("negative", "hard_negative"),
}  # fmt: skip
_ROLES = {name: role for role, names in COLUMNS.items() for name in names}
_EXPECTED_COLUMNS = (
    "sentence1 and sentence2 (or question and passage, anchor and positive, text1 and text2, "
    "premise and hypothesis), and perhaps score or label"
)
_MAX_VALUE_LENGTH = 60  # characters of a value in a message
_MAX_NAMES_SHOWN = 8  # column names in a message
_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}

Record: TypeAlias = tuple[int, dict[str, Any] | str]  # line number, values by column or an error


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair of a file, with the number of its first line, counted from 1."""

    line: int
    first: str
    second: str
    score: Any = None  # as written: a number, or text that may be one; None if absent
    label: Any = None  # as written; None if absent
    negative: str | None = None  # a text like `second` that does not belong to `first`


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A line that is not used, and the reason."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class PairFile:
    """The content of a file of pairs."""

    path: Path
    sha256: str  # hex digest of the file's bytes
    rows: tuple[PairRow, ...]
    skipped: tuple[SkippedLine, ...]
    unused_columns: tuple[str, ...]  # columns with unknown names


def read_pair_file(path: Path) -> PairFile:
    """Read a file of pairs. The file's extension determines the format, or else its first line.

    Raises UsageError if the file cannot be read, is not UTF-8, lacks the two text columns or
    contains no pair.
    """
    data = _read_bytes(path)
    rows: list[PairRow] = []
    skipped: list[SkippedLine] = []
    unused_columns: dict[str, None] = {}
    for line, values in _read_records(path, _decode(path, data)):
        row = values if isinstance(values, str) else _parse_row(line, values)
        if isinstance(row, PairRow):
            rows.append(row)
        else:
            skipped.append(SkippedLine(line, row))
        if not isinstance(values, str):
            unused_columns |= dict.fromkeys(name for name in values if name not in _ROLES)
    if not rows:
        reason = f"; line {skipped[0].line}: {skipped[0].reason}" if skipped else ""
        raise UsageError(f"{path} has no pair of sentences{reason}. Expected {_EXPECTED_COLUMNS}")
    digest = hashlib.sha256(data).hexdigest()
    return PairFile(path, digest, tuple(rows), tuple(skipped), tuple(unused_columns))


def shorten(value: object) -> str:
    """Cut a value to 60 characters for a message: a single value may have megabytes."""
    text = str(value)
    if len(text) <= _MAX_VALUE_LENGTH:
        return text
    return text[: _MAX_VALUE_LENGTH - 1] + "…"


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from None


def _read_records(path: Path, text: str) -> Iterator[Record]:
    file_format = _FORMATS.get(path.suffix.lower()) or _detect_format(text)
    if file_format == "jsonl":
        return _read_jsonl(path, text)
    return _read_table(path, text, is_tsv=file_format == "tsv")


def _detect_format(text: str) -> str:
    head = text.lstrip().partition("\n")[0]
    if head.startswith(("{", "[")):
        return "jsonl"
    return "tsv" if "\t" in head else "csv"


def _read_jsonl(path: Path, text: str) -> Iterator[Record]:
    if text.lstrip().startswith("["):
        raise UsageError(f"{path} is one JSON array; expected one JSON object per line (JSONL)")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"not JSON ({error})"
            continue
        if isinstance(value, dict):
            yield number, {name.strip().lower(): field for name, field in value.items()}
        else:
            yield number, f"a JSON {type(value).__name__}, expected an object"


def _read_table(path: Path, text: str, *, is_tsv: bool) -> Iterator[Record]:
    """Read CSV with the quoting of RFC 4180, or TSV without quoting (as STS and GLUE files)."""
    head = text.partition("\n")[0]
    lines: Iterable[str] = io.StringIO(text, newline="")
    if is_tsv:
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        delimiter = ";" if head.count(";") > head.count(",") else ","
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    # csv limits a field to 131,072 characters, process-wide; a passage may be longer.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if not {"first", "second"} <= {_ROLES.get(name) for name in names}:
            header = ", ".join(map(shorten, names[:_MAX_NAMES_SHOWN])) or "nothing"
            raise UsageError(
                f"{path}: the first line names {header}; expected the columns {_EXPECTED_COLUMNS}"
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


def _parse_row(line: int, values: dict[str, Any]) -> PairRow | str:
    """Return the row, or the reason why the values are not a pair."""
    by_role: dict[str, Any] = {}
    for role, names in COLUMNS.items():
        by_role[role] = next((values[name] for name in names if values.get(name) is not None), None)
    for role in ("first", "second"):
        text = by_role[role]
        if text is None:
            return f"no {COLUMNS[role][0]}"
        if not isinstance(text, str):
            return f"{COLUMNS[role][0]} is a {type(text).__name__}, expected text"
        if not text.strip():
            return f"{COLUMNS[role][0]} is empty"
    negative = by_role["negative"]
    if negative is not None and not isinstance(negative, str):
        return f"{COLUMNS['negative'][0]} is a {type(negative).__name__}, expected text"
    first, second = clean(by_role["first"].strip()), clean(by_role["second"].strip())
    own_negative = clean((negative or "").strip()) or None
    return PairRow(line, first, second, by_role["score"], by_role["label"], own_negative)
