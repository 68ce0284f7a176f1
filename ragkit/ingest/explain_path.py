"""Why a path is found or not: compares the ledger with the disk and the rules, for one path.

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
from ragkit.ingest.known_paths import RootPath, absolute_path, at, places
from ragkit.ingest.scan import ScannedFile, SkippedPath, scan
from ragkit.records.reports import FileStatus, Whereabouts
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import embeddings, file_status, files

_RULE = re.compile(r"ignored by (.+):(\d+)$")
_REMEDIES = {
    "encrypted": "save it without a password, then: {index}",
    "no_text_layer": "pip install 'ragkit[ocr]', then: {index}",
    "too_large": "raise max_file_mb in ragkit.toml, then: {index}",
    "ignored": "take back that rule, or override it in .ragkitignore (!PATTERN), then: {index}",
    "excluded": "change the globs of its root: ragkit index {root} --include … --exclude …",
    "hidden": "give it a name that does not begin with a dot, then: {index}",
    "link": "what it points to is read where it lies: ragkit index TARGET",
    "unreadable": "mend that, then: {index}",
}


def explain(
    connection: sqlite3.Connection, path: str, collection: Path, max_bytes: int
) -> Whereabouts:
    """What became of a path and why, and the command that changes it. Never raises for what is
    there or not."""
    found = places(connection, path)
    absolute = absolute_path(path)
    if not found:
        return _outside(connection, path, absolute)
    if absolute.is_relative_to(collection) or absolute.is_relative_to(collection.resolve()):
        return Whereabouts(path, "skipped", "it is part of the collection itself")
    for place in found:
        rows = at(connection, place)
        exact = [row for row in rows if row.path == place.path]
        if exact:
            return _file(connection, path, place, exact[0], max_bytes)
        if rows and rows[0].path != f"{place.path}/":
            return _folder(path, [row for each in found for row in at(connection, each)])
    place = found[0]
    above = (
        file_status.enclosing_file(connection, place.root.id, place.path) if place.path else None
    )
    if above is not None and not above.path.endswith("/"):
        return _member(connection, path, place, above)
    return _unknown(path, place, max_bytes)


def _outside(connection: sqlite3.Connection, path: str, absolute: Path) -> Whereabouts:
    index = f"ragkit index {shlex.quote(path)}"
    roots = ", ".join(root.path for root in files.roots(connection)) or "none yet"
    if not os.path.lexists(absolute):
        return Whereabouts(path, "unknown", f"there is no such file; the roots are: {roots}")
    answer = f"it is in no root of this collection; the roots are: {roots}"
    return Whereabouts(path, "outside", answer, index)


def _file(
    connection: sqlite3.Connection, path: str, place: RootPath, row: FileStatus, max_bytes: int
) -> Whereabouts:
    """What became of a file that the ledger knows."""
    index = f"ragkit index {shlex.quote(str(place.absolute))}"
    when = _when(row)
    if not os.path.lexists(place.absolute):
        there = Path(place.root.path).exists()
        what = "the file is gone" if there else f"its root {place.root.path} is not there"
        answer = f"{what}; as it was {when}, {_holds(row)}"
        return Whereabouts(path, "gone", answer, f"ragkit index {_root(place)}", row)
    now = _scanned(place, max_bytes)
    if isinstance(now, SkippedPath):  # by the rules as they are now
        made = _passed(path, place, now)
        kept = f"; what was read of it {when} is kept until the next index" if row.passages else ""
        return replace(made, file=row, answer=made.answer + kept)
    if row.kind is not None and row.seconds is None:  # it was passed over, and would not be now
        answer = f"it was left out {when} ({row.reason}), and would be read now"
        return Whereabouts(path, "new", answer, index, row)
    if row.stale:
        answer = f"it has changed since it was read {when}; as it was then, {_holds(row)}"
        return Whereabouts(path, "changed", answer, index, row)
    if row.status in ("skipped", "failed"):
        what = "left out" if row.status == "skipped" else "could not be read"
        answer = f"{what} {when}, and unchanged since: {row.reason}"
        return Whereabouts(path, row.status, answer, _remedy(row.kind, row.reason, place), row)
    return _read(connection, path, row)


def _read(connection: sqlite3.Connection, path: str, row: FileStatus) -> Whereabouts:
    """Of a file that was read and has not changed."""
    answer = f"read {_when(row)} and unchanged since: {_holds(row)}"
    waiting = _pending(connection, row)
    if waiting:
        answer += f"; {waiting} of them are found by their words only, not yet by meaning"
    if row.unread_count:
        answer += f"; {row.unread_count:,} in it not read"
    if row.warnings:
        answer += f"; {row.warnings[0]}"
    listing = f"ragkit ls --failed {shlex.quote(path)}" if row.unread_count else None
    return Whereabouts(path, row.status, answer, "ragkit index" if waiting else listing, row)


def _holds(row: FileStatus) -> str:
    """What a file holds, in words."""
    if row.status in ("skipped", "failed"):
        return f"it was not read: {row.reason}"
    if not row.passages:
        return "it holds no text"
    of = f" of {row.documents:,} documents" if row.documents > 1 else ""
    return f"{_passages(row.passages)}{of}, {row.media_type}"


def _passages(number: int) -> str:
    return f"{number:,} passage{'' if number == 1 else 's'}"


def _pending(connection: sqlite3.Connection, row: FileStatus) -> int:
    model = embeddings.model(connection)
    if model is None or not row.passages:
        return 0
    documents = document_rows.list_records(connection, row.root, row.path).values()
    return sum(
        embeddings.count_pending_in_document(connection, model["id"], each) for each, _ in documents
    )


def _folder(path: str, rows: Sequence[FileStatus]) -> Whereabouts:
    """Of a folder, from the rows of what is in it."""
    read = [row for row in rows if row.status not in ("skipped", "failed")]
    missing = [row for row in rows if file_status.is_missing(row)]
    left_out = len(rows) - len(read) - len(missing)
    answer = f"a folder: {len(read):,} of {len(read) + len(missing):,} files were read"
    answer += f", {_passages(sum(row.passages for row in read))}"
    stale = sum(row.stale for row in rows)
    for number, what in ((left_out, "left out"), (stale, "changed or gone since")):
        answer += f"; {number:,} {what}" if number else ""
    if stale:
        return Whereabouts(path, "folder", answer, f"ragkit index {shlex.quote(path)}")
    listing = f"ragkit ls --failed {shlex.quote(path)}"
    return Whereabouts(path, "folder", answer, listing if missing or left_out else None)


def _member(
    connection: sqlite3.Connection, path: str, place: RootPath, holder: FileStatus
) -> Whereabouts:
    """Of what is in an archive or a mailbox."""
    record = place.path.removeprefix(f"{holder.path}/")
    index = f"ragkit index {shlex.quote(str(Path(holder.root, holder.path)))}"
    state, tail = ("changed", "; that file has changed or gone since") if holder.stale else ("", "")
    for each in holder.unread:
        if each.record == record:
            answer = f"in {holder.path}, not read: {each.reason}{tail}"
            state = state or ("skipped" if each.skipped else "failed")
            remedy = index if tail else _remedy(each.kind, each.reason, place)
            return Whereabouts(path, state, answer, remedy, holder)
    found = document_rows.list_records(connection, holder.root, holder.path).get(record)
    if found is not None:
        answer = f"in {holder.path}, read {_when(holder)}: {_passages(found[1])}{tail}"
        return Whereabouts(path, state or "indexed", answer, index if tail else None, holder)
    answer = f"{holder.path} had no {record} when it was read {_when(holder)}{tail}"
    if holder.reason:
        answer = f"{holder.path} was not read: {holder.reason}{tail}"
    return Whereabouts(path, state or "unknown", answer, index if tail else None, holder)


def _unknown(path: str, place: RootPath, max_bytes: int) -> Whereabouts:
    """Of what is in a root but not in the ledger."""
    now = _scanned(place, max_bytes)
    if isinstance(now, SkippedPath):
        return _passed(path, place, now)
    if now is None and not place.absolute.is_dir():
        return Whereabouts(path, "unknown", f"there is no such file in {place.root.path}")
    index = f"ragkit index {shlex.quote(str(place.absolute))}"
    what = "holds no file that would be read" if now is None else "it is new since the last index"
    return Whereabouts(path, "new", what, None if now is None else index)


def _passed(path: str, place: RootPath, passed: SkippedPath) -> Whereabouts:
    """Of what the rules pass over, itself or a folder around it."""
    what = f"the folder {passed.path} is " if passed.path.endswith("/") else ""
    answer = f"{what}{passed.reason}"
    rule = _RULE.match(passed.reason)
    if rule is not None:
        answer += f" ({_line(Path(place.root.folder, rule[1]), int(rule[2]))})"
    return Whereabouts(path, "skipped", answer, _remedy(passed.kind, passed.reason, place))


def _line(file: Path, number: int) -> str:
    """A line of an ignore file."""
    try:
        lines = file.read_bytes().decode("utf-8", "replace").split("\n")
        return lines[number - 1].strip()
    except (OSError, IndexError):
        return "a rule that is gone by now"


def _scanned(place: RootPath, max_bytes: int) -> ScannedFile | SkippedPath | None:
    """What a run of `index` would meet at this place first."""
    root = place.root
    if not Path(root.path).exists():
        return None
    entries = scan(
        Path(root.path),
        include=root.include,
        exclude=root.exclude,
        max_bytes=max_bytes,
        under="" if root.path != root.folder else place.path,
    )
    first = list(islice(entries, 1))
    return first[0] if first else None


def _remedy(kind: str | None, reason: str | None, place: RootPath) -> str | None:
    written = _REMEDIES.get("no_text_layer" if reason == NO_ENGINE_REASON else kind or "")
    index = f"ragkit index {shlex.quote(str(place.absolute))}"
    return written.format(index=index, root=_root(place)) if written else None


def _root(place: RootPath) -> str:
    return shlex.quote(place.root.path)


def _when(row: FileStatus) -> str:
    """When a row was written, by this machine's clock."""
    if row.indexed_at is None:
        return "earlier"
    return f"{datetime.fromisoformat(row.indexed_at).astimezone():on %Y-%m-%d at %H:%M}"
