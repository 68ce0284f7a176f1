"""Pictures of pages and images as PNG, rendered by a process of their own.

A file may do anything to the process that opens it, so the serving process never does: it sends the
bytes, and gets pixels whose number is checked before they become a PNG. One process renders one
picture, within limits of time and memory.
"""

from __future__ import annotations

import struct
import subprocess
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ragkit.documents.sandbox import processes, protocol
from ragkit.errors import DocumentError

MAX_PIXELS = 4_000_000
_SECONDS = 20.0  # to render one page
_MEMORY_MB = 1024
_MAX_BOXES = 1000
_COMPRESSION = 6  # of zlib


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a file is to be rendered, and which passage of it is to be boxed."""

    name: str  # of the file, for the detection of its type
    record: str = ""  # of the document in the file, "" for the file itself
    page: int = 1  # from 1
    width: int = 1000  # pixels
    passage: str = ""
    before: int = 0  # letters and digits of the page before the passage


@dataclass(frozen=True, slots=True)
class PagePng:
    """A rendered page. `boxes`: left, top, width and height as shares of the page, 0 to 1."""

    width: int  # pixels
    height: int
    png: bytes
    boxes: tuple[tuple[float, float, float, float], ...]


def render_page(data: bytes, request: PageRequest) -> PagePng:
    """Return the page of a file (a PDF or an image, perhaps compressed or in an archive).

    Raises DocumentError with the reason if it cannot be shown: damaged, no such page, too slow, or
    this program cannot start a process.
    """
    fields = {
        "name": request.name,
        "record": request.record,
        "page": request.page,
        "width": request.width,
        "max_pixels": MAX_PIXELS,
        "passage": request.passage,
        "before": request.before,
        "memory_mb": _MEMORY_MB,
        "seconds": _SECONDS,
    }
    frame = _run_worker(data, fields)
    if frame.kind != protocol.IMAGE:
        raise DocumentError(str(frame.fields.get("reason"))[:300])
    try:
        return _to_png(frame)
    except (KeyError, TypeError, ValueError) as error:
        raise DocumentError("the process that renders pages sent an invalid answer") from error


def _run_worker(data: bytes, fields: protocol.Fields) -> protocol.Frame:
    try:
        process = subprocess.Popen(  # noqa: S603 (this interpreter)
            processes.command("page_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=processes.environment(),
            cwd=Path("/").absolute(),
            creationflags=processes.hide_window(),
        )
    except OSError as error:
        raise DocumentError(f"no process to render pages in: {error}") from error
    deadline = threading.Timer(_SECONDS, process.kill)
    deadline.start()
    try:
        protocol.send(cast("IO[bytes]", process.stdin), protocol.READ, fields, data)
        return protocol.receive(cast("IO[bytes]", process.stdout), 3 * MAX_PIXELS + 200_000)
    except (OSError, protocol.ProtocolError) as error:
        raise DocumentError("the page could not be rendered within the limits") from error
    finally:
        deadline.cancel()
        process.kill()
        process.communicate()


def _to_png(frame: protocol.Frame) -> PagePng:
    """Raises KeyError, TypeError or ValueError for what is no picture."""
    width, height = frame.fields["width"], frame.fields["height"]
    boxes = frame.fields["boxes"]
    is_valid = (
        type(width) is int
        and type(height) is int
        and width > 0
        and height > 0
        and width * height <= MAX_PIXELS
        and len(frame.data) == 3 * width * height
        and len(boxes) <= _MAX_BOXES
    )
    if not is_valid:
        raise ValueError
    checked = []
    for box in boxes:
        left, top, box_width, box_height = map(float, box)
        if not all(0 <= share <= 1 for share in (left, top, box_width, box_height)):
            raise ValueError
        checked.append((left, top, box_width, box_height))
    return PagePng(width, height, encode_png(frame.data, width, height), tuple(checked))


def encode_png(pixels: bytes, width: int, height: int) -> bytes:
    """Return RGB pixels (3 * width * height bytes) as PNG, in grey if there is no colour."""
    red, green, blue = pixels[0::3], pixels[1::3], pixels[2::3]
    is_grey = red == green == blue
    rows, stride = (red, width) if is_grey else (pixels, 3 * width)
    filtered = b"".join(b"\0" + rows[at : at + stride] for at in range(0, stride * height, stride))
    header = struct.pack("!IIBBBBB", width, height, 8, 0 if is_grey else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered, _COMPRESSION)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
