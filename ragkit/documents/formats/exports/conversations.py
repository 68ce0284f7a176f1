"""Exports of ChatGPT and Claude (`conversations.json`) → one document per conversation.

Only what was said: from ChatGPT the branch that was shown last, without the calls of tools. A file
that is not such an export is read as JSON.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.data.json_text import read_json
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.records.documents import Document

_MEDIA_TYPE = "application/x-conversations+json"
_AUTHORS = {"human": "user"}  # Claude's name of the role that others call "user"
_SPEAKERS = frozenset({"user", "assistant"})
_MAX_TITLE = 200  # characters


def read_conversations(data: bytes, name: str) -> Document:
    """Read all conversations of a file as one document. Never raises."""
    conversations = _conversations(data)
    if conversations is None:
        return read_json(data, name)
    writer = DocumentWriter()
    for document in map(_document, conversations):
        writer.add(document.title or "", level=1)
        writer.add_document(document)
    return writer.document(_MEDIA_TYPE)


def conversation_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a document for each conversation, named by its number, from 1.

    Raises `BudgetExceededError` if there are more than the budget allows.
    """
    conversations = _conversations(data)
    if conversations is None:
        yield Member("", document=read_json(data, name))
        return
    for number, conversation in enumerate(conversations, 1):
        budget.count_member()
        yield Member(str(number), document=_document(conversation))


def utc_time(value: object) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC; a text as it is; "" for anything else."""
    if isinstance(value, str):
        return strip_invalid_characters(value)[:40]
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return ""
    try:
        moment = datetime.datetime.fromtimestamp(value, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _conversations(data: bytes) -> list[dict[str, Any]] | None:
    """The conversations of an export; None if the file is none."""
    try:
        value = json.loads(decode(data).text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or not value:
        return None
    known = all(
        isinstance(item, dict)
        and (isinstance(item.get("mapping"), dict) or isinstance(item.get("chat_messages"), list))
        for item in value
    )
    return value if known else None


def _document(conversation: dict[str, Any]) -> Document:
    if isinstance(conversation.get("mapping"), dict):
        messages = _chatgpt_messages(conversation)
        title, date = conversation.get("title"), conversation.get("create_time")
    else:
        messages = _claude_messages(conversation)
        title, date = conversation.get("name"), conversation.get("created_at")
    authors: dict[str, None] = {}
    writer = DocumentWriter()
    for author, text in messages:
        authors[author] = None
        writer.add(f"{author}: {text}")
    metadata = {"from": ", ".join(authors), "date": utc_time(date)}
    document = writer.document(_MEDIA_TYPE)
    clean = " ".join(strip_invalid_characters(title).split()) if isinstance(title, str) else ""
    return Document(
        document.text,
        _MEDIA_TYPE,
        title=clean[:_MAX_TITLE] or None,
        metadata={field: value for field, value in metadata.items() if value},
    )


def _chatgpt_messages(conversation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Author and text along the branch from the root to the current node."""
    mapping, node_id = conversation["mapping"], conversation.get("current_node")
    branch: list[Any] = []
    seen: set[str] = set()
    while isinstance(node_id, str) and node_id not in seen:
        seen.add(node_id)
        node = mapping.get(node_id)
        if not isinstance(node, dict):
            break
        branch.append(node)
        node_id = node.get("parent")
    if not branch:  # exports without a current node
        branch = [node for node in reversed(mapping.values()) if isinstance(node, dict)]
    for node in reversed(branch):
        message = node.get("message")
        if not isinstance(message, dict):
            continue
        author, content, hidden = (message.get(key) for key in ("author", "content", "metadata"))
        role = author.get("role") if isinstance(author, dict) else None
        if isinstance(hidden, dict) and hidden.get("is_visually_hidden_from_conversation"):
            continue
        if role not in ("user", "assistant") or message.get("recipient") not in (None, "all"):
            continue
        if isinstance(content, dict) and (text := _parts_text(content.get("parts"))):
            yield role, text


def _claude_messages(conversation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Author and text in order; the text of attached files follows what was said."""
    for message in conversation["chat_messages"]:
        if not isinstance(message, dict):
            continue
        parts = message.get("content")
        blocks = parts if isinstance(parts, list) else []
        said = [
            block.get("text")
            for block in blocks
            if isinstance(block, dict) and block.get("type", "text") == "text"
        ]
        text = _parts_text(said) or _parts_text([message.get("text")])
        attached = message.get("attachments")
        for file in attached if isinstance(attached, list) else []:
            if isinstance(file, dict) and (content := _parts_text([file.get("extracted_content")])):
                file_name = _parts_text([file.get("file_name")])
                text = f"{text}\n\n{file_name}:\n{content}".strip()
        sender = message.get("sender")
        author = _AUTHORS.get(sender, sender) if isinstance(sender, str) else None
        if text and author in _SPEAKERS:
            yield str(author), text


def _parts_text(parts: object) -> str:
    """The texts among the parts of a message; parts that are pictures or audio: transcripts."""
    texts = []
    for part in parts if isinstance(parts, list) else []:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(strip_invalid_characters(text.replace("\r\n", "\n")).strip())
    return "\n".join(filter(None, texts))
