"""Files → records, read in a process of its own that may hang, grow or die without harm.

Text, code and Markdown of moderate size are read right here: their readers are our own, and
linear. Everything else goes to a worker, which is started when the first such file comes, and
replaced when one has cost it its life. What it answers is not trusted (see `wire`).
"""

from __future__ import annotations

import logging

from ragkit.documents import READERS, detect, read_all
from ragkit.documents.budget import Budget
from ragkit.documents.decoding import read_text
from ragkit.documents.formats.markup.markdown import read_markdown
from ragkit.documents.formats.plain_text import read_plain
from ragkit.documents.ocr import OcrLimits
from ragkit.documents.sandbox import protocol
from ragkit.documents.sandbox.client import Answer, Asked, ReadLimits, Worker
from ragkit.documents.sandbox.ocr_engines import Engine
from ragkit.records import media_types
from ragkit.records.documents import Record

__all__ = ["ReadLimits", "Sandbox"]

_OWN = frozenset(
    kind for kind, reader in READERS.items() if reader in (read_text, read_plain, read_markdown)
)
_MODERATE = 1_000_000  # bytes
logger = logging.getLogger("ragkit")


class Sandbox:
    """Reads files one at a time, on one thread; `close` it there whatever happens.

    `give_up` may come from any thread.
    """

    def __init__(
        self,
        limits: ReadLimits | None = None,
        engine: Engine | None = None,
        ocr_limits: OcrLimits | None = None,
    ) -> None:
        self._limits = limits or ReadLimits()
        self._engine = Asked(engine, ocr_limits or OcrLimits()) if engine else None
        self._worker: Worker | None = None
        self._in_process = False  # this program can have no worker
        self._proven = False  # it has had one
        self._given_up = False

    def records(self, data: bytes, name: str, *, records: bool = False) -> list[Record]:
        """What `documents.read_all` gives for this file, within the limits.

        Where one is passed, the last record says so. Raises nothing for what the file holds.
        """
        if _is_own(data, name):
            return list(read_all(data, name, records=records))
        try:
            answer = self._answer(data, name, records)
        except (OSError, protocol.WireError) as error:  # there is no worker
            if self._proven:
                return [Record("", reason=f"no process to read it in: {error}", kind="unreadable")]
            self._in_process = True
            logger.warning("files are read without a process of their own: %s", error)
            answer = None
        if answer is None:
            budget = Budget(depth=self._limits.depth)
            ocr = self._engine.as_seen() if self._engine else None
            return list(read_all(data, name, records=records, budget=budget, ocr=ocr))
        if answer.reason is None:
            return answer.records
        rest = f"the rest is not read: {answer.reason}" if answer.records else answer.reason
        return [*answer.records, Record("", reason=rest, kind=answer.kind)]

    def _answer(self, data: bytes, name: str, records: bool) -> Answer | None:
        """What a worker makes of a file; None where there can be none.

        One that has read others before may fail for what they have left behind: then a fresh one
        is asked.
        """
        answer = None
        while answer is None or not (answer.sound or answer.fresh or self._given_up):
            if self._in_process:
                return None
            if self._worker is None:
                self._worker = Worker(self._limits, self._engine)
                self._proven = True
            answer = self._worker.read(data, name, records)
            if not answer.sound:
                self._end_worker()
        return answer

    def close(self) -> None:
        """End the worker and the engine. The sandbox can be used again: it starts others."""
        self._end_worker()
        if self._engine is not None:
            self._engine.engine.stop()

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def give_up(self) -> None:
        """Let the file at hand fail at once."""
        self._given_up = True
        worker = self._worker
        if worker is not None:
            worker.kill()
        if self._engine is not None:
            self._engine.engine.stop()


def _is_own(data: bytes, name: str) -> bool:
    """Whether this is text that readers of our own take, and little of it."""
    packed = data.startswith((b"PK", media_types.OLE2))  # no need to look into these
    return len(data) <= _MODERATE and not packed and detect.media_type(data, name) in _OWN
