"""The process that reads files for the program, one after the other, until its pipe closes.

It gets bytes and gives records, by frames over its standard input and output. What a file does to
it is no concern of the program's. Started by `sandbox`; opens no file of the user's.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import IO

from ragkit.documents import read_all
from ragkit.documents.budget import Budget
from ragkit.documents.containers import OUT_OF_MEMORY
from ragkit.documents.ocr import Image, Ocr, OcrLimits, Recognised
from ragkit.documents.sandbox import confinement, protocol
from ragkit.records.documents import Record


def main() -> None:
    """Serve the program that has started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program
    requests, answers = _own_pipes()
    try:
        limits = protocol.receive(requests).fields
        ocr = _engine(limits["ocr"], requests, answers)
        errors = os.open(os.devnull, os.O_WRONLY)  # no file is opened to write to after this
        confinement.confine(limits["memory_mb"] << 20)
        protocol.send(answers, protocol.READY, {})
        os.dup2(errors, sys.stderr.fileno())
        while True:
            _answer(protocol.receive(requests), limits, ocr, answers)
    except (protocol.WireError, BrokenPipeError):  # the program has ended, or wants no more
        os._exit(0)


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Both pipes under other numbers: what a library reads or prints does not mix with frames."""
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    _silence(sys.stdin.fileno())
    _silence(sys.stdout.fileno())
    return requests, answers


def _silence(number: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, number)
    os.close(nothing)


def _engine(told: protocol.Fields | None, requests: IO[bytes], answers: IO[bytes]) -> Ocr | None:
    """The program as an engine: it is asked what is written in an image."""
    if told is None:
        return None

    def recognise(image: Image) -> Recognised:
        protocol.send_image(answers, image)
        return protocol.receive_text(requests)

    return Ocr(recognise, told["engine"], told["languages"], OcrLimits(**told["limits"]))


def _answer(
    frame: protocol.Frame, limits: protocol.Fields, ocr: Ocr | None, answers: IO[bytes]
) -> None:
    """Send every record of one file, then that it is done."""
    request = frame.fields
    confinement.allow_processor(request["seconds"])
    budget = Budget(seconds=request["seconds"], depth=limits["depth"])
    over = confinement.out_of_memory(limits["memory_mb"])
    try:
        by_records = request["records"]
        for record in read_all(
            frame.data, request["name"], records=by_records, budget=budget, ocr=ocr
        ):
            if record.reason == OUT_OF_MEMORY:
                protocol.send(
                    answers,
                    protocol.RECORD,
                    *protocol.packed(replace(record, reason=over, kind="limit")),
                )
            else:
                protocol.send(answers, protocol.RECORD, *protocol.packed(record))
    except MemoryError:
        protocol.send(
            answers, protocol.RECORD, *protocol.packed(Record("", reason=over, kind="limit"))
        )
    except BrokenPipeError:
        raise
    except Exception as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        detail = detail.encode("ascii", "backslashreplace").decode()
        failed = Record("", reason=f"cannot be read: {detail}")
        protocol.send(answers, protocol.RECORD, *protocol.packed(failed))
    protocol.send(answers, protocol.END, {})
