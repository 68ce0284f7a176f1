"""Files that hold several documents: walks archives, mailboxes and what is attached in them.

A container is a function from bytes to members. Members that are containers themselves are opened
in turn, to a bounded depth; every member ends as a `Record`, with a document or with a reason.
Knows no format: the table of containers is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ragkit.documents import detect
from ragkit.documents.budget import Budget, SpentError
from ragkit.documents.detect import Sniffed
from ragkit.documents.unpacking import compressed
from ragkit.errors import DocumentError
from ragkit.records.documents import Document, Record

OUT_OF_MEMORY = "too large for the memory of this machine"
_LONGEST_NAME = 500  # characters


@dataclass(frozen=True, slots=True)
class Member:
    """What a container holds: bytes to be read by their name, a document, or a reason why not."""

    name: str  # as the container has it; "" for the container's own document
    data: bytes = b""
    document: Document | None = None
    reason: str | None = None
    skipped: bool = False
    kind: str = "damaged"  # the reason in a word: see docs/formats.md


Container = Callable[[bytes, str, Budget], Iterator[Member]]


@dataclass(slots=True)
class Walk:
    """One file being opened up."""

    read: Callable[[bytes, str], Document]  # raises nothing but DocumentError
    containers: Mapping[str, Container]
    budget: Budget = field(default_factory=Budget)
    names: dict[str, int] = field(default_factory=dict)  # given so far, and how often asked for

    def records(self, data: bytes, name: str) -> Iterator[Record]:
        """Every document of the file and of what is in it. Raises nothing for what it holds."""
        try:
            yield from self._file(data, name, "", 0)
        except SpentError as error:
            yield Record("", reason=str(error), kind=error.kind)

    def _file(self, data: bytes, name: str, record: str, depth: int) -> Iterator[Record]:
        try:
            data, name, sniffed = unwrapped(data, name, self.budget)
        except Exception as error:
            yield _failed(record, error)
            return
        container = self.containers.get(sniffed.media_type)
        if container is None:
            yield self._single(data, name, record)
        elif depth == self.budget.depth:
            reason = f"nested more than {depth} files deep"
            yield Record(record, reason=reason, kind="limit")
        else:
            yield from self._members(container(data, name, self.budget), record, depth)

    def _members(self, members: Iterator[Member], record: str, depth: int) -> Iterator[Record]:
        while True:
            try:
                member = next(members, None)
            except Exception as error:
                yield _failed(record, error)
                return
            if member is None:
                return
            inner = self._unique(record, member.name) if member.name else record
            if member.document is not None:
                yield Record(inner, member.document)
            elif member.reason is not None:
                yield Record(inner, reason=member.reason, skipped=member.skipped, kind=member.kind)
            else:
                yield from self._file(member.data, safe_name(member.name), inner, depth + 1)

    def _single(self, data: bytes, name: str, record: str) -> Record:
        try:
            return Record(record, self.read(data, name))
        except Exception as error:
            return _failed(record, error)

    def _unique(self, record: str, name: str) -> str:
        """The member's place in the file: safe to show, and given to no other."""
        inner = safe_name(name)
        wanted = unique = f"{record}/{inner}" if record else inner
        path = PurePosixPath(wanted)
        while unique in self.names:
            self.names[wanted] += 1
            unique = str(path.with_name(f"{path.stem} ({self.names[wanted]}){path.suffix}"))
        self.names[unique] = 1
        return unique


def as_document_error(error: Exception) -> DocumentError:
    """What went wrong with a file, as the one error that says so to users."""
    if isinstance(error, DocumentError):
        return error
    if isinstance(error, MemoryError):
        return DocumentError(OUT_OF_MEMORY, kind="limit")
    # Parsers of broken files fail in ways nobody has listed.
    detail = " ".join(f"{type(error).__name__}: {error}".split())[:120]
    return DocumentError(f"cannot be read: {detail}")


def _failed(record: str, error: Exception) -> Record:
    """The record of what could not be read. A spent budget is the whole file's: raised again."""
    if isinstance(error, SpentError):
        raise error
    told = as_document_error(error)
    return Record(record, reason=str(told), skipped=told.skipped, kind=told.kind)


def unwrapped(data: bytes, name: str, budget: Budget) -> tuple[bytes, str, Sniffed]:
    """Content, name and what tells the type of a file, taken out of what it is compressed by.

    Raises DocumentError where that is damaged, too large or wrapped too often.
    """
    for _ in range(budget.depth):
        sniffed = detect.sniffed(data, name)
        if sniffed.media_type not in compressed.OPENERS:
            return data, name, sniffed
        data, name = compressed.inflate(data, name, sniffed.media_type, budget)
    raise DocumentError(f"compressed more than {budget.depth} times over", kind="limit")


def safe_name(name: str) -> str:
    """A member's name as a relative path that shows what it is and leads nowhere."""
    name = name.encode("utf-8", "backslashreplace").decode()
    name = "".join(each if each.isprintable() else "_" for each in name.replace("\\", "/"))
    parts = [part.strip() for part in name.split("/")]
    kept = "/".join(part for part in parts if part not in ("", ".", ".."))
    return kept[-_LONGEST_NAME:].lstrip("/") or "unnamed"
