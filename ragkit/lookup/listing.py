"""Lists of paths: the documents whose path matches a glob, and the content of folders.

Paths are those of citations: relative to their root, with the path of an archive or a mail before
that of a file in it. Where several roots have the same path, an entry's citation names the root.
Files that were not read are listed with the reason. Reads no text.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ragkit.errors import UsageError
from ragkit.records.lookup import ListEntry, Listing
from ragkit.storage.sqlite import documents
from ragkit.storage.sqlite.documents import PathRow
from ragkit.storage.sqlite.filters import Condition, matching_documents, path_matches

MAX_DEPTH = 20
MAX_GLOB = 1_000  # characters
_MAX_ALTERNATIVES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Which part of a list is returned. Raises UsageError for a value out of range."""

    limit: int = 1_000
    cursor: str | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        if self.limit < 1:
            raise UsageError(f"limit is {self.limit}; expected 1 entry or more")
        if self.cursor is not None and not self.cursor:
            raise UsageError("the cursor is empty; expected that of an earlier result")


def expand_braces(pattern: str) -> list[str]:
    """Return the expansions of a glob with alternatives: `*.{md,txt}`. Raises UsageError
    for a glob that is empty or has too many expansions."""
    if not pattern or len(pattern) > MAX_GLOB:
        raise UsageError(
            f"the glob has {len(pattern):,} characters; expected 1 to {MAX_GLOB:,}, as in **/*.pdf"
        )
    globs = [pattern]
    while True:
        expanded = [glob for each in globs for glob in _expand_first(each)]
        if expanded == globs:
            return globs
        if len(expanded) > _MAX_ALTERNATIVES:
            raise UsageError(
                f"the glob {pattern[:100]!r} has more than {_MAX_ALTERNATIVES} alternatives"
            )
        globs = expanded


def _expand_first(glob: str) -> list[str]:
    """Expand the innermost first pair of braces that contains a comma."""
    for start in (at for at, character in enumerate(glob) if character == "{"):
        end = glob.find("}", start)
        inner = glob[start + 1 : end]
        if end > 0 and "," in inner and "{" not in inner:
            return [f"{glob[:start]}{part}{glob[end + 1 :]}" for part in inner.split(",")]
    return [glob]


def glob(
    connection: sqlite3.Connection, pattern: str, where: Condition | None, options: ListOptions
) -> Listing:
    """Return the documents whose path matches, by path. Case counts; `*` stays within a folder,
    `**` does not; a pattern without a slash is matched against the last part of the path."""
    globs = expand_braces(pattern)
    allowed = None if where is None else set(matching_documents(connection, where))
    every_row = list(documents.path_rows(connection))
    rows = [
        row
        for row in every_row
        if row.document_id is not None
        and (allowed is None or row.document_id in allowed)
        and any(path_matches(glob, row.path) for glob in globs)
    ]
    return _page(connection, every_row, [_document(row) for row in rows], options)


def list_folder(
    connection: sqlite3.Connection,
    path: str,
    depth: int,
    where: Condition | None,
    options: ListOptions,
) -> Listing:
    """Return what is in a folder, or in an archive, down to `depth` levels, by path.

    `path` is relative to the roots, or the citation of a folder; "" lists the roots themselves.
    With `where`, only documents that match, and the folders around them. Raises UsageError for a
    folder that does not exist.
    """
    if not 1 <= depth <= MAX_DEPTH:
        raise UsageError(f"depth is {depth}; expected 1 to {MAX_DEPTH} levels")
    every_row = list(documents.path_rows(connection))
    folder = path.strip("/")
    prefix = "" if folder in ("", ".") else f"{folder}/"
    root = None
    if prefix and not any(row.path.startswith(prefix) for row in every_row):
        root, prefix = _below_named_root(every_row, path.rstrip("/")) or (None, prefix)
    allowed = None if where is None else set(matching_documents(connection, where))
    rows = [
        row
        for row in every_row
        if row.path.startswith(prefix)
        and root in (None, row.root)
        and (allowed is None or (row.document_id is not None and row.document_id in allowed))
    ]
    if not rows and prefix and where is None:
        _refuse_missing(every_row, folder)
    return _page(connection, every_row, _entries(rows, prefix, depth), options)


def _below_named_root(rows: Sequence[PathRow], folder: str) -> tuple[str, str] | None:
    """Return the root and the prefix of the paths in it of a folder that is named after its root's
    last folders, or by its absolute path; None if it is not in exactly one root."""
    found = set()
    for root in {row.root for row in rows}:
        for name in (*documents.root_names(root), root):
            if f"{folder}/".startswith(f"{name}/"):
                found.add((root, f"{folder}/"[len(name) + 1 :]))
    found = {
        (root, prefix)
        for root, prefix in found
        if any(row.root == root and row.path.startswith(prefix) for row in rows)
    }
    return found.pop() if len(found) == 1 else None


def _refuse_missing(rows: Sequence[PathRow], folder: str) -> None:
    import difflib

    if any(row.path == folder for row in rows):
        raise UsageError(f"{folder} is a file, not a folder; to read it: ragkit read {folder}")
    folders = {row.path[:at] for row in rows for at, sign in enumerate(row.path) if sign == "/"}
    similar = difflib.get_close_matches(folder[:1000], folders, n=1)
    hint = f"; the nearest is {similar[0]}" if similar else "; see: ragkit tree"
    raise UsageError(f"no folder {folder[:200]} in this collection{hint}")


def _entries(rows: Iterable[PathRow], prefix: str, depth: int) -> list[ListEntry]:
    """Return the entries below `prefix`, down to `depth` levels; deeper documents are counted."""
    entries: dict[tuple[str, str], ListEntry] = {}
    for row in rows:
        parts = row.path[len(prefix) :].split("/")
        file_parts = row.file_path[len(prefix) :].split("/")
        for level in range(1, min(depth, len(parts) - 1) + 1):
            inner = prefix + "/".join(parts[:level])
            if f"{inner}/" == row.path:  # a folder that was left out
                continue
            is_file = len(row.file_path) > len(prefix) and level == len(file_parts)
            key = (row.root, inner)
            entry = entries.get(key) or ListEntry(
                path=inner if is_file else f"{inner}/",
                kind="container" if is_file else "folder",
                root=row.root,
                documents=0,
                media_type=row.media_type if is_file else None,
            )
            count = entry.documents + (row.document_id is not None)
            kind = "container" if entry.kind == "document" else entry.kind
            entries[key] = replace(entry, documents=count, kind=kind)
        if len(parts) - row.path.endswith("/") <= depth:
            own = _document(row)
            known = entries.get((row.root, row.path))
            if known is not None:  # a mail that has attachments is a document and contains others
                own = replace(own, kind="container", documents=known.documents + 1)
            entries[row.root, row.path] = own
    return list(entries.values())


def _document(row: PathRow) -> ListEntry:
    is_read = row.document_id is not None
    return ListEntry(
        path=row.path,
        kind="document" if is_read else "unread",
        root=row.root,
        documents=int(is_read),
        document_id=row.document_id,
        media_type=row.media_type,
        title=row.title,
        reason=None if is_read else row.reason,
    )


class _Citations:
    """The citations of entries, as `documents.cited_path` gives them, and those of folders."""

    def __init__(self, rows: Iterable[PathRow]) -> None:
        self._roots: defaultdict[str, set[str]] = defaultdict(set)  # path → roots that have it
        every_row = list(rows)
        folders = {row.root for row in every_row}
        self._names = {root: documents.root_names(root) for root in folders}
        for row in every_row if len(folders) > 1 else ():
            path = row.path.rstrip("/")
            while path and row.root not in self._roots[path]:
                self._roots[path].add(row.root)
                path = path.rpartition("/")[0]

    def of(self, root: str, path: str) -> str:
        """Return the citation of the document or folder `path` of a root."""
        inner = path.rstrip("/")
        if len(self._roots.get(inner, ())) < 2:
            return path
        for name in self._names[root]:
            cited = f"{name}/{inner}"
            if self._roots.get(cited) is None and not any(
                other in self._roots.get(cited[len(other_name) + 1 :], ())
                for other, names in self._names.items()
                for other_name in names
                if other != root and cited.startswith(f"{other_name}/")
            ):
                return f"{name}/{path}"
        return f"{root}/{path}"


def _page(
    connection: sqlite3.Connection,
    rows: Sequence[PathRow],
    entries: Sequence[ListEntry],
    options: ListOptions,
) -> Listing:
    """Return the entries after the cursor, which is the path of the last one before. Entries of
    several roots with the same path stay together. `rows` are all of the collection."""
    ordered = sorted(entries, key=lambda entry: (entry.path, entry.root))
    first = 0
    if options.cursor is not None:
        first = bisect_right(ordered, options.cursor, key=lambda entry: entry.path)
    last = min(first + options.limit, len(ordered))
    while 0 < last < len(ordered) and ordered[last].path == ordered[last - 1].path:
        last += 1
    shown = ordered[first:last]
    cursor = shown[-1].path if shown and last < len(ordered) else None
    ids = [entry.document_id for entry in shown if entry.document_id is not None]
    lengths = documents.text_lengths(connection, ids)
    citations = _Citations(rows)
    return Listing(
        tuple(
            replace(
                entry,
                citation=citations.of(entry.root, entry.path),
                characters=lengths.get(entry.document_id) if entry.document_id else None,
            )
            for entry in shown
        ),
        cursor,
        len(ordered),
    )
