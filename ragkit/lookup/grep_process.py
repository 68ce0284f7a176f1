"""The child process of `grep`: it searches texts with a regular expression, and nothing else.

Python's own engine backtracks, so a pattern can take longer than the age of the universe, or all
memory. In a process of its own every pattern ends: the parent kills it when the time is over, and
the operating system limits its memory and its processor time. It is started as a script and imports
only the standard library.

Protocol, on stdin and stdout. A frame is a length (8 bytes, little-endian) and as many bytes.
The first frame is empty and says that the process has started.
The parent sends a JSON object {pattern, ignore_case, literal, word, memory_mb, seconds}; the answer
is a frame with an error message, empty if there is none. Then, as often as the parent likes: a
frame with a JSON array of [from offset, bytes of the text, maximum number of matches] for each
text, and a frame with all texts in UTF-8; the answer is a frame for each text, with a JSON array of
[start, end] in characters, one match for each line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import IO, Any


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Write one frame."""
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Return the next frame; None at the end of the stream."""
    header = stream.read(8)
    if len(header) < 8:
        return None
    size = int.from_bytes(header, "little")
    data = stream.read(size)
    return data if len(data) == size else None


def compile_pattern(
    pattern: str, *, ignore_case: bool, literal: bool, word: bool
) -> re.Pattern[str]:
    """Return the compiled expression; `^` and `$` match at lines. Raises re.error and others."""
    expression = re.escape(pattern) if literal else pattern
    if word:
        expression = rf"\b(?:{expression})\b"
    flags = re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
    return re.compile(expression, flags)


def matches(expression: re.Pattern[str], text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of the first match in each line, from the offset `start`. A match may span
    lines; the next one begins in the line after it."""
    while not 0 < start >= len(text) and (match := expression.search(text, start)) is not None:
        first, last = match.span()
        if first == len(text) and (first == 0 or text[-1] == "\n"):
            return  # an empty match after the last line
        yield first, last
        line_end = text.find("\n", max(first, last - 1))
        if line_end < 0:
            return
        start = line_end + 1


def main() -> None:
    """Answer the parent until it closes the pipe."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    write_frame(target, b"")
    request = json.loads(read_frame(source) or b"{}")
    limit_resources(request.pop("memory_mb"), request.pop("seconds"))
    try:
        expression = compile_pattern(request.pop("pattern"), **request)
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        write_frame(target, (str(error) or type(error).__name__).encode())
        return
    write_frame(target, b"")
    while (header := read_frame(source)) is not None:
        texts = read_frame(source) or b""
        position = 0
        for start, size, limit in json.loads(header):
            text = texts[position : position + size].decode("utf-8", "surrogatepass")
            position += size
            write_frame(target, json.dumps(_first(expression, text, start, limit)).encode())


def _first(expression: re.Pattern[str], text: str, start: int, limit: int) -> list[Any]:
    found: list[Any] = []
    for span in matches(expression, text, start):
        if len(found) >= limit:
            break
        found.append(span)
    return found


def limit_resources(memory_mb: int, seconds: float) -> None:
    """Limit memory and processor time where the platform can, in case the parent has died."""
    if sys.platform == "win32":
        return
    import resource

    for name, value in (
        ("RLIMIT_AS", memory_mb << 20),
        ("RLIMIT_CPU", int(seconds) + 2),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
    ):
        _, hard = resource.getrlimit(getattr(resource, name))
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(getattr(resource, name), (limit, hard))
        except (OSError, ValueError):  # macOS refuses some
            continue


if __name__ == "__main__":
    main()
