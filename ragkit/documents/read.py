"""Bytes of a file → documents: chooses the reader by the file's type, and opens containers.

A container (an archive, a mailbox, a message with attachments) is a function from bytes to members
(`registry.Format.members`). Members that are containers themselves are opened in turn, to a bounded
depth. One bad file never stops a run: every file and every member ends as a `Record`, with a
document or with the reason why there is none. Knows no format: see `registry`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath

from ragkit.documents.detect import DetectedFile, detect, format_by_name
from ragkit.documents.ocr import Ocr
from ragkit.documents.registry import FORMATS, Member, load
from ragkit.documents.unpacking.compressed import decompress
from ragkit.documents.unpacking.limits import Budget, BudgetExceededError
from ragkit.errors import DocumentError
from ragkit.records.documents import Document, Record
from ragkit.records.media_types import IMAGES

READER_VERSION = 12  # raised when the same bytes give another document: files are read again
OUT_OF_MEMORY = "too large for the memory of this machine"
_SHARED_EXTENSIONS = frozenset({".key", ".prc"})  # also of keys in PEM, and of Palm programs
_MAX_NAME_LENGTH = 500  # characters

Container = Callable[[bytes, str, Budget], Iterator[Member]]
Decryptor = Callable[[bytes, Sequence[str]], bytes | None]


def read(data: bytes, name: str, ocr: Ocr | None = None) -> Document:
    """Read one file from its bytes and its name (or relative path, "/" between its parts).

    A compressed file is read as what it contains, an e-mail without its attachments. A file
    without text gives a document whose text is "". `ocr` recognises text in images of pages.
    Raises `DocumentError`, with `skipped` true for files that are no document (binary, an unknown
    format), false for those that are broken, encrypted or have no text to extract; nothing else.
    """
    try:
        return _read_one(decompress_file(detect(data, name), Budget()), ocr)
    except DocumentError:
        raise
    except Exception as error:
        raise as_document_error(error) from error


def read_all(
    data: bytes,
    name: str,
    *,
    records: bool = False,
    budget: Budget | None = None,
    ocr: Ocr | None = None,
    passwords: Sequence[str] = (),
) -> Iterator[Record]:
    """`read_detected` of a file whose type is not known yet."""
    file = detect(data, name)
    return read_detected(file, records=records, budget=budget, ocr=ocr, passwords=passwords)


def read_detected(
    file: DetectedFile,
    *,
    records: bool = False,
    budget: Budget | None = None,
    ocr: Ocr | None = None,
    passwords: Sequence[str] = (),
) -> Iterator[Record]:
    """Yield every document of one file, in its order: one for most files, each message of a
    mailbox with its attachments, each file in an archive.

    `records` makes a document of every row, element or line of a table, JSON or XML file. `budget`
    limits what the file may cost (default: `Budget()`). `ocr` recognises text in images of pages;
    its time is not charged to the budget. `passwords` are tried on encrypted files and members.
    What cannot be read is a `Record` with the reason. Raises nothing for the file's content.
    """
    limits = budget or Budget()

    def read_one(part: DetectedFile) -> Document:
        before = ocr.seconds if ocr else 0.0
        try:
            return _read_one(part, ocr)
        finally:
            limits.seconds += (ocr.seconds if ocr else 0.0) - before

    return _ContainerWalk(read_one, records, limits, tuple(passwords)).read_all(file)


def find_member(
    file: DetectedFile, record: str, budget: Budget | None = None
) -> DetectedFile | None:
    """Return the file that became the document `record` of a file: a member of an archive, or of
    a message; decompressed. "" is the file itself. None if there is none. Reads no document."""
    last: DetectedFile | None = None

    def keep(part: DetectedFile) -> Document:
        nonlocal last
        last = part
        raise DocumentError("only looked for", skipped=True)

    for found in _ContainerWalk(keep, False, budget or Budget()).read_all(file):
        if found.name == record and found.document is None and last is not None:
            return last
        last = None
    return None


def _read_one(file: DetectedFile, ocr: Ocr | None) -> Document:
    """Read a file that is not compressed as one document. Raises what its reader raises."""
    row = FORMATS[file.media_type]
    if row.reason:
        skipped = row.reason_kind != "encrypted"
        raise DocumentError(row.reason, kind=row.reason_kind, skipped=skipped)
    if not row.reader:
        raise DocumentError(f"{row.label} of documents", kind="no_document", skipped=True)
    reader = load(row.reader)
    ocr_argument = (ocr,) if row.paged else ()
    beside_argument = (file.beside,) if row.beside else ()
    document: Document = reader(file.data, file.name, *ocr_argument, *beside_argument)
    warning = _type_warning(file)
    warnings = (warning,) if warning is not None and file.data.strip() else ()
    document = replace(
        document,
        media_type=file.media_type,
        media_type_by=file.detected_by,
        warnings=(*document.warnings, *warnings),
    )
    if not document.text.strip():
        return replace(document, text="", headings=(), fences=(), pages=(), locators=(), tables=())
    return document


def _type_warning(file: DetectedFile) -> str | None:
    """A warning if name and content indicate different kinds of files."""
    by_name, by_content = format_by_name(file.name), FORMATS[file.media_type]
    if by_name is None or by_name.label == by_content.label:
        return None
    if PurePosixPath(file.name.lower()).suffix in _SHARED_EXTENSIONS:
        return None
    return f"the name says {by_name.label}, the content is {by_content.label}"


@dataclass(slots=True)
class _ContainerWalk:
    """Reads one file with everything in it, within one budget."""

    read: Callable[[DetectedFile], Document]  # raises DocumentError
    by_records: bool  # one document per row, element or line of data files
    budget: Budget = field(default_factory=Budget)
    passwords: tuple[str, ...] = field(default=(), repr=False)  # tried on encrypted files
    _name_counts: dict[str, int] = field(default_factory=dict)  # record name → times it occurred
    _images: dict[bytes, str] = field(default_factory=dict)  # hash of an image → its record

    def read_all(self, file: DetectedFile) -> Iterator[Record]:
        """Yield every document of the file and of its members. Raises nothing for its content."""
        try:
            yield from self._read_file(file, "", 0)
        except BudgetExceededError as error:
            yield Record("", reason=str(error), kind=error.kind)

    def _read_file(
        self, file: DetectedFile, record: str, depth: int, *, is_decrypted: bool = False
    ) -> Iterator[Record]:
        try:
            file = decompress_file(file, self.budget)
            container = self._container(file.media_type)
        except Exception as error:
            yield _failed_record(record, error)
            return
        if container is None:
            result = self._read_single(file, record)
            if result.document is None and result.kind == "encrypted" and not is_decrypted:
                decrypted = self._decrypt(file, record)
                if isinstance(decrypted, DetectedFile):
                    yield from self._read_file(decrypted, record, depth, is_decrypted=True)
                else:
                    yield decrypted or result
                return
            yield result
            attachments = FORMATS[file.media_type].attachments
            if attachments and depth < self.budget.depth:
                members = load(attachments)(file.data, file.name, self.budget)
                yield from self._read_members(members, record, depth)
        elif depth == self.budget.depth:
            reason = f"nested more than {depth} files deep"
            yield Record(record, reason=reason, kind="limit")
        else:
            yield from self._read_members(
                container(file.data, file.name, self.budget), record, depth
            )

    def _container(self, media_type: str) -> Container | None:
        """The function that lists the members of files of this type; None for a single document."""
        row = FORMATS[media_type]
        reference = row.members or (row.records if self.by_records else "")
        if not reference:
            return None
        members = load(reference)
        container: Container = (
            partial(members, passwords=self.passwords) if row.takes_passwords else members
        )
        return container

    def _decrypt(self, file: DetectedFile, record: str) -> DetectedFile | Record | None:
        """Return an encrypted file without its encryption; the record with the reason if that
        fails; None if no password opens it."""
        decryptor = FORMATS[file.media_type].decryptor
        if not decryptor:
            return None
        try:
            decrypt: Decryptor = load(decryptor)
            data = decrypt(file.data, self.passwords)
        except Exception as error:
            return _failed_record(record, error)
        return None if data is None else detect(data, file.name)

    def _read_members(self, members: Iterator[Member], record: str, depth: int) -> Iterator[Record]:
        while True:
            try:
                member = next(members, None)
            except Exception as error:
                yield _failed_record(record, error)
                return
            if member is None:
                return
            name = self._unique_name(record, member.name) if member.name else record
            if member.document is not None:
                yield Record(name, member.document)
            elif member.reason is not None:
                yield Record(name, reason=member.reason, skipped=member.skipped, kind=member.kind)
            else:
                file = detect(member.data, safe_member_name(member.name))
                if (first := self._first_image(file, name)) != name:
                    reason = f"a repeated image: the same as {first}"
                    yield Record(name, reason=reason, skipped=True, kind="no_document")
                else:
                    for inner in self._read_file(file, name, depth + 1):
                        yield _with_metadata(inner, member.metadata)

    def _first_image(self, file: DetectedFile, name: str) -> str:
        """The name under which an image occurred first: logos of a letter head and avatars are in
        every message of a mailbox. The name itself for other files."""
        if file.media_type not in IMAGES:
            return name
        return self._images.setdefault(hashlib.sha256(file.data).digest(), name)

    def _read_single(self, file: DetectedFile, record: str) -> Record:
        try:
            return Record(record, self.read(file))
        except Exception as error:
            return _failed_record(record, error)

    def _unique_name(self, record: str, name: str) -> str:
        """The member's path in the file: safe to show, and different from all others."""
        inner = safe_member_name(name)
        first = unique = f"{record}/{inner}" if record else inner
        path = PurePosixPath(first)
        while unique in self._name_counts:
            self._name_counts[first] += 1
            unique = str(path.with_name(f"{path.stem} ({self._name_counts[first]}){path.suffix}"))
        self._name_counts[unique] = 1
        return unique


def _with_metadata(record: Record, metadata: Mapping[str, str]) -> Record:
    """A record whose document has these metadata, except where it has its own."""
    document = record.document
    if not metadata or document is None:
        return record
    return replace(record, document=replace(document, metadata={**metadata, **document.metadata}))


def as_document_error(error: Exception) -> DocumentError:
    """Return an exception that a reader raised as a `DocumentError` with a reason for users."""
    if isinstance(error, DocumentError):
        return error
    if isinstance(error, MemoryError):
        return DocumentError(OUT_OF_MEMORY, kind="limit")
    # Parsers of broken files fail in ways that nobody has listed.
    detail = " ".join(f"{type(error).__name__}: {error}".split())[:120]
    return DocumentError(f"cannot be read: {detail}")


def _failed_record(record: str, error: Exception) -> Record:
    """The record of a document that could not be read. An exceeded budget ends the whole file: it
    is raised again."""
    if isinstance(error, BudgetExceededError):
        raise error
    reason = as_document_error(error)
    return Record(record, reason=str(reason), skipped=reason.skipped, kind=reason.kind)


def decompress_file(file: DetectedFile, budget: Budget) -> DetectedFile:
    """Return what a compressed file contains, with its type; other files as they are.

    Raises DocumentError for damaged data and for more than `budget` allows.
    """
    for _ in range(budget.depth):
        row = FORMATS[file.media_type]
        if not row.decompressor:
            return file
        file = detect(*decompress(file.data, file.name, load(row.decompressor), budget))
    raise DocumentError(f"compressed more than {budget.depth} times over", kind="limit")


def safe_member_name(name: str) -> str:
    """Return a member's name as a printable relative path without `..`, at most 500 characters."""
    name = name.encode("utf-8", "backslashreplace").decode()
    name = "".join(char if char.isprintable() else "_" for char in name.replace("\\", "/"))
    parts = [part.strip() for part in name.split("/")]
    path = "/".join(part for part in parts if part not in ("", ".", ".."))
    return path[-_MAX_NAME_LENGTH:].lstrip("/") or "unnamed"
