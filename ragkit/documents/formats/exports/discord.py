"""Discord channels (JSON of DiscordChatExporter) → one document per day: what was said.

A file that is no such export, or has no message, is read as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.data.json_text import read_json
from ragkit.documents.formats.exports.messages import ChatMessage, chat_members, clean_name
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget

_MEDIA_TYPE = "application/x-discord+json"
# Kinds of messages that somebody wrote; others are notices (who joined, what was pinned).
_SAID = frozenset({"Default", "Reply", "ThreadStarterMessage", "ApplicationCommand", "0", "19"})
_MENTION = re.compile(r"<@[!&]?(\d{1,25})>")
_EMOJI = re.compile(r"<a?(:\w{1,40}:)\d{1,25}>")


def discord_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each day of a channel. Raises `BudgetExceededError` for too many."""
    try:
        export = _object(json.loads(decode(data).text))
    except (ValueError, RecursionError):
        export = {}
    listed = _objects(export.get("messages"))
    names = _names(listed)
    found = (_message(item, names) for item in listed)
    messages = [message for message in found if message is not None and message.text.strip()]
    if not messages:
        yield Member("", document=read_json(data, name))
        return
    guild, channel = _object(export.get("guild")), _object(export.get("channel"))
    place = clean_name(channel.get("name"))
    server = clean_name(guild.get("name"))
    title = f"{server} #{place}" if server and server != "Direct Messages" else place
    yield from chat_members(title, messages, _MEDIA_TYPE, budget)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _name(user: Mapping[str, Any]) -> str:
    return clean_name(user.get("nickname")) or clean_name(user.get("name"))


def _names(messages: list[dict[str, Any]]) -> dict[str, str]:
    """The names of people by id, from the authors and the mentions of all messages."""
    names: dict[str, str] = {}
    for message in messages:
        for user in (_object(message.get("author")), *_objects(message.get("mentions"))):
            if isinstance(user.get("id"), str) and _name(user):
                if clean_name(user.get("nickname")):
                    names[user["id"]] = _name(user)
                names.setdefault(user["id"], _name(user))
    return names


def _message(message: dict[str, Any], names: Mapping[str, str]) -> ChatMessage | None:
    if str(message.get("type", "Default")) not in _SAID:
        return None
    texts = [message.get("content")]
    for embed in _objects(message.get("embeds")):
        texts += [_object(embed.get("author")).get("name"), embed.get("title")]
        texts.append(embed.get("description"))
        for row in _objects(embed.get("fields")):
            texts.append(": ".join(str(row[key]) for key in ("name", "value") if row.get(key)))
        texts.append(_object(embed.get("footer")).get("text"))
    texts += [attached.get("fileName") for attached in _objects(message.get("attachments"))]
    parts = dict.fromkeys(_plain(text, names) for text in texts if isinstance(text, str))
    author, date = _object(message.get("author")), message.get("timestamp")
    text = "\n".join(filter(None, parts))
    name = names.get(str(author.get("id")), _name(author))
    return ChatMessage(name, date if isinstance(date, str) else "", text)


def _plain(text: str, names: Mapping[str, str]) -> str:
    text = _MENTION.sub(lambda match: f"@{names.get(match[1], match[1])}", text)
    return _EMOJI.sub(r"\1", text).strip()
