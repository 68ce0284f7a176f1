"""Subtitles (SubRip srt, WebVTT vtt) → Document: the spoken text, with the time of every cue.

Cues are joined to paragraphs until a sentence ends and a pause follows. Knows no video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import NamedTuple

from ragkit.documents.decoding import decode
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_SRT, _VTT = "application/x-subrip", "text/vtt"

_PARAGRAPH_PAUSE = 2.0  # seconds without a cue that end a paragraph
_LONG_PARAGRAPH = 600  # characters, after which the end of a sentence ends the paragraph
_TIMESTAMP = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMINGS = re.compile(rf"[ \t]{{0,9}}{_TIMESTAMP}[ \t]{{1,9}}-->[ \t]{{1,9}}{_TIMESTAMP}")
_SPEAKER = re.compile(r"<v(?:\.[^\s<>]{0,99})?[ \t]([^<>]{1,99})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,199}>|\{\\[^{}]{0,99}\}")
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "？", "！", '."', '?"', '!"')
_DIALOGUE_DASHES = ("- ", "– ")


class _Cue(NamedTuple):
    start: float  # seconds
    end: float
    timings: str  # "00:01:02.500-00:01:04.000"
    text: str


def read_srt(data: bytes, name: str) -> Document:
    """Read a SubRip file, with a locator for each cue. Raises `DocumentError` without any cue."""
    return _read_subtitles(data, _SRT)


def read_vtt(data: bytes, name: str) -> Document:
    """Read a WebVTT file, with a locator for each cue. Raises `DocumentError` without any cue."""
    return _read_subtitles(data, _VTT)


def _read_subtitles(data: bytes, media_type: str) -> Document:
    text, encoding, warnings, encoding_by = decode(data)
    writer = DocumentWriter()
    previous: _Cue | None = None
    length = 0  # characters of the open paragraph
    count = 0
    for cue in _cues(text):
        count += 1
        if previous is not None and cue.text == previous.text:
            continue  # the same text, displayed for longer
        pause = previous is not None and cue.start - previous.end > _PARAGRAPH_PAUSE
        ended = previous is not None and previous.text.endswith(_SENTENCE_ENDS)
        starts_paragraph = (
            pause or (ended and length > _LONG_PARAGRAPH) or cue.text.startswith(_DIALOGUE_DASHES)
        )
        separator = "\n\n" if starts_paragraph else " "
        writer.add(cue.text, separator=separator, locator=("time", cue.timings))
        length = len(cue.text) + (0 if starts_paragraph else length)
        previous = cue
    if not count and text.strip():
        raise DocumentError("no subtitle in it: no line with two times and an arrow")
    return replace(
        writer.document(media_type),
        title=_title(text),
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def _title(text: str) -> str | None:
    """Return what follows `WEBVTT` on the first line."""
    first = text.partition("\n")[0].lstrip("\ufeff")
    title = first.removeprefix("WEBVTT").strip(" -–\t") if first.startswith("WEBVTT") else ""
    return title or None


def _cues(text: str) -> Iterator[_Cue]:
    """Yield the cues with text: the lines from a timing line up to the next empty line."""
    timings: re.Match[str] | None = None
    lines: list[str] = []
    for line in [*text.split("\n"), ""]:
        if (match := _TIMINGS.match(line)) is not None or not line.strip():
            if timings is not None:
                yield from _parse_cue(timings, lines)
            timings, lines = match, []
        elif timings is not None:
            lines.append(line)


def _parse_cue(timings: re.Match[str], lines: list[str]) -> Iterator[_Cue]:
    """Yield the cue without its markup, or nothing if it has no text."""
    with_speakers = " ".join(_SPEAKER.sub(r"\1: ", line) for line in lines)
    text = " ".join(unescape(_TAG.sub("", with_speakers)).split())
    if text:
        groups = timings.groups()
        (start, start_label), (end, end_label) = _timestamp(groups[:4]), _timestamp(groups[4:])
        yield _Cue(start, end, f"{start_label}-{end_label}", text)


def _timestamp(parts: tuple[str | None, ...]) -> tuple[float, str]:
    """Return a time as seconds and as `00:01:02.500`, from hours, minutes, seconds, fraction."""
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    milliseconds = (parts[3] or "0").ljust(3, "0")
    label = f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds}"
    return 3600 * hours + 60 * minutes + seconds + int(milliseconds) / 1000, label
