"""SQLite's errors in words: what was found, and the command that helps."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ragkit.errors import CollectionError

BUSY_TIMEOUT_MS = 10_000  # how long SQLite waits for a lock of another process


def damaged_message(path: Path, what: str) -> str:
    """Return the message that a database is damaged; `what` is a phrase about the damage."""
    return (
        f"{path} is damaged ({what}). See what is wrong and repair what can be repaired with: "
        f"ragkit doctor --repair. If that does not help, move {path.parent} away and index the "
        "folders again"
    )


def to_collection_error(error: sqlite3.Error, path: Path) -> CollectionError:
    """Return SQLite's error as a CollectionError that names the remedy."""
    text = str(error).partition(" with text ")[0]  # which is followed by a document's bytes
    messages = (message for words, message in _MESSAGES if any(word in text for word in words))
    message = next(messages, None)
    if message is None:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        is_damage = isinstance(error, sqlite3.IntegrityError)
        message = _DAMAGED if is_damage else _MESSAGES_BY_CODE.get(code, _OTHER)
    if message is _DAMAGED:
        return CollectionError(damaged_message(path, text))
    return CollectionError(message.format(path=path, text=text, seconds=BUSY_TIMEOUT_MS // 1000))


_DAMAGED = "damaged"
_OTHER = "{path} cannot be used: {text}"
# The first line with one of its words in SQLite's message applies.
_MESSAGES = (
    (
        ("not a database",),
        "{path} is not a SQLite database. Move it away, or name another folder: ragkit -c DIR",
    ),
    (("readonly", "read-only"), "cannot write to {path}: it is read-only"),
    (
        ("full",),
        "the disk is full: {path} keeps all that was committed. Free some space and run the same "
        "command again",
    ),
    (
        ("locked", "busy"),
        "{path} stayed locked for {seconds} s by another program; try again when it has finished",
    ),
    (
        (
            "malformed", "corrupt", "no such table", "no such column", "has no column named",
            "no such index", "Could not decode", "datatype mismatch", "integer overflow",
            "columns but", "unsupported file format", "syntax error", "unrecognized token",
            "too big", "no such module",
        ),
        _DAMAGED,
    ),
)  # fmt: skip
_MESSAGES_BY_CODE = {
    sqlite3.SQLITE_IOERR: (
        "{path} cannot be read or written: {text}. The disk, or the connection to it, has failed; "
        "what was committed is kept. Run the same command again"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{path} cannot be opened: {text}. Check that it exists, that you may read it and its "
        "folder, and that not too many files are open"
    ),
}
