"""Explain why one path is indexed or not: stored row, disk, ignore rules.

Changes nothing and reads no document.
"""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from ragkit.documents.ocr import NO_ENGINE_REASON
from ragkit.ingest.ignore_rules import read_lines
from ragkit.ingest.known_paths import RootPath, absolute_path, resolve_path, rows_at
from ragkit.ingest.plan import is_missing
from ragkit.ingest.scan import ROOT, ScannedFile, SkippedPath, scan
from ragkit.records.reports import UNREAD_STATUSES, FileStatus, Whereabouts
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import file_status, files, passages

_RULE = re.compile(r"ignored by (.+):(\d+)$")
_REMEDIES = {
    "encrypted": "save it without a password, then: {index}; or: {index} --password-file FILE",
    "no_text_layer": "pip install 'ragkit-search[ocr]', then: {index}",
    "too_large": "raise max_file_mb in ragkit.toml, then: {index}",
    "ignored": "remove that rule, or override it in .ragkitignore (!PATTERN), then: {index}",
    "excluded": "change the globs of its root: ragkit index {root} --include … --exclude …",
    "generated": "ragkit index {root} --include PATTERN, or index_generated = true in ragkit.toml,"
    " then: {index}",
    "hidden": "give it a name that does not begin with a dot, then: {index}",
    "link": "index the target of the link instead: ragkit index TARGET",
    "unreadable": "make it readable, then: {index}",
}


def explain_path(
    connection: sqlite3.Connection, path: str, collection: Path, max_bytes: int
) -> Whereabouts:
    """Return the state of a path, the reason, and the command that changes it. Never raises because
    a file is missing."""
    root_paths = resolve_path(connection, path)
    absolute = absolute_path(path)
    if not root_paths:
        return _explain_unrooted(connection, path, absolute)
    if absolute.is_relative_to(collection) or absolute.is_relative_to(collection.resolve()):
        return Whereabouts(path, "skipped", "it is part of the collection itself")
    for root_path in root_paths:
        rows = rows_at(connection, root_path)
        exact = [row for row in rows if row.path == root_path.path]
        if exact:
            return _explain_file(connection, path, root_path, exact[0], max_bytes)
        if rows and rows[0].path != f"{root_path.path}/":
            return _explain_folder(
                path, [row for inner in root_paths for row in rows_at(connection, inner)]
            )
    root_path = root_paths[0]
    enclosing = (
        file_status.enclosing_file(connection, root_path.root.id, root_path.path)
        if root_path.path
        else None
    )
    if enclosing is not None and not enclosing.path.endswith("/"):
        return _explain_record(connection, path, root_path, enclosing)
    return _explain_unknown(path, root_path, max_bytes)


def _explain_unrooted(connection: sqlite3.Connection, path: str, absolute: Path) -> Whereabouts:
    index = f"ragkit index {shlex.quote(path)}"
    roots = ", ".join(root.path for root in files.roots(connection)) or "none yet"
    if not os.path.lexists(absolute):
        return Whereabouts(path, "unknown", f"there is no such file; the roots are: {roots}")
    answer = f"it is in no root of this collection; the roots are: {roots}"
    return Whereabouts(path, "outside", answer, index)


def _explain_file(
    connection: sqlite3.Connection, path: str, root_path: RootPath, row: FileStatus, max_bytes: int
) -> Whereabouts:
    """Explain a file with a stored row."""
    index = f"ragkit index {shlex.quote(str(root_path.absolute))}"
    when = _indexed_when(row)
    if not os.path.lexists(root_path.absolute) and is_missing(root_path.absolute):
        root_exists = not is_missing(root_path.root.path)
        missing = "the file" if root_exists else f"its root {root_path.root.path}"
        answer = f"{missing} no longer exists; state stored {when}: {_summary(row)}"
        # `ragkit index` keeps passages where a disk may not be mounted.
        remedy = f"ragkit remove {shlex.quote(str(root_path.absolute))}" if row.passages else None
        if remedy is None and root_exists:
            remedy = f"ragkit index {_quoted_root(root_path)}"
        return Whereabouts(path, "gone", answer, remedy, row)
    entry = _scan_first(root_path, max_bytes)
    if isinstance(entry, SkippedPath):  # by the rules as they are now
        explanation = _explain_skipped(path, root_path, entry)
        kept_note = f"; its text read {when} is kept until the next index" if row.passages else ""
        return replace(explanation, file=row, answer=explanation.answer + kept_note)
    if row.kind is not None and row.seconds is None:  # skipped then; a run would read it now
        answer = f"it was left out {when} ({row.reason}), and would be read now"
        return Whereabouts(path, "new", answer, index, row)
    if row.stale:
        answer = f"it has changed since it was read {when}; state stored then: {_summary(row)}"
        return Whereabouts(path, "changed", answer, index, row)
    if row.status in UNREAD_STATUSES:
        outcome = "left out" if row.status == "skipped" else "could not be read"
        answer = f"{outcome} {when}, and unchanged since: {row.reason}"
        return Whereabouts(path, row.status, answer, _remedy(row.kind, row.reason, root_path), row)
    return _explain_read_file(connection, path, row)


def _explain_read_file(connection: sqlite3.Connection, path: str, row: FileStatus) -> Whereabouts:
    """Explain a file that was read and has not changed."""
    answer = f"read {_indexed_when(row)} and unchanged since: {_summary(row)}"
    pending = _count_pending(connection, row)
    if pending:
        answer += f"; {pending} of them have no embedding yet; only keyword search sees them"
    if row.unreadable:
        answer += (
            f"; the model cannot read {row.unreadable:,} of them; only keyword search finds them"
        )
    if row.unread_count:
        answer += f"; {row.unread_count:,} in it not read"
    if row.warnings:
        answer += f"; {row.warnings[0]}"
    listing = f"ragkit ls --failed {shlex.quote(path)}" if row.unread_count else None
    return Whereabouts(path, row.status, answer, "ragkit index" if pending else listing, row)


def _summary(row: FileStatus) -> str:
    """Return what is stored of a file, as text."""
    if row.status in UNREAD_STATUSES:
        return f"it was not read: {row.reason}"
    if not row.passages:
        return "it has no text"
    of = f" of {row.documents:,} documents" if row.documents > 1 else ""
    return f"{_count_passages(row.passages)}{of}, {row.media_type}"


def _count_passages(count: int) -> str:
    return f"{count:,} passage{'' if count == 1 else 's'}"


def _count_pending(connection: sqlite3.Connection, row: FileStatus) -> int:
    model = passages.model(connection)
    if model is None or not row.passages:
        return 0
    documents = document_rows.list_records(connection, row.root, row.path).values()
    return sum(
        passages.count_pending_in_document(connection, model["id"], document_id)
        for document_id, _ in documents
    )


def _explain_folder(path: str, rows: Sequence[FileStatus]) -> Whereabouts:
    """Explain a folder, from the rows of its files."""
    read_rows = [row for row in rows if row.status not in UNREAD_STATUSES]
    missing = [row for row in rows if file_status.is_missing(row)]
    left_out = len(rows) - len(read_rows) - len(missing)
    answer = f"a folder: {len(read_rows):,} of {len(read_rows) + len(missing):,} files were read"
    answer += f", {_count_passages(sum(row.passages for row in read_rows))}"
    stale = sum(row.stale for row in rows)
    for count, label in ((left_out, "left out"), (stale, "changed or deleted since")):
        answer += f"; {count:,} {label}" if count else ""
    if stale:
        return Whereabouts(path, "folder", answer, f"ragkit index {shlex.quote(path)}")
    listing = f"ragkit ls --failed {shlex.quote(path)}"
    return Whereabouts(path, "folder", answer, listing if missing or left_out else None)


def _explain_record(
    connection: sqlite3.Connection, path: str, root_path: RootPath, archive: FileStatus
) -> Whereabouts:
    """Explain a record of an archive or a mailbox."""
    record = root_path.path.removeprefix(f"{archive.path}/")
    index = f"ragkit index {shlex.quote(str(Path(archive.root, archive.path)))}"
    state, tail = (
        ("changed", "; that file has changed or was deleted since") if archive.stale else ("", "")
    )
    for unread in archive.unread:
        if unread.record == record:
            answer = f"in {archive.path}, not read: {unread.reason}{tail}"
            state = state or ("skipped" if unread.skipped else "failed")
            if unread.kind == "unsupported" and not tail:
                state = "unsupported"
            remedy = index if tail else _remedy(unread.kind, unread.reason, root_path)
            return Whereabouts(path, state, answer, remedy, archive)
    document = document_rows.list_records(connection, archive.root, archive.path).get(record)
    if document is not None:
        passages = _count_passages(document[1])
        answer = f"in {archive.path}, read {_indexed_when(archive)}: {passages}{tail}"
        return Whereabouts(path, state or "indexed", answer, index if tail else None, archive)
    answer = f"{archive.path} had no {record} when it was read {_indexed_when(archive)}{tail}"
    if archive.reason:
        answer = f"{archive.path} was not read: {archive.reason}{tail}"
    return Whereabouts(path, state or "unknown", answer, index if tail else None, archive)


def _explain_unknown(path: str, root_path: RootPath, max_bytes: int) -> Whereabouts:
    """Explain a path in a root without a stored row."""
    entry = _scan_first(root_path, max_bytes)
    if isinstance(entry, SkippedPath):
        return _explain_skipped(path, root_path, entry)
    if entry is None and not os.path.isdir(root_path.absolute):  # noqa: PTH112 (raises nothing)
        return Whereabouts(path, "unknown", f"there is no such file in {root_path.root.path}")
    index = f"ragkit index {shlex.quote(str(root_path.absolute))}"
    answer = "has no file that would be read" if entry is None else "it is new since the last index"
    return Whereabouts(path, "new", answer, None if entry is None else index)


def _explain_skipped(path: str, root_path: RootPath, skipped: SkippedPath) -> Whereabouts:
    """Explain a path that the rules skip, itself or a folder around it."""
    subject = f"the folder {skipped.path} is " if skipped.path.endswith("/") else ""
    if skipped.path == ROOT:
        subject = f"its root {root_path.root.path} cannot be read: "
    answer = f"{subject}{skipped.reason}"
    rule = _RULE.match(skipped.reason)
    if rule is not None:
        answer += f" ({_rule_line(Path(root_path.root.folder, rule[1]), int(rule[2]))})"
    return Whereabouts(path, "skipped", answer, _remedy(skipped.kind, skipped.reason, root_path))


def _rule_line(file: Path, line_number: int) -> str:
    """Return a line of an ignore file."""
    lines = read_lines(file)
    if not 0 < line_number <= len(lines):
        return "a rule that no longer exists"
    return lines[line_number - 1].encode(errors="surrogateescape").decode(errors="replace").strip()


def _scan_first(root_path: RootPath, max_bytes: int) -> ScannedFile | SkippedPath | None:
    """Return what an index run would meet first at this path."""
    root = root_path.root
    if is_missing(root.path):
        return None
    entries = scan(
        Path(root.path),
        include=root.include,
        exclude=root.exclude,
        max_bytes=max_bytes,
        under="" if root.path != root.folder else root_path.path,
    )
    first = list(islice(entries, 1))
    return first[0] if first else None


def _remedy(kind: str | None, reason: str | None, root_path: RootPath) -> str | None:
    template = _REMEDIES.get("no_text_layer" if reason == NO_ENGINE_REASON else kind or "")
    index = f"ragkit index {shlex.quote(str(root_path.absolute))}"
    if kind == "unsupported" and reason is not None:
        return _conversion(reason, root_path)
    return template.format(index=index, root=_quoted_root(root_path)) if template else None


def _conversion(reason: str, root_path: RootPath) -> str | None:
    """Return how to convert a file of a format without a reader, from the reason: the command with
    the file's name in place of FILE."""
    _, separator, remedy = reason.partition("is not supported yet; ")
    if not separator:
        return None
    path = shlex.quote(str(root_path.absolute))
    command = re.sub(r"\bFILE\b", lambda _: path, remedy)
    index = f"ragkit index {shlex.quote(str(root_path.absolute.parent))}"
    return f"{command}, then: {index}"


def _quoted_root(root_path: RootPath) -> str:
    return shlex.quote(root_path.root.path)


def _indexed_when(row: FileStatus) -> str:
    """Return when a row was written, in local time, as text."""
    if row.indexed_at is None:
        return "earlier"
    return f"{datetime.fromisoformat(row.indexed_at).astimezone():on %Y-%m-%d at %H:%M}"
