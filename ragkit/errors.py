"""Everything ragkit raises on purpose. Each message says what was found, what was expected
and, where there is one, the command that mends it.

    RagkitError
    ├── UsageError         the caller's words or numbers are wrong        exit code 2
    ├── DocumentError      one file cannot be read: recorded, never fatal
    └── UnavailableError   something that is needed cannot be used        exit code 3
        ├── CollectionError    the database, its lock, an index file
        │   └── BusyError      another process writes just now
        └── ModelError         the encoder, a language model

Only the command line and the servers turn these into exit and status codes.
"""

from __future__ import annotations


class RagkitError(Exception):
    """Base of all errors that ragkit raises on purpose."""


class UsageError(RagkitError):
    """A wrong argument: an empty query, a folder that is not there, k below 1."""


class DocumentError(RagkitError):
    """A file that cannot be read; its message becomes the reason in the ledger.

    `kind` is the reason in a word that stays the same (docs/formats.md lists them), by which
    reasons are counted. `skipped` is True where the file is no document at all (binary, unknown
    format), so that the ledger says skipped rather than failed.
    """

    def __init__(self, reason: str, *, kind: str = "damaged", skipped: bool = False) -> None:
        super().__init__(reason)
        self.kind = kind
        self.skipped = skipped


class UnavailableError(RagkitError):
    """Something that the work needs cannot be used."""


class CollectionError(UnavailableError):
    """The collection cannot be used: missing, locked, damaged, newer, read-only."""


class BusyError(CollectionError):
    """Another process writes to the collection just now: the same call works later."""


class ModelError(UnavailableError):
    """An encoder or a language model cannot be used: not found or not to be reached, incomplete,
    unsafe, or not the collection's."""
