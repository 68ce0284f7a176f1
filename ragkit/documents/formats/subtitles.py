"""Subtitles (SubRip srt, WebVTT) → Document: what is said, with the time of every cue.

Cues go on in one paragraph until a sentence ends and somebody pauses. Knows no video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import NamedTuple

from ragkit.documents.decoding import decode
from ragkit.documents.layout.writer import Writing
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

SRT, VTT = "application/x-subrip", "text/vtt"

_PAUSE = 2.0  # seconds without a cue that end a paragraph
_LONG = 600  # characters after which a sentence's end does too
_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMES = re.compile(rf"[ \t]{{0,9}}{_TIME}[ \t]{{1,9}}-->[ \t]{{1,9}}{_TIME}")
_SPEAKER = re.compile(r"<v(?:\.[^\s<>]{0,99})?[ \t]([^<>]{1,99})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,199}>|\{\\[^{}]{0,99}\}")
_ENDS = (".", "!", "?", "…", "。", "？", "！", '."', '?"', '!"')


class _Cue(NamedTuple):
    start: float  # seconds
    end: float
    times: str  # "00:01:02.500-00:01:04.000"
    text: str


def read_srt(data: bytes, name: str) -> Document:
    """A SubRip file. Raises DocumentError where it has no cue."""
    return _read(data, SRT)


def read_vtt(data: bytes, name: str) -> Document:
    """A WebVTT file. Raises DocumentError where it has no cue."""
    return _read(data, VTT)


def _read(data: bytes, media_type: str) -> Document:
    text, encoding, warnings, told_by = decode(data)
    writing = Writing()
    before: _Cue | None = None
    since = 0  # characters of this paragraph
    cues = 0
    for cue in _cues(text):
        cues += 1
        if before is not None and cue.text == before.text:
            continue  # shown on, for longer
        pause = before is not None and cue.start - before.end > _PAUSE
        ended = before is not None and before.text.endswith(_ENDS)
        apart = pause or (ended and since > _LONG) or cue.text.startswith(("- ", "– "))
        writing.add(cue.text, between="\n\n" if apart else " ", place=("time", cue.times))
        since = len(cue.text) + (0 if apart else since)
        before = cue
    if not cues and text.strip():
        raise DocumentError("no subtitle in it: no line with two times and an arrow")
    made = writing.document(media_type)
    return replace(
        made, title=_title(text), encoding=encoding, encoding_by=told_by, warnings=warnings
    )


def _title(text: str) -> str | None:
    """What stands behind `WEBVTT` on the first line."""
    first = text.partition("\n")[0].lstrip("\ufeff")
    words = first.removeprefix("WEBVTT").strip(" -–\t") if first.startswith("WEBVTT") else ""
    return words or None


def _cues(text: str) -> Iterator[_Cue]:
    """Every cue that says something: the lines after its times, up to an empty one."""
    times: re.Match[str] | None = None
    said: list[str] = []
    for line in [*text.split("\n"), ""]:
        if (found := _TIMES.match(line)) is not None or not line.strip():
            if times is not None:
                yield from _cue(times, said)
            times, said = found, []
        elif times is not None:
            said.append(line)


def _cue(times: re.Match[str], lines: list[str]) -> Iterator[_Cue]:
    shown = [_SPEAKER.sub(r"\1: ", line) for line in lines]
    words = " ".join(unescape(_TAG.sub("", " ".join(shown))).split())
    if words:
        (start, first), (end, last) = _moment(times.groups()[:4]), _moment(times.groups()[4:])
        yield _Cue(start, end, f"{first}-{last}", words)


def _moment(parts: tuple[str | None, ...]) -> tuple[float, str]:
    """Seconds, and the moment as `00:01:02.500`."""
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    thousandths = (parts[3] or "0").ljust(3, "0")
    shown = f"{hours:02}:{minutes:02}:{seconds:02}.{thousandths}"
    return 3600 * hours + 60 * minutes + seconds + int(thousandths) / 1000, shown
