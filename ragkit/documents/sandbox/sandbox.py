"""Reads untrusted files in a worker process that may hang, grow or die without harm.

Text and Markdown of moderate size are read in this process, and code where tree-sitter is not
installed: their readers are ragkit's own, and linear. Everything else goes to a worker process,
which is started for the first such file and replaced when one has killed it. Each failure becomes a
reason. Images of pages come back from the worker to be recognised by an OCR engine. The worker's
answers are not trusted (see `protocol`).
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import IO, NamedTuple, cast

from ragkit.documents.detect import DetectedFile
from ragkit.documents.ocr import Ocr, OcrLimits, OcrText, PageImage
from ragkit.documents.read import read_detected
from ragkit.documents.registry import FORMATS
from ragkit.documents.sandbox import processes, protocol
from ragkit.documents.sandbox.ocr_engines import OcrEngine
from ragkit.documents.unpacking.limits import MAX_DEPTH, Budget
from ragkit.records.documents import Record

_MAX_IN_PROCESS_BYTES = 1_000_000
_SECONDS_PER_MB = 1.0  # in addition to `ReadLimits.seconds`: large files may take longer
_FILE_FACTOR = 10  # a file with all its members may take this many times the limits of a document
_START_SECONDS = 60.0
_ABORTS = (signal.SIGABRT, getattr(signal, "SIGTRAP", None), signal.SIGILL)
_CPU_EXCEEDED = getattr(signal, "SIGXCPU", None)
_POLL_SECONDS = 0.05  # between two looks at the clock
logger = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits on reading one file: time, memory, size of the text, depth of containers."""

    seconds: float = 30.0  # of wall time per document, and one more for each MB of its file
    memory_mb: int = 1024  # MiB, over what the worker needs by itself
    output_mb: int = 256  # of text with its locators, or four times the file if that is more
    depth: int = MAX_DEPTH  # archive in mail in archive …


class Sandbox:
    """Reads files one at a time, on one thread; call `close` there in any case.

    `give_up` may be called from any thread.
    """

    def __init__(
        self,
        limits: ReadLimits | None = None,
        engine: OcrEngine | None = None,
        ocr_limits: OcrLimits | None = None,
        passwords: Sequence[str] = (),
    ) -> None:
        self._limits = limits or ReadLimits()
        self._passwords = tuple(passwords)  # tried on encrypted files
        self._ocr = _OcrService(engine, ocr_limits or OcrLimits()) if engine else None
        self._worker: _Worker | None = None
        self._has_no_worker = False  # this program cannot start one
        self._had_worker = False
        self._given_up = False

    def read(self, file: DetectedFile, *, records: bool = False) -> list[Record]:
        """Return the records of `documents.read.read_detected` for this file, within the limits.

        If a limit is exceeded, the last record has the reason. Raises nothing for its content.
        """
        if len(file.data) <= _MAX_IN_PROCESS_BYTES and _is_in_process(file.media_type):
            return list(read_detected(file, records=records))
        try:
            result = self._read_in_worker(file, records)
        except (OSError, protocol.ProtocolError) as error:  # there is no worker
            if self._had_worker:
                return [Record("", reason=f"no process to read it in: {error}", kind="unreadable")]
            self._has_no_worker = True
            logger.warning("files are read without a process of their own: %s", error)
            result = None
        if result is None:
            budget = Budget(depth=self._limits.depth)
            ocr = self._ocr.for_readers() if self._ocr else None
            found = read_detected(
                file, records=records, budget=budget, ocr=ocr, passwords=self._passwords
            )
            return list(found)
        if result.reason is None:
            return result.records
        reason = f"the rest is not read: {result.reason}" if result.records else result.reason
        return [*result.records, Record("", reason=reason, kind=result.kind)]

    def _read_in_worker(self, file: DetectedFile, records: bool) -> _ReadResult | None:
        """What a worker reads of a file; None if this program can have no worker.

        A worker that has read other files may fail because of what they have left behind: then
        the file is given to a new one.
        """
        while not self._has_no_worker:
            if self._worker is None:
                self._worker = _Worker(self._limits, self._ocr, self._passwords)
                self._had_worker = True
            result = self._worker.read(file, records)
            if not result.worker_is_usable:
                self._end_worker()
            if result.worker_is_usable or result.is_final or self._given_up:
                return result
        return None

    def close(self) -> None:
        """End the worker and the OCR engine. The sandbox can be used again: it starts others."""
        self._end_worker()
        if self._ocr is not None:
            self._ocr.engine.stop()

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def give_up(self) -> None:
        """Stop reading the current file; `read` then returns a record with the reason."""
        self._given_up = True
        worker = self._worker
        if worker is not None:
            worker.kill()
        if self._ocr is not None:
            self._ocr.engine.stop()


@functools.cache
def _is_in_process(media_type: str) -> bool:
    """Whether small files of this type are read without a worker."""
    row = FORMATS[media_type]
    return row.in_process and not (row.native and importlib.util.find_spec(row.native))


@dataclass(slots=True)
class _OcrService:
    """The OCR engine with its limits, and how many pages of the current file it has been given."""

    engine: OcrEngine
    limits: OcrLimits
    pages: int = 0

    @property
    def max_pixels(self) -> int:
        return int(self.limits.megapixels * 1_000_000)

    def for_readers(self) -> Ocr:
        """The engine for readers in this process."""
        return Ocr(self.engine.recognise, self.engine.name, self.engine.languages, self.limits)

    def setup_fields(self) -> protocol.Fields:
        """What a worker has to know about it."""
        return {
            "engine": self.engine.name,
            "languages": self.engine.languages,
            "limits": asdict(self.limits),
        }

    def recognise(self, image: PageImage) -> OcrText:
        """The text of an image, unless there have been too many in this file."""
        self.pages += 1
        if self.pages > _FILE_FACTOR * self.limits.pages:
            return OcrText(reason=f"over {_FILE_FACTOR * self.limits.pages:,} pages in one file")
        return self.engine.recognise(image)


class _ReadResult(NamedTuple):
    """What a worker has read of a file."""

    records: list[Record]
    reason: str | None  # why there are no more
    worker_is_usable: bool  # for further files
    is_final: bool  # a new worker would fail too: it was this one's first file, or took too long
    kind: str = "damaged"  # of the reason


class _Worker:
    """A process that reads files. Raises OSError or ProtocolError if it cannot be started."""

    def __init__(
        self, limits: ReadLimits, ocr: _OcrService | None, passwords: Sequence[str]
    ) -> None:
        self._limits, self._ocr, self._passwords = limits, ocr, passwords
        self._is_fresh = True
        self._closed = False
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter)
            processes.command("worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=processes.environment(),
            cwd=os.path.abspath(os.sep),  # noqa: PTH100 (a folder without modules)
            creationflags=processes.hide_window(),
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._deadline = time.monotonic() + _START_SECONDS
        threading.Thread(target=self._watch_clock, name="ragkit-reader-clock", daemon=True).start()
        try:
            self._set_up(cast("IO[bytes]", self._process.stderr))
        except BaseException:
            self.close()
            raise

    def _set_up(self, errors: IO[bytes]) -> None:
        with errors:
            try:
                setup = {
                    **asdict(self._limits),
                    "ocr": self._ocr.setup_fields() if self._ocr else None,
                    "passwords": self._passwords,
                }
                protocol.send(self._requests, protocol.SETUP, setup)
                protocol.receive(self._answers, max_bytes=1000)
            except (OSError, protocol.ProtocolError) as error:
                self.kill()
                output = errors.read(10_000).decode(errors="replace").strip()
                detail = output.rpartition("\n")[2] or error
                raise protocol.ProtocolError(
                    f"{sys.executable} does not start: {detail}"
                ) from error
        self._deadline = math.inf

    def read(self, file: DetectedFile, by_records: bool) -> _ReadResult:
        """Read one file."""
        is_fresh, self._is_fresh = self._is_fresh, False
        if self._ocr is not None:
            self._ocr.pages = 0
        seconds = self._limits.seconds + _SECONDS_PER_MB * len(file.data) / 1e6
        file_deadline = time.monotonic() + _FILE_FACTOR * seconds
        request = {
            "name": file.name,
            "media_type": file.media_type,
            "detected_by": file.detected_by,
            "size": len(file.data),  # in bytes; the rest is the file beside it
            "records": by_records,
            "seconds": _FILE_FACTOR * seconds,
        }
        max_bytes = max(self._limits.output_mb * 1_000_000, 4 * len(file.data))
        remaining_bytes = max_bytes
        records: list[Record] = []
        try:
            self._deadline = min(file_deadline, time.monotonic() + seconds)
            protocol.send(self._requests, protocol.READ, request, file.data + file.beside)
            while (frame := self._receive(remaining_bytes)).kind in (
                protocol.RECORD,
                protocol.IMAGE,
            ):
                if frame.kind == protocol.IMAGE:
                    file_deadline += self._recognise(frame)
                else:
                    remaining_bytes -= frame.size
                    records.append(protocol.decode_record(frame.fields, frame.data))
                self._deadline = min(file_deadline, time.monotonic() + seconds)
        except protocol.FrameTooLargeError:
            reason = f"gives more than {max_bytes // 1_000_000:,} MB of text"
            return _ReadResult(records, reason, worker_is_usable=False, is_final=True, kind="limit")
        except (OSError, protocol.ProtocolError):
            if time.monotonic() >= self._deadline:
                reason = f"took longer than {seconds:.0f} s"
                return _ReadResult(
                    records, reason, worker_is_usable=False, is_final=True, kind="timeout"
                )
            reason, kind = self._cause_of_death()
            return _ReadResult(
                records, reason, worker_is_usable=False, is_final=is_fresh, kind=kind
            )
        finally:
            self._deadline = math.inf
        # Once out of memory, it may have too little left for the next file.
        out_of_memory = processes.out_of_memory(self._limits.memory_mb)
        usable = all(record.reason != out_of_memory for record in records)
        return _ReadResult(records, None, worker_is_usable=usable, is_final=is_fresh)

    def _receive(self, remaining_bytes: int) -> protocol.Frame:
        """The next frame: an image, or a record within the remaining bytes."""
        pixels = self._ocr.max_pixels if self._ocr else 0
        frame = protocol.receive(self._answers, max(remaining_bytes, pixels + 1000))
        if frame.kind == protocol.RECORD and frame.size > remaining_bytes:
            raise protocol.FrameTooLargeError("too large")
        return frame

    def _recognise(self, frame: protocol.Frame) -> float:
        """Answer with the text of an image; returns the seconds that it took."""
        if self._ocr is None:
            raise protocol.ProtocolError("there is no OCR engine")
        image = protocol.decode_image(frame, self._ocr.max_pixels)
        started = time.monotonic()
        self._deadline = math.inf  # the worker waits, and the engine has a limit of its own
        protocol.send_text(self._requests, self._ocr.recognise(image))
        return time.monotonic() - started

    def _cause_of_death(self) -> tuple[str, str]:
        """The reason, and its kind."""
        code, peak_bytes = self._wait_for_end()
        if code is None:
            return "the reader process sent an invalid answer", "damaged"
        # C libraries abort when they get no memory; they may have had only half of it by then.
        starved = -code in _ABORTS and peak_bytes > self._limits.memory_mb << 19
        if starved or code == processes.OUT_OF_MEMORY_EXIT_CODE:
            return processes.out_of_memory(self._limits.memory_mb), "limit"
        if -code == _CPU_EXCEEDED:
            return "took too much processor time", "timeout"
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the reader died ({cause})", "damaged"

    def _wait_for_end(self) -> tuple[int | None, int]:
        """The exit code of the process, None if it still runs; its peak memory in bytes."""
        last = time.monotonic() + 1
        while (code := self._process.returncode) is None and time.monotonic() < last:
            if not hasattr(os, "wait4"):
                self._process.poll()
            else:
                with contextlib.suppress(ChildProcessError):  # `kill` has waited for it already
                    process, status, usage = os.wait4(self._process.pid, os.WNOHANG)
                    if process:
                        self._process.returncode = os.waitstatus_to_exitcode(status)
                        unit = 1 if sys.platform == "darwin" else 1024
                        return self._process.returncode, usage.ru_maxrss * unit
            time.sleep(0.01)
        return code, 0

    def _watch_clock(self) -> None:
        """Kill the process at its deadline. Windows cannot wait for a pipe with a time limit."""
        while not self._closed:
            if time.monotonic() >= self._deadline:
                self.kill()
            time.sleep(_POLL_SECONDS)

    def kill(self) -> None:
        """End the process at once; the thread that waits for its answer gets an error."""
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for it."""
        self._closed = True
        self._process.kill()
        for pipe in (self._requests, self._answers, self._process.stderr):
            with contextlib.suppress(OSError):  # of bytes that were still to be sent
                if pipe is not None:
                    pipe.close()
        self._process.wait()
