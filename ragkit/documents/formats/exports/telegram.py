"""Telegram exports (`result.json`) → one document per chat and day: what was said.

Reads the export of one chat and that of all chats. A file that is neither, or has no message, is
read as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.data.json_text import read_json
from ragkit.documents.formats.exports.messages import ChatMessage, chat_members, clean_name
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget

_MEDIA_TYPE = "application/x-telegram+json"


def telegram_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each day of each chat, named `chat/2024-03-12`, or by the day alone.

    Raises `BudgetExceededError` for too many days.
    """
    try:
        export = json.loads(decode(data).text)
    except (ValueError, RecursionError):
        export = None
    chats = _chats(export)
    found = (_message(item) for chat in chats for item in chat["messages"])
    if not any(message is not None and message.text.strip() for message in found):
        yield Member("", document=read_json(data, name))
        return
    for chat in chats:
        channel = clean_name(chat.get("name")) or _unnamed(chat)
        folder = channel.replace("/", "_") if len(chats) > 1 else ""
        messages = (message for item in chat["messages"] if (message := _message(item)))
        yield from chat_members(channel, messages, _MEDIA_TYPE, budget, folder)


def _chats(export: object) -> list[dict[str, Any]]:
    if not isinstance(export, dict):
        return []
    found: list[Any] = [export] if "messages" in export else []
    for key in ("chats", "left_chats"):
        part = export.get(key)
        listed = part.get("list") if isinstance(part, dict) else None
        found += listed if isinstance(listed, list) else []
    return [
        chat for chat in found if isinstance(chat, dict) and isinstance(chat.get("messages"), list)
    ]


def _unnamed(chat: dict[str, Any]) -> str:
    kind = chat.get("type")
    return kind.replace("_", " ") if isinstance(kind, str) else "chat"


def _message(item: object) -> ChatMessage | None:
    """A message; None for a notice (who joined, what was pinned)."""
    if not isinstance(item, dict) or item.get("type") != "message":
        return None
    texts = [_text(item.get("text"))]
    poll = item.get("poll")
    if isinstance(poll, dict):
        answers = poll.get("answers")
        texts.append(_text(poll.get("question")))
        for answer in answers if isinstance(answers, list) else []:
            texts.append(f"- {_text(answer.get('text'))}" if isinstance(answer, dict) else "")
    contact = item.get("contact_information")
    if isinstance(contact, dict):
        names = (_text(contact.get(key)) for key in ("first_name", "last_name", "phone_number"))
        texts.append(" ".join(filter(None, names)))
    texts += [_text(item.get(key)) for key in ("place_name", "address", "performer", "title")]
    texts.append(_text(item.get("file_name")) if item.get("media_type") != "sticker" else "")
    author = clean_name(item.get("from")) or clean_name(item.get("from_id"))
    date = item.get("date")
    text = "\n".join(filter(None, texts))
    return ChatMessage(author, date if isinstance(date, str) else "", text)


def _text(value: object) -> str:
    """The text of a message: a string, or a list of strings and of entities with a text."""
    if isinstance(value, str):
        return value
    parts = []
    for part in value if isinstance(value, list) else []:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            address = part.get("href")
            is_link = isinstance(address, str) and address != part["text"]
            parts.append(f"{part['text']} ({address})" if is_link else part["text"])
    return "".join(parts)
