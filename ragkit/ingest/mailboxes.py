"""Mailboxes (mbox) of any size, in pieces: each is a mailbox of some megabytes.

A mailbox grows with the years to gigabytes, and its newest messages are at its end. It is therefore
neither refused for its size nor read into memory as a whole. Knows where a message begins; the
pieces are read like files.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b

from ragkit.documents.detect import DetectedFile, detect
from ragkit.records.media_types import MBOX
from ragkit.storage.source_files import open_source, sample_source

PIECE_BYTES = 16_000_000
MAX_MESSAGE_BYTES = 128_000_000
_HEAD_BYTES = 4_000
_READ_BYTES = 1 << 20
_OVERLAP = 2_000  # bytes in which a line that begins a message may have been cut


@dataclass(frozen=True, slots=True)
class MailboxPiece:
    """Some messages of a mailbox, as a mailbox."""

    file: DetectedFile | None  # None for one message over `MAX_MESSAGE_BYTES`
    first: int  # number of its first message in the whole mailbox, from 1

    def renumber(self, record: str) -> str:
        """Return the name in the whole mailbox of a record of this piece. What concerns all of the
        piece gets the number of its first message."""
        number, slash, name = record.partition("/")
        return f"{int(number or 1) + self.first - 1}{slash}{name}"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox on the disk that is too large to be read at once."""

    root: str
    path: str
    status: os.stat_result  # when it was opened
    digest: bytes  # as `files.content_hash` of its content
    sample: str

    def is_unchanged(self) -> bool:
        """Whether the file has still the size and the times that it had when it was opened."""
        descriptor = open_source(self.root, self.path)
        try:
            now = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        before = self.status
        return (now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (
            before.st_size, before.st_mtime_ns, before.st_ctime_ns,
        )  # fmt: skip

    def pieces(self) -> Iterator[MailboxPiece]:
        """Yield the mailbox in pieces of about `PIECE_BYTES`. A message is never cut: a longer one
        is a piece of its own. Raises OSError."""
        first = 1
        buffer = bytearray()
        searched = 0  # offset of the last part in which no further message was found
        is_too_large = False  # of the message at the start of the buffer, whose start is dropped
        chunks = closing(_chunks(self.root, self.path, self.status.st_size))
        with chunks as source:
            for chunk in source:
                buffer += chunk
                if len(buffer) < PIECE_BYTES and not is_too_large:
                    continue
                cut = (_next_message if is_too_large else _last_message)(buffer, searched)
                if cut is None:
                    searched = max(0, len(buffer) - _OVERLAP)
                    if len(buffer) > MAX_MESSAGE_BYTES:
                        is_too_large = True
                    if is_too_large:
                        searched = 0
                        del buffer[:-_OVERLAP]
                    continue
                piece = bytes(buffer[:cut])
                del buffer[:cut]
                searched = 0
                yield MailboxPiece(None if is_too_large else self._file(piece), first)
                first += 1 if is_too_large else sum(1 for _ in _from_lines(piece))
                is_too_large = False
        if is_too_large:
            yield MailboxPiece(None, first)
        elif buffer:
            yield MailboxPiece(self._file(bytes(buffer)), first)

    def _file(self, data: bytes) -> DetectedFile:
        return DetectedFile(data, self.path, MBOX, "content")


def open_mailbox(root: str, path: str) -> Mailbox | None:
    """Return the mailbox at `path` in the folder `root`; None if the file is something else.

    Raises OSError as `open_source` does.
    """
    descriptor = open_source(root, path)
    try:
        status = os.fstat(descriptor)
        head = os.read(descriptor, _HEAD_BYTES)
    finally:
        os.close(descriptor)
    if detect(head, path).media_type != MBOX:
        return None
    digest = hash_file(root, path, status.st_size)
    return Mailbox(root, path, status, digest, sample_source(root, path))


def hash_file(root: str, path: str, size: int) -> bytes:
    """Return the hash of the first `size` bytes of a file, as `files.content_hash` of its content.

    Takes a megabyte of memory, whatever the size. Raises OSError.
    """
    digest = blake2b(digest_size=20)
    for chunk in _chunks(root, path, size):
        digest.update(chunk)
    return digest.digest()


def _chunks(root: str, path: str, size: int) -> Generator[bytes, None, None]:
    """Yield the first `size` bytes of a file, a megabyte at a time."""
    descriptor = open_source(root, path)
    try:
        while size > 0 and (chunk := os.read(descriptor, min(size, _READ_BYTES))):
            size -= len(chunk)
            yield chunk
    finally:
        os.close(descriptor)


def _from_lines(
    data: bytes | bytearray, start: int = 0, end: int = sys.maxsize
) -> Iterator[re.Match[bytes]]:
    """The lines before the messages in this part of a mailbox."""
    from ragkit.documents.formats.mail.eml import from_lines  # its readers: not for every run

    return from_lines(data, start, end)


def _next_message(buffer: bytearray, searched: int) -> int | None:
    """Return where the first message after the start of a buffer begins."""
    found = (match.start() for match in _from_lines(buffer, searched))
    return next((start for start in found if start > 0), None)


def _last_message(buffer: bytearray, searched: int) -> int | None:
    """Return where the last message of a buffer begins, if another precedes it; the part before
    `searched` has none."""
    end = len(buffer)
    while end > searched:
        # The line before a message and its first header decide, so parts overlap.
        begin = max(0, end - _READ_BYTES)
        found = [match.start() for match in _from_lines(buffer, max(0, begin - _OVERLAP), end)]
        if found and found[-1] > 0:
            return found[-1]
        end = begin
    return None
