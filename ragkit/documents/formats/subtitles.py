"""Subtitles (SubRip srt, WebVTT vtt) → Document: the spoken text, with the time of every cue.

Cues are joined to paragraphs until a sentence ends and a pause follows. Knows no video.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import unescape
from typing import NamedTuple

from ragkit.documents.decoding import Decoded, decode
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_SRT, _VTT = "application/x-subrip", "text/vtt"

_PARAGRAPH_PAUSE = 2.0  # seconds without a cue that end a paragraph
_LONG_PARAGRAPH = 600  # characters, after which the end of a sentence ends the paragraph
_TIMESTAMP = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMINGS = re.compile(rf"[ \t]{{0,9}}{_TIMESTAMP}[ \t]{{1,9}}-->[ \t]{{1,9}}{_TIMESTAMP}")
_SPEAKER = re.compile(r"<v(?:\.[^\s<>]{0,99})?[ \t]([^<>]{1,99})>")
_NAME = re.compile(r"([^\W\d_][^:\n]{0,50}): (?=\S)")
_MAX_SPEAKERS = 100
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,199}>|\{\\[^{}]{0,99}\}")
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "？", "！", '."', '?"', '!"')
_ROLLING_GAP = 0.1  # seconds between two cues of captions that roll up
_MIN_ROLLING_LINES = 3  # of two cues together
_DIALOGUE_DASHES = ("- ", "– ")


class Cue(NamedTuple):
    """A text that is shown for some time."""

    start: float  # seconds
    end: float
    text: str


def read_srt(data: bytes, name: str) -> Document:
    """Read a SubRip file, with a locator for each cue. Raises `DocumentError` without any cue."""
    return _read_subtitles(data, _SRT)


def read_vtt(data: bytes, name: str) -> Document:
    """Read a WebVTT file, with a locator for each cue. Raises `DocumentError` without any cue."""
    return _read_subtitles(data, _VTT)


def _read_subtitles(data: bytes, media_type: str) -> Document:
    decoded = decode(data)
    cues = list(_cues(decoded.text, media_type))
    document = write_cues(cues, decoded, media_type)
    speakers = ", ".join(_speakers(decoded.text, cues))
    metadata = {"from": speakers} if speakers else {}
    return replace(document, title=_title(decoded.text), metadata=metadata)


def _speakers(text: str, cues: Sequence[Cue]) -> list[str]:
    """The names of those who speak, in the order in which they do: from voice tags (Teams), or
    before a colon where most cues have a name there (Zoom)."""
    names = [" ".join(unescape(name).split()) for name in _SPEAKER.findall(text)]
    if not names:
        before_colon = [match[1] for cue in cues if (match := _NAME.match(cue.text)) is not None]
        if len(before_colon) > len(cues) / 2 and len(set(before_colon)) <= _MAX_SPEAKERS:
            names = before_colon
    return list(dict.fromkeys(names))[:_MAX_SPEAKERS]


def write_cues(cues: Iterable[Cue], decoded: Decoded, media_type: str) -> Document:
    """Return the text of cues in paragraphs, with a locator for each cue.

    Raises `DocumentError` if a file with text has none.
    """
    text, encoding, warnings, encoding_by = decoded
    writer = DocumentWriter()
    previous: Cue | None = None
    length = 0  # characters of the open paragraph
    count = 0
    for cue in cues:
        count += 1
        if previous is not None and cue.text == previous.text:
            continue  # the same text, displayed for longer
        pause = previous is not None and cue.start - previous.end > _PARAGRAPH_PAUSE
        ended = previous is not None and previous.text.endswith(_SENTENCE_ENDS)
        starts_paragraph = (
            pause or (ended and length > _LONG_PARAGRAPH) or cue.text.startswith(_DIALOGUE_DASHES)
        )
        separator = "\n\n" if starts_paragraph else " "
        writer.add(cue.text, separator=separator, locator=("time", _timings(cue)))
        length = len(cue.text) + (0 if starts_paragraph else length)
        previous = cue
    if not count and text.strip():
        raise DocumentError("no subtitle in it: no line with two times and an arrow")
    return replace(
        writer.document(media_type),
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def _title(text: str) -> str | None:
    """Return what follows `WEBVTT` on the first line."""
    first = text.partition("\n")[0].lstrip("\ufeff")
    title = first.removeprefix("WEBVTT").strip(" -–\t") if first.startswith("WEBVTT") else ""
    return title or None


def _timings(cue: Cue) -> str:
    """Return the times of a cue: "00:01:02.500-00:01:04.000"."""
    return "-".join(_label(seconds) for seconds in (cue.start, cue.end))


def _label(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def _cues(text: str, media_type: str) -> Iterator[Cue]:
    """Yield the cues with text: the lines from a timing line up to the next empty line.

    Captions that roll up repeat their last lines in the next cue; each line is yielded once.
    """
    timings: re.Match[str] | None = None
    lines: list[str] = []
    shown: list[str] = []  # lines of the previous cue
    end = 0.0  # of the previous cue
    for line in [*text.split("\n"), ""]:
        # In WebVTT a line with a blank is part of the cue.
        is_empty = not line if media_type == _VTT else not line.strip()
        if (match := _TIMINGS.match(line)) is not None or is_empty:
            if timings is not None:
                start, cue_end = _seconds(timings.groups()[:4]), _seconds(timings.groups()[4:])
                content = [words for line in lines if (words := _words(line))]
                new = _new_lines(shown, content) if start - end < _ROLLING_GAP else content
                if new:
                    yield Cue(start, cue_end, " ".join(new))
                if content:
                    shown, end = content, cue_end
            timings, lines = match, []
        elif timings is not None:
            lines.append(line)


def _words(line: str) -> str:
    """Return a line of a cue without its markup, with the name of its speaker."""
    with_speakers = _SPEAKER.sub(r"\1: ", line)
    return " ".join(unescape(_TAG.sub("", with_speakers)).split())


def _new_lines(shown: list[str], lines: list[str]) -> list[str]:
    """Return the lines that were not shown at the end of the previous cue."""
    if len(shown) + len(lines) < _MIN_ROLLING_LINES:  # two cues of one line say the same twice
        return lines
    for count in range(min(len(shown), len(lines)), 0, -1):
        if shown[-count:] == lines[:count]:
            return lines[count:]
    return lines


def _seconds(parts: tuple[str | None, ...]) -> float:
    """Return a time in seconds, from hours, minutes, seconds and a fraction."""
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    return 3600 * hours + 60 * minutes + seconds + int((parts[3] or "0").ljust(3, "0")) / 1000
