"""The errors that ragkit raises on purpose. Each message says what was found, what was expected
and, where there is one, the command that fixes it.

    RagkitError
    ├── UsageError         a wrong argument or wrong input                exit code 2
    ├── DocumentError      one file cannot be read: recorded, never fatal
    └── UnavailableError   a required resource cannot be used             exit code 3
        ├── CollectionError    the database, its lock, an index file
        │   └── BusyError      another process is writing
        └── ModelError         the encoder, a language model

Only the command line and the servers turn these into exit and status codes.
"""

from __future__ import annotations


class RagkitError(Exception):
    """Base of all errors that ragkit raises on purpose."""


class UsageError(RagkitError):
    """A wrong argument: an empty query, a missing folder, k below 1."""


class DocumentError(RagkitError):
    """A file that cannot be read; its message becomes the reason in the file's status.

    `kind` is the stable name of the reason (docs/formats.md lists them), by which reasons are
    counted. `skipped` is True where the file is not a document (binary, unknown format), so that
    its status is "skipped" rather than "failed".
    """

    def __init__(self, reason: str, *, kind: str = "damaged", skipped: bool = False) -> None:
        super().__init__(reason)
        self.kind = kind
        self.skipped = skipped


class UnavailableError(RagkitError):
    """A resource that the operation needs cannot be used."""


class CollectionError(UnavailableError):
    """The collection cannot be used: missing, locked, damaged, newer, read-only."""


class BusyError(CollectionError):
    """Another process is writing to the collection; the same call works later."""


class ModelError(UnavailableError):
    """An encoder or a language model cannot be used: not found, not reachable, incomplete, unsafe,
    or not the one of the collection."""
