"""RapidOCR in a process of its own, which keeps running, as loading its models takes a second.

The program's side is `RapidOcrEngine`, the process's `main`; they exchange frames of `protocol`.
The process gets pixels and returns text; it opens no files but its package's, and no connection.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, cast

from ragkit.documents.ocr import OcrLimits, OcrText, PageImage, weighted_mean
from ragkit.documents.sandbox import protocol, seccomp
from ragkit.documents.sandbox.processes import command, environment, hide_window, limit_memory

if TYPE_CHECKING:
    from rapidocr import RapidOCR

_MAX_ANSWER_BYTES = 20_000_000
_START_SECONDS = 60.0  # for its models
_MAX_SIDE = 2000  # pixels; larger pages are scaled down
_PARAGRAPH_GAP = 1.0  # heights of a line; a wider gap below it ends a paragraph

Box = tuple[float, float, float, float]  # left, top, right, bottom


class RapidOcrEngine:
    """RapidOCR in a child process. See `ocr_engines.OcrEngine`."""

    languages: str | None = None  # one model recognises them all

    def __init__(self, limits: OcrLimits) -> None:
        import importlib.metadata

        self.name = f"rapidocr {importlib.metadata.version('rapidocr')}"
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None

    def recognise(self, image: PageImage) -> OcrText:
        """See `OcrEngine`."""
        seconds = self._limits.seconds + (0.0 if self._process else _START_SECONDS)
        try:
            process = self._process or self._start()
        except OSError as error:
            return OcrText(reason=f"rapidocr does not start: {error}")
        timed_out = threading.Event()

        def end() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            protocol.send_image(cast("IO[bytes]", process.stdin), image)
            return protocol.receive_text(cast("IO[bytes]", process.stdout), _MAX_ANSWER_BYTES)
        except (OSError, protocol.ProtocolError):
            self.stop()
            if timed_out.is_set():
                return OcrText(reason=f"took longer than {self._limits.seconds:g} s")
            return OcrText(reason=f"rapidocr died (exit code {process.wait()})")
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
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
        """See `OcrEngine`."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                try:
                    if pipe is not None:
                        pipe.close()
                except OSError:  # of bytes that were still to be sent
                    pass


def main() -> None:
    """Run the child process: recognise images until the pipe closes."""
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, sys.stdout.fileno())  # the library prints
    if sys.platform == "linux":
        seccomp.install_filter()  # above all, no connections: it must not download models
    engine = _load_models()
    try:
        while True:
            frame = protocol.receive(requests)
            image = protocol.decode_image(frame, sys.maxsize)
            protocol.send_text(answers, _recognise(engine, image))
    except (protocol.ProtocolError, BrokenPipeError):
        os._exit(0)


def _load_models() -> RapidOCR:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": _MAX_SIDE,
        }
    )


def _recognise(engine: RapidOCR, image: PageImage) -> OcrText:
    import numpy as np

    grey = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width)
    result = engine(np.repeat(grey[:, :, None], 3, axis=2))
    if result.txts is None:
        return OcrText()
    corners = [list(zip(*box, strict=True)) for box in result.boxes.tolist()]
    boxes = [(min(xs), min(ys), max(xs), max(ys)) for xs, ys in corners]
    confidences = [100 * float(score) for score in result.scores]
    weights = list(map(len, result.txts))
    confidence = weighted_mean(list(zip(confidences, weights, strict=True)))
    return OcrText(join_boxes(boxes, result.txts), confidence)


def join_boxes(boxes: Sequence[Box], texts: Sequence[str]) -> str:
    """Join texts with their boxes into lines from top to bottom, and paragraphs at wider gaps."""
    rows: list[list[tuple[Box, str]]] = []
    for box, text in sorted(zip(boxes, texts, strict=True), key=lambda item: item[0][1]):
        last = rows[-1][0][0] if rows else None
        if (
            last is not None and (box[1] + box[3]) / 2 < last[3]
        ):  # its middle is above the bottom of that line
            rows[-1].append((box, text))
        else:
            rows.append([(box, text)])
    parts: list[str] = []
    above: Box | None = None
    for row in rows:
        first = row[0][0]
        if above is not None:
            gap = first[1] - above[3]
            parts.append("\n\n" if gap > _PARAGRAPH_GAP * (above[3] - above[1]) else "\n")
        parts.append(" ".join(text for _, text in sorted(row, key=lambda item: item[0][0])))
        above = first
    return "".join(parts)
