"""WhatsApp chats (`_chat.txt`, `WhatsApp Chat with ….txt`) → one document per day.

Each phone writes dates in its own notation: the order of day and month is found from all dates of
the file. Notices ("Jane added Max") and omitted media are not what somebody said. A file in which
nobody says anything is read as text.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from ragkit.documents.chat_lines import AUTHOR, EVENING, LINE, MARKS
from ragkit.documents.decoding import decode, read_text
from ragkit.documents.formats.exports.messages import ChatMessage, chat_members
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget

MEDIA_TYPE = "text/x-whatsapp"
_NOT_SAID = re.compile(
    r"<[^<>\n]{2,60}>|(?:image|video|audio|sticker|GIF|document|Contact card) omitted"
    r"|(?:This message was|You) deleted(?: this message)?\.?",
    re.IGNORECASE,
)
_EDITED = re.compile(r"\s{0,3}<This message was edited>$", re.I)
_ATTACHED = re.compile(
    r"<(?:attached|Anhang|adjunto|anexado|joint|allegato): ([^<>\n]{1,200})>", re.I
)
_CHAT_NAME = re.compile(
    r".{0,40}?WhatsApp.{0,20}?\s(?:with|mit|con|avec|com|met|med|z|с|-)\s(.+)", re.I
)


class _Entry(NamedTuple):
    numbers: tuple[int, int, int]  # of the date, as written
    hour: int
    minute: int
    text: str


def whatsapp_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each day of a chat. Raises `BudgetExceededError` for too many days."""
    entries = _entries(decode(data).text)
    order = _order([entry.numbers for entry in entries])
    found = (_message(entry, order) for entry in entries)
    messages = [message for message in found if message is not None and message.text.strip()]
    if not messages:
        yield Member("", document=read_text(data, name))
        return
    yield from chat_members(_chat_name(name), messages, MEDIA_TYPE, budget)


def _entries(text: str) -> list[_Entry]:
    """The dated entries of a chat with the lines that follow each."""
    entries: list[_Entry] = []
    lines: list[list[str]] = []  # of each entry
    for line in text.replace("\u202f", " ").replace("\u00a0", " ").split("\n"):
        match = LINE.match(line)
        if match is None:
            if entries:
                lines[-1].append(line)
            continue
        numbers = (int(match["first"]), int(match["second"]), int(match["third"]))
        hour = int(match["hour"])
        half = (match["before"] or match["after"] or "").lower()
        if half and hour <= 12:
            is_late = half.startswith("p") or EVENING.fullmatch(half) is not None
            hour = hour % 12 + (12 if is_late else 0)
        entries.append(_Entry(numbers, hour, int(match["minute"]), ""))
        lines.append([line[match.end() :]])
    return [entry._replace(text="\n".join(own)) for entry, own in zip(entries, lines, strict=True)]


def _order(dates: Sequence[tuple[int, int, int]]) -> str:
    """The order of year, month and day: "ymd", "dmy" or "mdy", from all dates of a chat."""
    if any(date[0] > 31 for date in dates):
        return "ymd"
    possible = [
        order for order in ("dmy", "mdy", "ymd") if all(_day(date, order) for date in dates)
    ]
    steps = {
        order: sum(_day(one, order) > _day(two, order) for one, two in pairwise(dates))
        for order in possible
    }
    return min(possible, key=lambda order: steps[order], default="dmy")


def _day(numbers: tuple[int, int, int], order: str) -> str:
    """A date as ISO 8601; "" if there is no such day."""
    year, month, day = (numbers[order.index(part)] for part in "ymd")
    try:
        return datetime.date(year + 2000 if year < 100 else year, month, day).isoformat()
    except ValueError:
        return ""


def _message(entry: _Entry, order: str) -> ChatMessage | None:
    """What was said; None for a notice, which has no author, and for omitted media."""
    author = AUTHOR.match(entry.text)
    if author is None:
        return None
    text = _EDITED.sub("", entry.text[author.end() :].strip(f" \n{MARKS}"))
    text = _ATTACHED.sub(r"\1", text)
    if _NOT_SAID.fullmatch(text):
        return None
    time = f"T{entry.hour:02}:{entry.minute:02}"
    day = _day(entry.numbers, order)
    return ChatMessage(author[1].strip(f"~ \u202f{MARKS}"), day and day + time, text)


def _chat_name(name: str) -> str:
    path = PurePosixPath(name)
    stem = path.parent.name if path.stem.lower() == "_chat" else path.stem
    match = _CHAT_NAME.fullmatch(stem)
    return match[1] if match else stem
