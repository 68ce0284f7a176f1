"""Spans of a text that encode data: nobody searches for them, and they would outnumber passages.

A blob is a very long word, or many lines of base64, hexadecimal digits or uuencoded data one after
another: pictures in saved mails and notes, keys, dumps. Does not know sections or passages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_MAX_WORD = 2_000  # characters; no word, address or digest of any language is as long
_PREFIX = (
    100  # characters of a blob that are kept: WordPiece maps a longer word to its unknown token
)
_MIN_LINE = 40  # characters; encoders break lines after 60 to 76
_MIN_LINES = 8
_MIN_HEX_LINES = 32  # a list of digests is shorter, and may be searched for
_MAX_GAP = 60  # characters between two lines: indentation, quotation marks, "+"
# ASCII only: Chinese and Thai have no spaces, so their text also forms long runs of letters.
# The lookbehind lets each run be tried once, so the time is proportional to the text.
_LONG_WORD = re.compile(rf"(?<![A-Za-z0-9+/=_%-])[A-Za-z0-9+/=_%-]{{{_MIN_LINE},}}+")
_LAST_LINE = re.compile(r"[\s>]{1,60}+[A-Za-z0-9+/]{1,400}+={1,2}(?![\w+/=])")
_HEX = re.compile(r"[0-9A-Fa-f]+")
# A line of xxd or hexdump: an offset, then bytes.
_DUMP_LINE = re.compile(
    r"^[ \t>]{0,8}+([0-9A-Fa-f]{6,16}+):?[ \t]{1,4}+(?:[0-9A-Fa-f]{2,8}+[ \t]{1,3}+){4,}+.*+$",
    re.MULTILINE,
)
_DUMP_STEPS = (8, 16, 24, 32)  # bytes in a line
_UUENCODED_LINE = re.compile(r"^M[ -`]{60}$", re.MULTILINE)
_BYTE_ARRAY = re.compile(r"0[xX][0-9A-Fa-f]{1,2}+(?:\s*+,\s*+0[xX][0-9A-Fa-f]{1,2}+){200,}+")


@dataclass(frozen=True, slots=True)
class _Run:
    """A word, or lines that follow each other."""

    start: int
    end: int
    lines: int = 1
    width: int = 0  # characters of each line but the first


def blob_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans `(start, end)` that belong to no passage, in order, without overlap.

    Of each blob only the first 100 characters are split into passages.
    """
    end = 0
    for start, blob_end, _ in _blobs(text):
        if max(start + _PREFIX, end) < blob_end:
            yield max(start + _PREFIX, end), blob_end
            end = blob_end


def blob_warning(text: str) -> str | None:
    """Return the warning for text that no passage contains; None where there is none."""
    words: list[int] = []
    lines: list[int] = []
    for start, end, is_word in _blobs(text):
        (words if is_word else lines).append(end - start - _PREFIX)
    parts = []
    if words:
        name = "a word" if len(words) == 1 else f"{len(words):,} words"
        parts.append(
            f"{name} of over {_MAX_WORD:,} characters: {sum(words):,} characters not searched"
        )
    if lines:
        parts.append(f"encoded data in lines: {sum(lines):,} characters not searched")
    return "; ".join(parts) or None


def _blobs(text: str) -> list[tuple[int, int, bool]]:
    """Return the blobs of a text as (start, end, is it one word), by start."""
    if len(text) < _MIN_LINE * _MIN_LINES:
        return []
    blobs = [(run.start, run.end, run.lines == 1) for run in _long_words(text)]
    if "M" in text:
        blobs += _line_runs(text, [match.span() for match in _UUENCODED_LINE.finditer(text)])
    dump = [(match.start(), match.end(), int(match[1], 16)) for match in _DUMP_LINE.finditer(text)]
    steps = Counter(after[2] - before[2] for before, after in pairwise(dump))
    if steps and steps.most_common(1)[0][0] in _DUMP_STEPS:
        blobs += _line_runs(text, [(start, end) for start, end, _ in dump])
    if "0x" in text or "0X" in text:
        blobs += [(*match.span(), False) for match in _BYTE_ARRAY.finditer(text)]
    return sorted(blobs)


def _long_words(text: str) -> Iterator[_Run]:
    """Yield words of more than 2,000 characters, and runs of lines in base64 or hexadecimal."""
    run: _Run | None = None
    for match in _LONG_WORD.finditer(text):
        start, end = match.span()
        width = len(match[0].rstrip("="))
        if end - start > _MAX_WORD:
            if run is not None:
                yield from _encoded(text, run)
            run = None
            yield _Run(start, end)
        elif run is not None and _continues(text, run, start, width):
            # The first line may follow a tag, the last may be shorter.
            run = _Run(run.start, end, run.lines + 1, width if run.lines == 1 else run.width)
        else:
            if run is not None:
                yield from _encoded(text, run)
            run = _Run(start, end)
    if run is not None:
        yield from _encoded(text, run)


def _continues(text: str, run: _Run, start: int, width: int) -> bool:
    """Whether a long word is the next line of a run: nothing to read stands between, and it is as
    wide, or the last."""
    gap = text[run.end : start] if start - run.end <= _MAX_GAP else "x"
    return not any(map(str.isalnum, gap)) and (run.lines == 1 or width <= run.width)


def _encoded(text: str, run: _Run) -> Iterator[_Run]:
    """Yield the run if it is encoded data, with its last, shorter line."""
    if run.lines < _MIN_LINES:
        return
    data = "".join(text[run.start : run.end].split())
    is_hex = run.lines >= _MIN_HEX_LINES and _HEX.fullmatch(data) is not None
    if is_hex or _is_base64(data):
        last = _LAST_LINE.match(text, run.end)
        yield _Run(run.start, last.end() if last else run.end, run.lines, run.width)


def _is_base64(data: str) -> bool:
    """Whether capitals, small letters and digits are as mixed as in encoded bytes: of 64 letters 26
    are capitals, 26 small, and 10 digits. Paths and identifiers have mostly small letters."""
    capitals = sum(map(str.isupper, data))
    digits = sum(map(str.isdigit, data))
    return 5 * capitals > len(data) and 20 * digits > len(data)


def _line_runs(text: str, lines: list[tuple[int, int]]) -> Iterator[tuple[int, int, bool]]:
    """Yield the runs of at least 8 lines that follow each other."""
    first = 0
    for position in range(1, len(lines) + 1):
        is_next = (
            position < len(lines) and not text[lines[position - 1][1] : lines[position][0]].strip()
        )
        if not is_next:
            if position - first >= _MIN_LINES:
                yield lines[first][0], lines[position - 1][1], False
            first = position
