"""Bytes to passages, on a thread of its own: reads, detects, parses and cuts one file at a time.

A file may hold several documents: an archive, a mailbox, a table read by its records.

Runs ahead of the embedder by a bounded number of files, so memory does not grow with the folder.
Knows no database and no vectors.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ragkit.documents.detect import DetectedFile, detect
from ragkit.documents.sandbox import ocr_engines
from ragkit.documents.sandbox.sandbox import Sandbox
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import FileTask
from ragkit.passages.sections import blob_warning
from ragkit.passages.split import split_document
from ragkit.passages.token_offsets import Tokenizer
from ragkit.records.documents import Document, Passage
from ragkit.records.reports import Unread
from ragkit.storage.sqlite.files import content_hash

IMAGES = ("image", "no_text_layer")  # kinds of reasons that an engine may mend
AHEAD = 16  # files that may wait to be written
# A file changed this shortly before it was read may change again within the same time stamp
# (FAT counts in steps of two seconds), so its stamp proves nothing yet.
_FRESH_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """A document of a file, with its passages."""

    record: str  # its place in the file; "" where the file is the document
    document: Document
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What became of one file: its documents, or a reason why there are none."""

    task: FileTask
    size: int
    mtime_ns: int | None  # None: read it again next time
    inode: int
    digest: bytes | None = None
    media_type: str | None = None
    parts: Sequence[SplitRecord] = ()
    unread: Sequence[Unread] = ()  # what is in the file and could not be read
    reason: str | None = None
    skipped: bool = False  # the reason is that it is no document, not that it is broken
    same: bool = False  # the content is what the ledger knows; only the stamp is new
    kind: str | None = None  # of the reason, in a word
    media_type_by: str | None = None  # what told the type: content or name
    seconds: float = 0.0  # wall time it took

    @property
    def has_images(self) -> bool:
        """Whether pages, or all of it, are images, whoever has read them."""
        kinds = {self.kind, *(each.kind for each in self.unread)}
        recognised = (part.document.recognition for part in self.parts)
        return not kinds.isdisjoint(IMAGES) or any(each is not None for each in recognised)

    @property
    def has_failed(self) -> bool:
        """Whether it, or something in it, could not be read."""
        whole = self.reason is not None and not self.skipped
        return whole or any(not each.skipped for each in self.unread)


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What reading needs besides the file: options, read settings, tokenizer."""

    options: IndexOptions
    read_settings: ReadSettings
    load_tokenizer: Callable[[], Tokenizer]  # called when the first document is split


def read(task: FileTask, context: ReadContext, sandbox: Sandbox) -> ReadResult:
    """Read one file. Never raises for what the file holds or how it is kept."""
    started = time.perf_counter()
    return replace(_read(task, context, sandbox), seconds=time.perf_counter() - started)


def _read(task: FileTask, context: ReadContext, sandbox: Sandbox) -> ReadResult:
    found = task.found
    try:
        data, stamp = _bytes(task, context.options.max_file_bytes)
    except OSError as error:
        reason = "permission denied" if isinstance(error, PermissionError) else error.strerror
        reason = reason or str(error)
        return ReadResult(task, found.size, None, found.inode, reason=reason, kind="unreadable")
    digest = content_hash(data)
    known = task.known
    # What has failed may not fail again: limits may be others, or the machine less busy.
    same = (
        known is not None
        and known.hash == digest
        and context.read_settings.match(known.recipe)
        and known.status != "failed"
    )
    result = partial(ReadResult, task, len(data), stamp, found.inode, digest)
    if same:
        return result(same=True)
    file = detect(data, found.path)
    parts, unread = _split_records(file, context, sandbox)
    if parts:
        single = len(parts) == 1 and not parts[0].record
        first = parts[0].document
        told = (first.media_type, first.media_type_by)
        media_type, by = told if single else (file.media_type, file.detected_by)
        return result(media_type=media_type, media_type_by=by, parts=parts, unread=unread)
    why = _why_nothing(unread)
    return result(
        media_type=file.media_type,
        media_type_by=file.detected_by,
        unread=unread if unread[1:] else (),
        reason=why.reason,
        skipped=why.skipped,
        kind=why.kind,
    )


def _split_records(
    file: DetectedFile, context: ReadContext, sandbox: Sandbox
) -> tuple[list[SplitRecord], list[Unread]]:
    """The documents of a file, cut, and what could not be read of it."""
    options = context.options
    parts: list[SplitRecord] = []
    unread: list[Unread] = []
    for record in sandbox.read(file, records=options.records):
        if record.document is None:
            unread.append(Unread(record.name, record.reason or "", record.skipped, record.kind))
            continue
        document = record.document
        if (note := blob_warning(document.text)) is not None:
            document = replace(document, warnings=(*document.warnings, note))
        passages = split_document(
            document, context.load_tokenizer(), size=options.passage_tokens, overlap=options.overlap
        )
        parts.append(SplitRecord(record.name, document, passages))
    return parts, unread


def _why_nothing(unread: Sequence[Unread]) -> Unread:
    """Why a file has no document, as the one part of it that is not read."""
    whole = next((each for each in unread if not each.record), None)
    if whole is not None:
        return whole
    if not unread:
        return Unread("", "holds no files", skipped=True, kind="no_document")
    broken = [each for each in unread if not each.skipped]
    (reason, times), *_ = Counter(each.reason for each in unread).most_common(1)
    (kind, _), *_ = Counter(each.kind for each in broken or unread).most_common(1)
    reason = f"nothing to read in it: {times:,} of {len(unread):,} {reason}"
    return Unread("", reason, skipped=not broken, kind=kind)


def _bytes(task: FileTask, max_bytes: int) -> tuple[bytes, int | None]:
    """The file's bytes and a time stamp that holds for them, None where it may not."""
    with task.absolute.open("rb") as file:
        before = os.fstat(file.fileno())
        if before.st_size == 0 and os.name != "nt":  # it may be one of /proc: those may wait
            os.set_blocking(file.fileno(), False)
        # One byte more than there should be tells a growing file; never more than is allowed.
        data = file.read(min(before.st_size, max_bytes) + 1)
        if data is None:
            raise BlockingIOError(errno.EAGAIN, "nothing can be read without waiting for it")
        after = os.fstat(file.fileno())
    steady = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, len(data))
    fresh = 0 <= time.time_ns() - before.st_mtime_ns < _FRESH_NS
    return data, before.st_mtime_ns if steady and not fresh else None


class Reader:
    """The reading thread. `take` its results until `finished`; call `stop` whatever happens.

    Between the threads are only simple queues: Ctrl-C while the others hold their lock would leave
    it locked for ever.
    """

    def __init__(self, tasks: Sequence[FileTask], context: ReadContext) -> None:
        self.error: BaseException | None = None
        self._tasks, self._context = tasks, context
        self._results: queue.SimpleQueue[ReadResult] = queue.SimpleQueue()
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()  # one for each that may wait
        for _ in range(AHEAD):
            self._room.put(None)
        self._stopped = False
        options = context.options
        self._sandbox = Sandbox(
            options.limits, ocr_engines.create_engine(options.ocr), options.ocr.limits
        )
        self._thread = threading.Thread(target=self._run, name="ragkit-reader", daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        """Whether all files were read and their results taken."""
        return not self._thread.is_alive() and self._results.empty()

    def take(self, most: int, patience: float) -> list[ReadResult]:
        """Up to so many of the results that are ready, waiting so many seconds for the first."""
        taken: list[ReadResult] = []
        with contextlib.suppress(queue.Empty):
            while len(taken) < most:
                taken.append(self._results.get(timeout=0 if taken else patience))
                self._room.put(None)
        return taken

    def stop(self) -> None:
        """Give up the file at hand and all that follow."""
        self._stopped = True
        self._sandbox.give_up()
        self._room.put(None)  # it may be waiting for that
        self._thread.join()

    def _run(self) -> None:
        try:
            for task in self._tasks:
                self._room.get()
                if self._stopped:
                    return
                reading = read(task, self._context, self._sandbox)
                if self._stopped:  # it may have failed for that
                    return
                self._results.put(reading)
        except BaseException as error:  # raised again on the caller's thread
            self.error = error
        finally:
            self._sandbox.close()
