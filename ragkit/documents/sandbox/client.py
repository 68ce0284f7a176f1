"""A process that reads files, as the program sees it: what it is asked, and what may go wrong.

It may hang, grow, die, or answer what makes no sense; each becomes a reason. Pages that are images
come back from it, to be put to an engine. Which files are given to it is `sandbox`'s business.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import IO, NamedTuple, cast

from ragkit.documents.budget import MAX_DEPTH
from ragkit.documents.ocr import Image, Ocr, OcrLimits, Recognised
from ragkit.documents.sandbox import confinement, protocol
from ragkit.documents.sandbox.ocr_engines import Engine
from ragkit.documents.sandbox.processes import command, environment, hide_window
from ragkit.records.documents import Record

_SECONDS_PER_MB = 1.0  # beside `seconds`: large files may take longer
_TOGETHER = 10  # times that: a file with all that is in it
_START_SECONDS = 60.0
_ABORTS = (signal.SIGABRT, getattr(signal, "SIGTRAP", None), signal.SIGILL)
_OVER_PROCESSOR = getattr(signal, "SIGXCPU", None)
_LOOK = 0.05  # seconds between two looks at the clock


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What reading one file may cost."""

    seconds: float = 30.0  # of wall time for a document, and one more for each MB of its file
    memory_mb: int = 1024  # MiB, over what the worker needs by itself
    output_mb: int = 256  # of text with its places, or four times the file where that is more
    depth: int = MAX_DEPTH  # archive in mail in archive …


@dataclass(slots=True)
class Asked:
    """The engine that recognises text in images of pages, and how much it was asked for a file."""

    engine: Engine
    limits: OcrLimits
    pages: int = 0

    def as_seen(self) -> Ocr:
        """As readers in this process see it."""
        return Ocr(self.engine.recognise, self.engine.name, self.engine.languages, self.limits)

    def told(self) -> protocol.Fields:
        """What a worker is told of it."""
        return {
            "engine": self.engine.name,
            "languages": self.engine.languages,
            "limits": asdict(self.limits),
        }

    def recognise(self, image: Image) -> Recognised:
        """The text of an image, unless there have been too many in this file."""
        self.pages += 1
        if self.pages > _TOGETHER * self.limits.pages:
            return Recognised(reason=f"over {_TOGETHER * self.limits.pages:,} pages in one file")
        return self.engine.recognise(image)


class Answer(NamedTuple):
    """What a worker has made of a file."""

    records: list[Record]
    reason: str | None  # why there are no more
    sound: bool  # the worker can go on
    fresh: bool  # it is this file's doing: the worker's first, or one that took too long
    kind: str = "damaged"  # of the reason, in a word


class Worker:
    """A process that reads files. Raises OSError or WireError where it cannot be started."""

    def __init__(self, limits: ReadLimits, asked: Asked | None) -> None:
        self._limits, self._asked = limits, asked
        self._fresh = True
        self._closed = False
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter)
            command("worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=os.path.abspath(os.sep),  # noqa: PTH100 (where nothing is to be found)
            creationflags=hide_window(),
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._deadline = time.monotonic() + _START_SECONDS
        threading.Thread(target=self._watch, name="ragkit-reader-clock", daemon=True).start()
        try:
            self._greet(cast("IO[bytes]", self._process.stderr))
        except BaseException:
            self.close()
            raise

    def _greet(self, errors: IO[bytes]) -> None:
        with errors:
            try:
                told = {"ocr": self._asked.told() if self._asked else None}
                protocol.send(self._requests, protocol.SETUP, asdict(self._limits) | told)
                protocol.receive(self._answers, most=1000)
            except (OSError, protocol.WireError) as error:
                self.kill()
                said = errors.read(10_000).decode(errors="replace").strip().rpartition("\n")[2]
                raise protocol.WireError(
                    f"{sys.executable} does not start: {said or error}"
                ) from error
        self._deadline = math.inf

    def read(self, data: bytes, name: str, records: bool) -> Answer:
        """Have one file read."""
        fresh, self._fresh = self._fresh, False
        if self._asked is not None:
            self._asked.pages = 0
        seconds = self._limits.seconds + _SECONDS_PER_MB * len(data) / 1e6
        last = time.monotonic() + _TOGETHER * seconds
        request = {"name": name, "records": records, "seconds": _TOGETHER * seconds}
        room = most = max(self._limits.output_mb * 1_000_000, 4 * len(data))
        found: list[Record] = []
        try:
            self._deadline = min(last, time.monotonic() + seconds)
            protocol.send(self._requests, protocol.READ, request, data)
            while (frame := self._receive(room))[0] in (protocol.RECORD, protocol.IMAGE):
                if frame.kind == protocol.IMAGE:
                    last += self._recognise(frame)
                else:
                    room -= frame.size
                    found.append(protocol.unpacked(frame.fields, frame.data))
                self._deadline = min(last, time.monotonic() + seconds)
        except protocol.TooLargeError:
            reason = f"gives more than {most // 1_000_000:,} MB of text"
            return Answer(found, reason, sound=False, fresh=True, kind="limit")
        except (OSError, protocol.WireError):
            if time.monotonic() >= self._deadline:
                reason = f"took longer than {seconds:.0f} s"
                return Answer(found, reason, sound=False, fresh=True, kind="timeout")
            reason, kind = self._cause_of_death()
            return Answer(found, reason, sound=False, fresh=fresh, kind=kind)
        finally:
            self._deadline = math.inf
        # Out of memory once, it may have too little left for the next.
        over = confinement.out_of_memory(self._limits.memory_mb)
        return Answer(found, None, all(each.reason != over for each in found), fresh)

    def _receive(self, room: int) -> protocol.Frame:
        """The next frame: an image, or a record for which there is room."""
        pixels = int(self._asked.limits.megapixels * 1_000_000) if self._asked else 0
        frame = protocol.receive(self._answers, max(room, pixels + 1000))
        if frame.kind == protocol.RECORD and frame.size > room:
            raise protocol.TooLargeError("too large")
        return frame

    def _recognise(self, frame: protocol.Frame) -> float:
        """Answer what is written in an image; how many seconds it took."""
        if self._asked is None:
            raise protocol.WireError("nobody can be asked")
        image = protocol.image_of(frame, int(self._asked.limits.megapixels * 1_000_000))
        started = time.monotonic()
        self._deadline = math.inf  # the worker waits, and the engine has a limit of its own
        protocol.send_text(self._requests, self._asked.recognise(image))
        return time.monotonic() - started

    def _cause_of_death(self) -> tuple[str, str]:
        """The reason, and its kind."""
        code, peak = self._end()
        if code is None:
            return "the reader's answer makes no sense", "damaged"
        # Libraries in C abort where they get no memory; what they had by then may be half of it.
        starved = -code in _ABORTS and peak > self._limits.memory_mb << 19
        if starved or code == confinement.OVER_MEMORY:
            return confinement.out_of_memory(self._limits.memory_mb), "limit"
        if -code == _OVER_PROCESSOR:
            return "took too much processor time", "timeout"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the reader died ({how})", "damaged"

    def _end(self) -> tuple[int | None, int]:
        """The exit code of the process, None where it runs on; the most memory it had, in bytes."""
        last = time.monotonic() + 1
        while (code := self._process.returncode) is None and time.monotonic() < last:
            if not hasattr(os, "wait4"):
                self._process.poll()
            else:
                with contextlib.suppress(ChildProcessError):  # `kill` was the first to know
                    process, status, usage = os.wait4(self._process.pid, os.WNOHANG)
                    if process:
                        self._process.returncode = os.waitstatus_to_exitcode(status)
                        unit = 1 if sys.platform == "darwin" else 1024
                        return self._process.returncode, usage.ru_maxrss * unit
            time.sleep(0.01)
        return code, 0

    def _watch(self) -> None:
        """Kill the process when its time is up. Windows can wait for no pipe with a time limit."""
        while not self._closed:
            if time.monotonic() >= self._deadline:
                self.kill()
            time.sleep(_LOOK)

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer learns so."""
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for it."""
        self._closed = True
        self._process.kill()
        for pipe in (self._requests, self._answers, self._process.stderr):
            with contextlib.suppress(OSError):  # of what was still to be sent
                if pipe is not None:
                    pipe.close()
        self._process.wait()
