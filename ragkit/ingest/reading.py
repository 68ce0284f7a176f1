"""Read files on a background thread: bytes → documents → passages, one file at a time.

A file may contain several documents: an archive, a mailbox, a table read by records. The thread
runs ahead of the embedder by a bounded number of files, so memory does not grow with the folder.
The file type is detected once. Does not know databases or vectors.
"""

from __future__ import annotations

import contextlib
import errno
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from ragkit.documents.detect import DetectedFile, detect
from ragkit.documents.generated import KIND as GENERATED
from ragkit.documents.generated import generated_reason
from ragkit.documents.registry import FORMATS
from ragkit.documents.sandbox import ocr_engines
from ragkit.documents.sandbox.sandbox import Sandbox
from ragkit.errors import UsageError
from ragkit.ingest.change_times import ChangeTimes, may_repeat, wait_for_next_tick
from ragkit.ingest.mailboxes import MAX_MESSAGE_BYTES, Mailbox, open_mailbox
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import FileTask
from ragkit.ingest.scan import ScannedFile, format_bytes, scan
from ragkit.ingest.secrets import check_document, describe
from ragkit.ingest.threads import start_thread
from ragkit.passages.blobs import blob_warning
from ragkit.passages.split import split_document
from ragkit.passages.token_offsets import Tokenizer
from ragkit.records.documents import Document, Passage
from ragkit.records.media_types import MBOX
from ragkit.records.reports import SecretFinding, Unread
from ragkit.storage.source_files import SourceBytes, read_source, sample
from ragkit.storage.sqlite.file_status import LEFT_OUT_KINDS
from ragkit.storage.sqlite.files import MAY_REPEAT, content_hash, storable

ENCRYPTED = "encrypted"  # kind of the reason of files that a password may open
IMAGE_KINDS = ("image", "no_text_layer")  # kinds of reasons that an OCR engine may remedy
MAX_WAITING_FILES = 16  # read, not yet written


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """A document of a file with its passages."""

    record: str  # its name in the file; "" if the file is the document
    document: Document
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The result of one file: its documents, or the reason why there are none."""

    task: FileTask
    size: int  # bytes
    mtime_ns: int
    inode: int
    digest: bytes | None = None
    ctime_ns: int = MAY_REPEAT  # MAY_REPEAT: read it again in the next run
    sample: str | None = None  # of the content, where times of change are not reliable
    media_type: str | None = None
    parts: Sequence[SplitRecord] = ()
    unread: Sequence[Unread] = ()  # parts of the file that could not be read
    reason: str | None = None
    skipped: bool = False  # it is not a document, as opposed to damaged
    is_unchanged: bool = False  # it has its stored content; only the time stamp is new
    kind: str | None = None  # of the reason: see docs/formats.md
    media_type_by: str | None = None  # the type was detected by: content or name
    seconds: float = 0.0  # wall time
    secrets: Sequence[SecretFinding] = ()  # keys, tokens and passwords in its documents
    generated: str = ""  # "read" or "skipped": it, or a part of it, is generated or vendored
    beside: str = ""  # hash of the file that it was read with; see `registry.Format.beside`
    is_partial: bool = False  # more results of the file follow; the last one has the reasons
    saved: Sequence[str] = ()  # records that earlier results of the file had
    saved_recognised: bool = False  # text in one of these was recognised

    @property
    def has_images(self) -> bool:
        """Whether it is an image or has page images, recognised or not."""
        kinds = {self.kind, *(unread_part.kind for unread_part in self.unread)}
        recognised = (part.document.recognition for part in self.parts)
        return (
            self.saved_recognised
            or not kinds.isdisjoint(IMAGE_KINDS)
            or any(recognition is not None for recognition in recognised)
        )

    @property
    def is_encrypted(self) -> bool:
        """Whether no password opened it, or a part of it."""
        return self.kind == ENCRYPTED or any(part.kind == ENCRYPTED for part in self.unread)

    @property
    def has_failed(self) -> bool:
        """Whether it, or a part of it, could not be read."""
        failed = self.reason is not None and not self.skipped
        return failed or any(not unread_part.skipped for unread_part in self.unread)


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What reading needs besides the file: options, read settings, tokenizer."""

    options: IndexOptions
    read_settings: ReadSettings
    load_tokenizer: Callable[[], Tokenizer]  # called when the first document is split
    change_times: ChangeTimes = field(default_factory=ChangeTimes)
    files_beside: dict[tuple[str, str], bytes] = field(default_factory=dict)  # the last one


def read(task: FileTask, context: ReadContext, sandbox: Sandbox) -> ReadResult:
    """Read one file and split its documents. Never raises because of the file."""
    started = time.perf_counter()
    return replace(_read(task, context, sandbox), seconds=time.perf_counter() - started)


def _read(task: FileTask, context: ReadContext, sandbox: Sandbox) -> ReadResult:
    scanned, max_bytes = task.file, context.options.max_file_bytes
    failed = partial(ReadResult, task, scanned.size, scanned.mtime_ns, scanned.inode)
    wait_for_next_tick(scanned.ctime_ns)
    now_ns = time.time_ns()
    try:
        source = _read_bytes(task, max_bytes)
    except OSError as error:
        if error.errno == errno.EFBIG:  # it has grown since it was listed
            reason = f"larger than {format_bytes(max_bytes)}"
            return failed(reason=reason, kind="too_large", skipped=True)
        cause = "permission denied" if isinstance(error, PermissionError) else error.strerror
        return failed(reason=cause or str(error), kind="unreadable")
    data, status = source.data, source.status
    digest = content_hash(data)
    is_reliable = context.change_times.are_reliable(status.st_dev, task.folder)
    has_stamp = source.is_stable and not may_repeat(status, now_ns, reliable=is_reliable)
    file = _with_file_beside(detect(data, scanned.path), task, context)
    beside = content_hash(file.beside).hex() if file.beside else ""
    stored = task.stored
    # A file that failed is read again: the limits may differ, or the machine may be less busy.
    is_unchanged = (
        stored is not None
        and stored.hash == digest
        and context.read_settings.match(
            stored.recipe, is_included=scanned.is_included, beside=beside
        )
        and stored.status != "failed"
    )
    result = partial(
        ReadResult,
        task,
        len(data),
        storable(status.st_mtime_ns),
        storable(status.st_ino),
        digest,
        ctime_ns=storable(status.st_ctime_ns) if has_stamp else MAY_REPEAT,
        sample=None if is_reliable else sample(data),
        beside=beside,
    )
    if _is_password_file(task, context.options):
        reason = "the passwords of this run"
        return result(reason=reason, skipped=True, kind="secret")
    if is_unchanged:
        return result(is_unchanged=True)
    reads_generated = scanned.is_included or context.options.generated
    generated = generated_reason(scanned.path, file.media_type, data)
    if generated is not None and not reads_generated:
        return result(
            media_type=file.media_type,
            media_type_by=file.detected_by,
            reason=generated,
            skipped=True,
            kind=GENERATED,
            generated="skipped",
        )
    parts, unread, secrets = _split_records(file, context, sandbox, reads_generated)
    if reads_generated and (generated is not None or any(map(_is_generated, parts))):
        result = partial(result, generated="read")
    elif any(part.kind == GENERATED for part in unread):
        result = partial(result, generated="skipped")
    result = partial(result, secrets=secrets)
    # An earlier run may have had the password: its text of the same bytes is still right.
    keeps_text = stored is not None and stored.has_text and stored.hash == digest
    return _result_of_parts(result, file, parts, unread, keeps_text=keeps_text)


def _result_of_parts(
    result: Callable[..., ReadResult],
    file: DetectedFile,
    parts: Sequence[SplitRecord],
    unread: Sequence[Unread],
    *,
    keeps_text: bool,
) -> ReadResult:
    """Return the result of a file from its documents and its unread parts. `keeps_text`: if all of
    it is encrypted, it is unchanged."""
    if parts:
        is_single = len(parts) == 1 and not parts[0].record
        first = parts[0].document
        detected = (first.media_type, first.media_type_by)
        media_type, detected_by = detected if is_single else (file.media_type, file.detected_by)
        return result(media_type=media_type, media_type_by=detected_by, parts=parts, unread=unread)
    reason_record = _reason_for_no_document(unread)
    if reason_record.kind == ENCRYPTED and keeps_text:
        return result(is_unchanged=True)
    return result(
        media_type=file.media_type,
        media_type_by=file.detected_by,
        unread=unread if unread[1:] else (),
        reason=reason_record.reason,
        skipped=reason_record.skipped,
        kind=reason_record.kind,
    )


def read_results(task: FileTask, context: ReadContext, sandbox: Sandbox) -> Iterator[ReadResult]:
    """Read one file like `read`; a mailbox over the size limit in pieces, a result for each."""
    mailbox = None
    if task.file.size > context.options.max_file_bytes:
        with contextlib.suppress(OSError):  # `read` says why
            mailbox = open_mailbox(task.folder, task.file.path)
    if mailbox is None:
        yield read(task, context, sandbox)
        return
    try:
        yield from _read_mailbox(task, mailbox, context, sandbox)
    except OSError as error:
        yield ReadResult(
            task, task.file.size, task.file.mtime_ns, task.file.inode,
            reason=error.strerror or str(error), kind="unreadable",
        )  # fmt: skip


def _read_mailbox(
    task: FileTask, mailbox: Mailbox, context: ReadContext, sandbox: Sandbox
) -> Iterator[ReadResult]:
    started = time.perf_counter()
    now_ns, status, stored = time.time_ns(), mailbox.status, task.stored
    is_reliable = context.change_times.are_reliable(status.st_dev, task.folder)
    result = partial(
        ReadResult,
        task,
        status.st_size,
        storable(status.st_mtime_ns),
        storable(status.st_ino),
        mailbox.digest,
        sample=None if is_reliable else mailbox.sample,
        media_type=MBOX,
        media_type_by="content",
    )
    has_stamp = mailbox.is_unchanged() and not may_repeat(status, now_ns, reliable=is_reliable)
    stamp = storable(status.st_ctime_ns) if has_stamp else MAY_REPEAT
    reads_generated = task.file.is_included or context.options.generated
    matches = stored is not None and context.read_settings.match(
        stored.recipe, is_included=task.file.is_included
    )
    if matches and stored and stored.hash == mailbox.digest and stored.status != "failed":
        yield result(is_unchanged=True, ctime_ns=stamp)
        return
    saved: list[str] = []
    unread: list[Unread] = []
    secrets: list[SecretFinding] = []
    is_generated_read = is_recognised = False
    for piece in mailbox.pieces():
        if piece.file is None:
            reason = f"larger than {format_bytes(MAX_MESSAGE_BYTES)}"
            unread.append(Unread(str(piece.first), reason, True, "too_large"))
            continue
        parts, piece_unread, piece_secrets = _split_records(
            piece.file, context, sandbox, reads_generated
        )
        is_generated_read = is_generated_read or (
            reads_generated and any(map(_is_generated, parts))
        )
        is_recognised = is_recognised or any(part.document.recognition for part in parts)
        parts = [replace(part, record=piece.renumber(part.record)) for part in parts]
        unread += [replace(part, record=piece.renumber(part.record)) for part in piece_unread]
        secrets += [replace(found, record=piece.renumber(found.record)) for found in piece_secrets]
        saved += [part.record for part in parts]
        yield result(parts=parts, is_partial=True)
    stamp = stamp if mailbox.is_unchanged() else MAY_REPEAT
    if is_generated_read:
        result = partial(result, generated="read")
    elif any(part.kind == GENERATED for part in unread):
        result = partial(result, generated="skipped")
    result = partial(
        result, ctime_ns=stamp, unread=unread, secrets=secrets, saved=saved,
        saved_recognised=is_recognised,
        seconds=time.perf_counter() - started,
    )  # fmt: skip
    if saved:
        yield result()
    else:
        cause = _reason_for_no_document(unread)
        yield result(reason=cause.reason, skipped=cause.skipped, kind=cause.kind)


def _split_records(
    file: DetectedFile, context: ReadContext, sandbox: Sandbox, reads_generated: bool
) -> tuple[list[SplitRecord], list[Unread], list[SecretFinding]]:
    """Return the documents of a file with their passages, its unread parts, and its secrets."""
    options = context.options
    parts: list[SplitRecord] = []
    unread: list[Unread] = []
    secrets: list[SecretFinding] = []
    for record in sandbox.read(file, records=options.records):
        if record.document is None:
            unread.append(Unread(record.name, record.reason or "", record.skipped, record.kind))
            continue
        if not reads_generated and (reason := _generated_part(record.name, record.document)):
            unread.append(Unread(record.name, reason, True, GENERATED))
            continue
        document, document_secrets = check_document(record.document, options.secrets, record.name)
        secrets += document_secrets
        if document is None:
            reason = f"contains secrets: {describe(document_secrets)}"
            unread.append(Unread(record.name, reason, True, "secret"))
            continue
        if (warning := blob_warning(document.text)) is not None:
            document = replace(document, warnings=(*document.warnings, warning))
        passages = split_document(
            document,
            context.load_tokenizer(),
            size=options.passage_tokens,
            overlap=options.overlap,
            header=options.passage_header,
        )
        parts.append(SplitRecord(record.name, document, passages))
    return parts, unread, secrets


def _generated_part(record: str, document: Document) -> str | None:
    """Return why a member of a file is generated or vendored; None if it is not."""
    if not record or document.media_type is None:
        return None
    return generated_reason(record, document.media_type, document.text.encode(errors="replace"))


def _is_generated(part: SplitRecord) -> bool:
    return _generated_part(part.record, part.document) is not None


def _reason_for_no_document(unread: Sequence[Unread]) -> Unread:
    """Return why a file has no document, from the reasons of its parts."""
    failed = next((unread_part for unread_part in unread if not unread_part.record), None)
    if failed is not None:
        return failed
    if not unread:
        return Unread("", "contains no files", skipped=True, kind="no_document")
    # What may contain a document decides: it must not be hidden by logos and signatures.
    missing = [part for part in unread if part.kind not in LEFT_OUT_KINDS]
    broken = [part for part in unread if not part.skipped]
    (reason, times), *_ = Counter(part.reason for part in missing or unread).most_common(1)
    (kind, _), *_ = Counter(part.kind for part in broken or missing or unread).most_common(1)
    reason = f"nothing to read in it: {times:,} of {len(unread):,} {reason}"
    return Unread("", reason, skipped=not broken, kind=kind)


def _is_password_file(task: FileTask, options: IndexOptions) -> bool:
    if options.password_file is None:
        return False
    with contextlib.suppress(OSError):
        return options.password_file.samefile(Path(task.folder, task.file.path))
    return False


def _with_file_beside(file: DetectedFile, task: FileTask, context: ReadContext) -> DetectedFile:
    """Return a file with the one that its reader needs besides, where there is one. All days of an
    export have the same: it is read once."""
    name = FORMATS[file.media_type].beside
    inner = PurePosixPath(file.name).parent
    if not name or inner == inner.parent:
        return file
    place = task.folder, str(inner.parent / name)
    if place not in context.files_beside:
        found = _read_beside(task, place[1], context.options.max_file_bytes)
        context.files_beside.clear()
        context.files_beside[place] = found
    return replace(file, beside=context.files_beside[place])


def _read_beside(task: FileTask, path: str, max_bytes: int) -> bytes:
    """Return the content of a file of the same root; b"" if it is missing or excluded."""
    entries = scan(Path(task.folder), exclude=task.exclude, max_bytes=max_bytes, under=path)
    with contextlib.suppress(OSError, UsageError):
        if isinstance(next(entries, None), ScannedFile):
            return read_source(task.folder, path, max_bytes).data
    return b""


def _read_bytes(task: FileTask, max_bytes: int) -> SourceBytes:
    """Return the file's content. Raises OSError."""
    return read_source(task.folder, task.file.path, max_bytes)


class Reader:
    """The reading thread. Call `take` until `finished`, and `stop` in any case.

    The threads share only `SimpleQueue`s: Ctrl-C while another kind of queue holds its lock would
    leave it locked for ever.
    """

    def __init__(self, tasks: Sequence[FileTask], context: ReadContext) -> None:
        self.error: BaseException | None = None
        self._tasks, self._context = tasks, context
        self._results: queue.SimpleQueue[ReadResult] = queue.SimpleQueue()
        self._free_slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(MAX_WAITING_FILES):
            self._free_slots.put(None)
        self._stopped = False
        options = context.options
        self._engine = ocr_engines.create_engine(options.ocr)
        self._sandbox = Sandbox(options.limits, passwords=options.passwords)
        self._thread = start_thread("ragkit-reader", self._run)

    @property
    def finished(self) -> bool:
        """Whether all files are read and their results taken."""
        return not self._thread.is_alive() and self._results.empty()

    def take(self, max_results: int, wait_seconds: float) -> list[ReadResult]:
        """Return at most `max_results` ready results; wait up to `wait_seconds` for the first."""
        results: list[ReadResult] = []
        with contextlib.suppress(queue.Empty):
            while len(results) < max_results:
                results.append(self._results.get(timeout=0 if results else wait_seconds))
                self._free_slots.put(None)
        return results

    def stop(self) -> None:
        """Abandon the current file and all that follow, and wait for the thread."""
        self._stopped = True
        self._sandbox.give_up()
        self._free_slots.put(None)  # the thread may be waiting for a slot
        self._thread.join()

    def _run(self) -> None:
        try:
            scans = self._read_tasks(self._tasks, may_wait=self._engine is not None)
            if scans:
                self._sandbox.close()
                options = self._context.options
                self._sandbox = Sandbox(
                    options.limits, self._engine, options.ocr.limits, options.passwords
                )
                self._read_tasks(scans, may_wait=False)
        except BaseException as error:  # raised again on the caller's thread
            self.error = error
        finally:
            self._sandbox.close()

    def _read_tasks(self, tasks: Sequence[FileTask], *, may_wait: bool) -> list[FileTask]:
        """Read files in order. Return those with images of text if they `may_wait`: recognising
        them takes so long that all other files are read before, and the caller reads them then."""
        waiting = []
        for task in tasks:
            self._free_slots.get()
            if self._stopped:
                return []
            for result in read_results(task, self._context, self._sandbox):
                if self._stopped:  # then a failure may come from stopping
                    return []
                if result.is_partial:
                    self._results.put(result)
                    self._free_slots.get()
                elif may_wait and result.has_images:
                    waiting.append(task)
                    self._free_slots.put(None)
                else:
                    self._results.put(result)
                if self._stopped:
                    return []
        return waiting
