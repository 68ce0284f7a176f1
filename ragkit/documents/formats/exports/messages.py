"""Messages of a chat → one document per day, as all exports of chats are read.

A document has what was said on one day, with the names of its speakers; `from`, `date` and
`channel` are its metadata. Knows no export.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.records.documents import Document

_MAX_NAME = 200  # characters of a person's or a channel's name


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """What somebody said. `date` is ISO 8601, the day first; "" if it is unknown."""

    author: str
    date: str
    text: str


def chat_members(
    channel: str, messages: Iterable[ChatMessage], media_type: str, budget: Budget, folder: str = ""
) -> Iterator[Member]:
    """Yield a document for each day of a channel, named by the day: `2024-03-12`, in `folder`.

    Messages without text are left out. Raises `BudgetExceededError` for too many days.
    """
    days: dict[str, list[ChatMessage]] = {}
    for message in messages:
        if message.text.strip():
            days.setdefault(message.date[:10], []).append(message)
    for day, said in days.items():
        budget.count_member()
        name = day or "undated"
        yield Member(
            f"{folder}/{name}" if folder else name,
            document=_day_document(clean_name(channel), day, said, media_type),
        )


def _day_document(
    channel: str, day: str, messages: Iterable[ChatMessage], media_type: str
) -> Document:
    authors: dict[str, None] = {}
    writer = DocumentWriter()
    for message in messages:
        author = clean_name(message.author) or "unknown"
        authors[author] = None
        writer.add(f"{author}: {message.text.strip()}")
    metadata = {"from": ", ".join(authors), "date": day, "channel": channel}
    return Document(
        writer.document(media_type).text,
        media_type,
        title=", ".join(filter(None, (channel, day))) or None,
        metadata={field: value for field, value in metadata.items() if value},
    )


def clean_name(name: object) -> str:
    """Return the name of a person or a channel on one line; "" for what is no text."""
    if not isinstance(name, str):
        return ""
    return " ".join(strip_invalid_characters(name).split())[:_MAX_NAME]
