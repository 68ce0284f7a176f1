"""RapidOCR in a process of its own, which stays until it is stopped: its models take a second.

The program's side is `Rapid`, the process's `main`; frames go between them (`wire`). The process
gets pixels and gives text; it opens no file but those of its package, and no connection.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, cast

from ragkit.documents.ocr import Image, OcrLimits, Recognised
from ragkit.documents.sandbox import protocol, seccomp
from ragkit.documents.sandbox.processes import command, environment, hide_window, limit_memory

if TYPE_CHECKING:
    from rapidocr import RapidOCR

_MOST_ANSWER = 20_000_000  # bytes
_START_SECONDS = 60.0  # for its models
_LONGEST_SIDE = 2000  # pixels that it looks at, of a page
_APART = 1.0  # heights of a line: a wider gap below it ends a paragraph

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Rapid:
    """The engine: see `ocr_engines.Engine`."""

    languages: str | None = None  # one model reads them all

    def __init__(self, limits: OcrLimits) -> None:
        import importlib.metadata

        self.name = f"rapidocr {importlib.metadata.version('rapidocr')}"
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def recognise(self, image: Image) -> Recognised:
        """The text of an image. Raises nothing for what it shows."""
        seconds = self._limits.seconds + (0.0 if self._process else _START_SECONDS)
        try:
            process = self._process or self._started()
        except OSError as error:
            return Recognised(reason=f"rapidocr does not start: {error}")
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(seconds, end)
        clock.start()
        try:
            protocol.send_image(cast("IO[bytes]", process.stdin), image)
            return protocol.receive_text(cast("IO[bytes]", process.stdout), _MOST_ANSWER)
        except (OSError, protocol.WireError):
            self.stop()
            if late.is_set():
                return Recognised(reason=f"took longer than {self._limits.seconds:g} s")
            return Recognised(reason=f"rapidocr died (exit code {process.wait()})")
        finally:
            clock.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter)
            command("rapidocr"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            cwd=os.path.abspath(os.sep),  # noqa: PTH100
            creationflags=hide_window(),
        )
        limit_memory(self._process.pid, self._limits.memory_mb)
        return self._process

    def stop(self) -> None:
        """End its process at once. It can be used again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                try:
                    if pipe is not None:
                        pipe.close()
                except OSError:  # of what was still to be sent
                    pass


def main() -> None:
    """Answer what is written in images until the pipe closes."""
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, sys.stdout.fileno())  # the library prints
    if sys.platform == "linux":
        seccomp.refuse()  # connections, above all: its models are here, or it does not start
    engine = _engine()
    try:
        while True:
            frame = protocol.receive(requests)
            image = protocol.image_of(frame, sys.maxsize)
            protocol.send_text(answers, _recognised(engine, image))
    except (protocol.WireError, BrokenPipeError):
        os._exit(0)


def _engine() -> RapidOCR:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": _LONGEST_SIDE,
        }
    )


def _recognised(engine: RapidOCR, image: Image) -> Recognised:
    import numpy as np

    grey = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width)
    found = engine(np.repeat(grey[:, :, None], 3, axis=2))
    if found.txts is None:
        return Recognised()
    corners = [list(zip(*each, strict=True)) for each in found.boxes.tolist()]
    boxes = [(min(xs), min(ys), max(xs), max(ys)) for xs, ys in corners]
    scores = [100 * float(each) for each in found.scores]
    weight = sum(map(len, found.txts))
    sure = sum(s * len(t) for s, t in zip(scores, found.txts, strict=True))
    return Recognised(laid_out(boxes, found.txts), round(sure / weight, 1) if weight else None)


def laid_out(boxes: Sequence[Box], texts: Sequence[str]) -> str:
    """Pieces of text with their boxes as lines from the top, those further apart as paragraphs."""
    rows: list[list[tuple[Box, str]]] = []
    for box, text in sorted(zip(boxes, texts, strict=True), key=lambda each: each[0][1]):
        last = rows[-1][0][0] if rows else None
        if last is not None and (box[1] + box[3]) / 2 < last[3]:  # its middle is beside that line
            rows[-1].append((box, text))
        else:
            rows.append([(box, text)])
    parts: list[str] = []
    above: Box | None = None
    for row in rows:
        first = row[0][0]
        if above is not None:
            room = first[1] - above[3]
            parts.append("\n\n" if room > _APART * (above[3] - above[1]) else "\n")
        parts.append(" ".join(text for _, text in sorted(row, key=lambda each: each[0][0])))
        above = first
    return "".join(parts)
