"""Files → records, read in a process of its own that may hang, grow or die without harm.

Text, code and Markdown of moderate size are read right here: their readers are our own, and
linear. Everything else goes to a worker, which is started when the first such file comes, and
replaced when one has cost it its life. What it answers is not trusted (see `wire`).
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple, cast

import ragkit
from ragkit.documents import READERS, confinement, read_all, sniff, wire
from ragkit.documents.budget import MAX_DEPTH, Budget
from ragkit.documents.markdown import read_markdown
from ragkit.documents.plain import read_plain
from ragkit.documents.text import read_text
from ragkit.records import Record

_OWN = frozenset(
    kind for kind, reader in READERS.items() if reader in (read_text, read_plain, read_markdown)
)
_MODERATE = 1_000_000  # bytes
_SECONDS_PER_MB = 1.0  # beside `seconds`: large files may take longer
_TOGETHER = 10  # times that: a file with all that is in it
_START_SECONDS = 60.0
_LOOK = 0.05  # seconds between two looks at the clock
# All that the worker learns of this program's environment: what finding libraries may need.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TZ")
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from ragkit.documents.worker import main; main()"
)
logger = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What reading one file may cost."""

    seconds: float = 30.0  # of wall time for a document, and one more for each MB of its file
    memory_mb: int = 1024  # MiB, over what the worker needs by itself
    output_mb: int = 256  # of text with its places, or four times the file where that is more
    depth: int = MAX_DEPTH  # archive in mail in archive …


class Sandbox:
    """Reads files one at a time, on one thread; `close` it there whatever happens.

    `give_up` may come from any thread.
    """

    def __init__(self, limits: ReadLimits | None = None) -> None:
        self._limits = limits or ReadLimits()
        self._worker: _Worker | None = None
        self._in_process = False  # this program can have no worker
        self._proven = False  # it has had one
        self._given_up = False

    def records(self, data: bytes, name: str, *, records: bool = False) -> list[Record]:
        """What `documents.read_all` gives for this file, within the limits.

        Where one is passed, the last record says so. Raises nothing for what the file holds.
        """
        if len(data) <= _MODERATE and sniff.media_type(data, name) in _OWN:
            return list(read_all(data, name, records=records))
        try:
            answer = self._answer(data, name, records)
        except (OSError, wire.WireError) as error:  # there is no worker
            if self._proven:
                return [Record("", reason=f"no process to read it in: {error}", kind="unreadable")]
            self._in_process = True
            logger.warning("files are read without a process of their own: %s", error)
            answer = None
        if answer is None:
            budget = Budget(depth=self._limits.depth)
            return list(read_all(data, name, records=records, budget=budget))
        if answer.reason is None:
            return answer.records
        rest = f"the rest is not read: {answer.reason}" if answer.records else answer.reason
        return [*answer.records, Record("", reason=rest, kind=answer.kind)]

    def _answer(self, data: bytes, name: str, records: bool) -> _Answer | None:
        """What a worker makes of a file; None where there can be none.

        One that has read others before may fail for what they have left behind: then a fresh one
        is asked.
        """
        answer = None
        while answer is None or not (answer.sound or answer.fresh or self._given_up):
            if self._in_process:
                return None
            if self._worker is None:
                self._worker = _Worker(self._limits)
                self._proven = True
            answer = self._worker.read(data, name, records)
            if not answer.sound:
                self.close()
        return answer

    def close(self) -> None:
        """End the worker. The sandbox can be used again: it starts another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def give_up(self) -> None:
        """Let the file at hand fail at once."""
        self._given_up = True
        worker = self._worker
        if worker is not None:
            worker.kill()


class _Answer(NamedTuple):
    """What a worker has made of a file."""

    records: list[Record]
    reason: str | None  # why there are no more
    sound: bool  # the worker can go on
    fresh: bool  # it is this file's doing: the worker's first, or one that took too long
    kind: str = "damaged"  # of the reason, in a word


class _Worker:
    """A process that reads files. Raises OSError or WireError where it cannot be started."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._fresh = True
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter)
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            cwd=os.path.abspath(os.sep),  # noqa: PTH100 (where nothing is to be found)
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
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
                wire.send(self._requests, wire.SETUP, asdict(self._limits))
                wire.receive(self._answers, most=1000)
            except (OSError, wire.WireError) as error:
                self.kill()
                told = errors.read(10_000).decode(errors="replace").strip().rpartition("\n")[2]
                raise wire.WireError(f"{sys.executable} does not start: {told or error}") from error
        self._deadline = math.inf

    def read(self, data: bytes, name: str, records: bool) -> _Answer:
        """Have one file read."""
        fresh, self._fresh = self._fresh, False
        seconds = self._limits.seconds + _SECONDS_PER_MB * len(data) / 1e6
        last = time.monotonic() + _TOGETHER * seconds
        request = {"name": name, "records": records, "seconds": _TOGETHER * self._limits.seconds}
        room = most = max(self._limits.output_mb * 1_000_000, 4 * len(data))
        found: list[Record] = []
        try:
            self._deadline = min(last, time.monotonic() + seconds)
            wire.send(self._requests, wire.READ, request, data)
            while (frame := wire.receive(self._answers, room))[0] == wire.RECORD:
                room -= frame.size
                found.append(wire.unpacked(frame.fields, frame.data))
                self._deadline = min(last, time.monotonic() + seconds)
        except wire.TooLargeError:
            reason = f"gives more than {most // 1_000_000:,} MB of text"
            return _Answer(found, reason, sound=False, fresh=True, kind="limit")
        except (OSError, wire.WireError):
            if time.monotonic() >= self._deadline:
                reason = f"took longer than {seconds:.0f} s"
                return _Answer(found, reason, sound=False, fresh=True, kind="timeout")
            reason, kind = self._cause_of_death()
            return _Answer(found, reason, sound=False, fresh=fresh, kind=kind)
        finally:
            self._deadline = math.inf
        # Out of memory once, it may have too little left for the next.
        over = confinement.out_of_memory(self._limits.memory_mb)
        return _Answer(found, None, all(each.reason != over for each in found), fresh)

    def _cause_of_death(self) -> tuple[str, str]:
        """The reason, and its kind."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "the reader's answer makes no sense", "damaged"
        if code == confinement.OVER_MEMORY:
            return confinement.out_of_memory(self._limits.memory_mb), "limit"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the reader died ({how})", "damaged"

    def _watch(self) -> None:
        """Kill the process when its time is up. Windows can wait for no pipe with a time limit."""
        while self._process.poll() is None:
            if time.monotonic() >= self._deadline:
                self.kill()
            time.sleep(_LOOK)

    def kill(self) -> None:
        """End the process at once; whoever waits for its answer learns so."""
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for it."""
        self._process.kill()
        for pipe in (self._requests, self._answers, self._process.stderr):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # what was to be sent to it
                pass
        self._process.wait()


def _command() -> list[str]:
    """How a worker is started. Raises OSError where this program is no Python to start."""
    program = Path(sys.executable or "").name.lower()
    if getattr(sys, "frozen", False) or not program.startswith(("python", "pypy")):
        raise OSError(f"{sys.executable or 'the program'} is not a Python interpreter")
    # What this program imports from, but not the folder it happens to stand in ("").
    path = [os.path.abspath(each) for each in sys.path if each]  # noqa: PTH100
    own = str(Path(ragkit.__file__).absolute().parent.parent)
    path += [] if own in path else [own]
    # Isolated: no variable and no file of the user's has a say.
    return [sys.executable, "-I", "-B", "-c", _START, json.dumps(path)]
