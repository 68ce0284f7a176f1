"""Subtitles of editors (ASS, SSA), YouTube (SBV) and broadcasters (TTML) → Document.

The spoken text with the time of every cue, as of srt and vtt; without styles, comments and
drawings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers.expat import ExpatError

from ragkit.documents.decoding import decode
from ragkit.documents.formats.data.xml_events import Start, Text, decode_xml, parse_events
from ragkit.documents.formats.subtitles import Cue, write_cues
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

_TIME = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d{1,6})?)(?::(\d{1,3}))?")
_OFFSET = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(h|ms|m|s|f|t)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_OVERRIDE = re.compile(r"\{[^{}]{0,2000}\}")
_DRAWING = re.compile(
    r"\{[^{}]{0,500}\\p[1-9][^{}]{0,500}\}[^{}]{0,20000}(?:\{[^{}]{0,500}\\p0[^{}]{0,500}\}|$)"
)
_BREAK = re.compile(r"\\[Nnh]")
_FRAMES_PER_SECOND = 30.0
_DEFAULT_FORMAT = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv",
                   "effect", "text"]  # fmt: skip


def read_ass(data: bytes, name: str) -> Document:
    """Read an ASS or SSA file. Raises `DocumentError` without any cue."""
    decoded = decode(data)
    cues = sorted(_ass_cues(decoded.text), key=lambda cue: cue.start)
    return write_cues(cues, decoded, "text/x-ssa")


def _ass_cues(text: str) -> Iterator[Cue]:
    fields = _DEFAULT_FORMAT
    in_events = False
    for line in text.split("\n"):
        kind, _, rest = line.partition(":")
        if line.startswith("["):
            in_events = line.strip().lower() == "[events]"
        elif in_events and kind == "Format":
            fields = [field.strip().lower() for field in rest.split(",")]
        elif in_events and kind == "Dialogue":
            values = dict(zip(fields, rest.split(",", len(fields) - 1), strict=False))
            start, end = (_clock(values.get(key, "").strip()) for key in ("start", "end"))
            words = _OVERRIDE.sub("", _DRAWING.sub("", values.get("text", "")))
            words = " ".join(_BREAK.sub(" ", words).split())
            if words and start is not None and end is not None:
                speaker = values.get("name", values.get("actor", "")).strip()
                yield Cue(start, end, f"{speaker}: {words}" if speaker else words)


def read_sbv(data: bytes, name: str) -> Document:
    """Read an SBV file. Raises `DocumentError` without any cue."""
    decoded = decode(data)
    return write_cues(_sbv_cues(decoded.text), decoded, "text/x-sbv")


def _sbv_cues(text: str) -> Iterator[Cue]:
    for block in re.split(r"\n[ \t]*\n", text):
        first, _, words = block.strip().partition("\n")
        start, _, end = first.partition(",")
        times = _clock(start.strip()), _clock(end.strip())
        if times[0] is not None and times[1] is not None and words.strip():
            yield Cue(times[0], times[1], " ".join(words.split()))


def read_ttml(data: bytes, name: str) -> Document:
    """Read a TTML file. Raises `DocumentError` without any cue, or if it is not well-formed."""
    decoded = decode_xml(data)
    try:
        cues = list(_ttml_cues(decoded.text))
    except ExpatError as error:
        raise DocumentError(f"not well-formed XML ({error})") from error
    return write_cues(cues, decoded, "application/ttml+xml")


def _ttml_cues(text: str) -> Iterator[Cue]:
    open_tags: list[str] = []
    pieces: list[str] = []
    times: tuple[float, float] | None = None
    in_paragraph = in_metadata = 0
    for event in parse_events(text):
        if isinstance(event, Start):
            open_tags.append(event.tag)
            in_metadata += event.tag == "metadata"
            if event.tag == "p":
                in_paragraph, pieces = in_paragraph + 1, []
                times = _ttml_times(event.attributes)
            elif event.tag == "br":
                pieces.append(" ")
        elif isinstance(event, Text):
            if in_paragraph and not in_metadata:
                pieces.append(event.text)
        else:
            tag = open_tags.pop() if open_tags else ""
            in_metadata -= tag == "metadata"
            if tag == "p":
                in_paragraph -= 1
                words = " ".join("".join(pieces).split())
                if words:
                    start, end = times or (0.0, 0.0)
                    yield Cue(start, end, words)


def _ttml_times(attributes: dict[str, str]) -> tuple[float, float]:
    start = _clock(attributes.get("begin", "")) or 0.0
    end = _clock(attributes.get("end", ""))
    if end is None:
        end = start + (_clock(attributes.get("dur", "")) or 0.0)
    return start, end


def _clock(value: str) -> float | None:
    """Return a time in seconds: "1:02:03.5", "00:01:02:12" (frames), "2.5s"; None if it is none."""
    if (match := _TIME.fullmatch(value)) is not None:
        hours, minutes = int(match[1] or 0), int(match[2])
        seconds = float(match[3].replace(",", "."))
        return 3600 * hours + 60 * minutes + seconds + int(match[4] or 0) / _FRAMES_PER_SECOND
    if (match := _OFFSET.fullmatch(value)) is not None:
        number = float(match[1])
        return number * _UNITS.get(match[2], 1 / _FRAMES_PER_SECOND)
    return None
