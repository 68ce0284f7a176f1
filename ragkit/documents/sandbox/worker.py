"""The worker process of the sandbox: reads one file after the other until its pipe closes.

It gets bytes and returns records, in frames over its standard input and output. A file may do
anything to it: the program is not affected. Started by `sandbox`; opens no file of the user's.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import IO

from ragkit.documents.detect import DetectedFile
from ragkit.documents.ocr import Ocr, OcrLimits, OcrText, PageImage
from ragkit.documents.read import OUT_OF_MEMORY, read_detected
from ragkit.documents.sandbox import processes, protocol
from ragkit.documents.unpacking.limits import Budget
from ragkit.records.documents import Record


def main() -> None:
    """Read files for the parent process until it closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program
    requests, answers = _take_over_pipes()
    try:
        limits = protocol.receive(requests).fields
        ocr = _remote_ocr(limits["ocr"], requests, answers)
        null = os.open(os.devnull, os.O_WRONLY)  # no file can be opened for writing after this
        processes.confine(limits["memory_mb"] << 20)
        protocol.send(answers, protocol.READY, {})
        os.dup2(null, sys.stderr.fileno())
        while True:
            _answer(protocol.receive(requests), limits, ocr, answers)
    except (protocol.ProtocolError, BrokenPipeError):  # the program has ended, or closed the pipe
        os._exit(0)


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Duplicate both pipes and point the standard streams at nothing: what a library reads or
    prints does not mix with frames."""
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    _redirect_to_null(sys.stdin.fileno())
    _redirect_to_null(sys.stdout.fileno())
    return requests, answers


def _redirect_to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, number)
    os.close(null)


def _remote_ocr(
    fields: protocol.Fields | None, requests: IO[bytes], answers: IO[bytes]
) -> Ocr | None:
    """The program's OCR engine: images go to the program, which answers with their text."""
    if fields is None:
        return None

    def recognise(image: PageImage) -> OcrText:
        protocol.send_image(answers, image)
        return protocol.receive_text(requests)

    return Ocr(recognise, fields["engine"], fields["languages"], OcrLimits(**fields["limits"]))


def _answer(
    frame: protocol.Frame, limits: protocol.Fields, ocr: Ocr | None, answers: IO[bytes]
) -> None:
    """Send every record of one file, then the end."""
    request = frame.fields
    processes.limit_cpu_time(request["seconds"])
    budget = Budget(seconds=request["seconds"], depth=limits["depth"])
    size = request["size"]
    file = DetectedFile(
        frame.data[:size],
        request["name"],
        request["media_type"],
        request["detected_by"],
        frame.data[size:],
    )
    out_of_memory = processes.out_of_memory(limits["memory_mb"])

    def send(record: Record) -> None:
        protocol.send(answers, protocol.RECORD, *protocol.encode_record(record))

    try:
        for record in read_detected(
            file,
            records=request["records"],
            budget=budget,
            ocr=ocr,
            passwords=limits["passwords"],
        ):
            if record.reason == OUT_OF_MEMORY:
                send(replace(record, reason=out_of_memory, kind="limit"))
            else:
                send(record)
    except MemoryError:
        send(Record("", reason=out_of_memory, kind="limit"))
    except BrokenPipeError:
        raise
    except Exception as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        detail = detail.encode("ascii", "backslashreplace").decode()
        send(Record("", reason=f"cannot be read: {detail}"))
    protocol.send(answers, protocol.END, {})
