"""The days of a Slack channel → documents: who said what, with names and entities resolved."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ragkit.documents.decoding import decode
from ragkit.documents.formats.data.json_text import read_json
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.layout.writer import DocumentWriter
from ragkit.records.documents import Document

LISTS = ("users.json", "channels.json")  # in the root of every export
_MEDIA_TYPE = "application/x-slack+json"
_DAY = re.compile(r"(?:.*/)?([^/]+)/(\d{4}-\d\d-\d\d)\.json")
# <@U02>, <@U02|name>, <#C01|general>, <!here>, <https://address|label>
_REFERENCE = re.compile(r"<([@#!]?)([^<>|\n]{1,3000})(?:\|([^<>\n]{0,3000}))?>")
# Who came, went or renamed something: nobody said it.
_NOTICES = re.compile(r"(?:channel|group)_|bot_(?:add|remove|enable|disable)|pinned_item|tombstone")


def is_day(name: str) -> bool:
    """Whether a path looks like that of a channel's day: `general/2024-03-12.json`."""
    return _DAY.fullmatch(name) is not None


@lru_cache(maxsize=1)  # an export has one list for all of its days
def user_names(data: bytes) -> Mapping[str, str]:
    """Return the names by user id that `users.json` lists; empty if it is no such list."""
    try:
        users = json.loads(decode(data).text)
    except (ValueError, RecursionError):
        return {}
    names = {}
    for user in users if isinstance(users, list) else []:
        if isinstance(user, dict) and isinstance(user.get("id"), str) and (name := _name(user)):
            names[user["id"]] = name
    return names


def read_day(data: bytes, name: str, users: bytes = b"") -> Document:
    """Read a channel's day. `users`: the list of users in the folder of the export; without it,
    names are those in the messages themselves. Never raises."""
    return read_named_day(data, name, user_names(users))


def read_named_day(data: bytes, name: str, names: Mapping[str, str]) -> Document:
    """Read a channel's day; `names` has the names of users by id. Never raises.

    A file that is not a list of messages is read as JSON.
    """
    try:
        value = json.loads(decode(data).text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list) or not any(map(_is_message, value)):
        return read_json(data, name)
    messages = list(filter(_is_message, value))
    known = {**_names_in(messages), **names}
    authors: dict[str, None] = {}
    writer = DocumentWriter()
    for message in messages:
        text = _message_text(message, known)
        if not text:
            continue
        author = _author(message, known)
        authors[author] = None
        writer.add(f"{author}: {text}")
    text = writer.document(_MEDIA_TYPE).text
    place = _DAY.fullmatch(name)
    channel, date = place.groups() if place else ("", "")
    metadata = {"from": ", ".join(authors), "date": date, "channel": channel}
    return Document(
        text,
        _MEDIA_TYPE,
        title=f"#{channel}, {date}" if place else None,
        metadata={field: value for field, value in metadata.items() if value},
    )


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "message" and "ts" in value


def _name(user: dict[str, Any]) -> str:
    """The name of a user, in full where it is known."""
    profile = user.get("profile")
    for source in (user, profile if isinstance(profile, dict) else {}):
        for key in ("real_name", "display_name"):
            if isinstance(name := source.get(key), str) and name.strip():
                return " ".join(strip_invalid_characters(name).split())
    name = user.get("name")
    return " ".join(strip_invalid_characters(name).split()) if isinstance(name, str) else ""


def _names_in(messages: list[dict[str, Any]]) -> dict[str, str]:
    names = {}
    for message in messages:
        user, profile = message.get("user"), message.get("user_profile")
        if isinstance(user, str) and isinstance(profile, dict) and (name := _name(profile)):
            names[user] = name
    return names


def _author(message: dict[str, Any], names: Mapping[str, str]) -> str:
    user = message.get("user")
    if isinstance(user, str) and user in names:
        return names[user]
    for key in ("username", "user", "bot_id"):
        if isinstance(value := message.get(key), str) and value:
            return strip_invalid_characters(value)
    return "unknown"


def _message_text(message: dict[str, Any], names: Mapping[str, str]) -> str:
    """What was said; text of linked pages and names of files after it. `blocks` repeat the text."""
    subtype = message.get("subtype")
    if isinstance(subtype, str) and _NOTICES.match(subtype):
        return ""
    parts = [message.get("text")]
    for key, fields in (("attachments", ("title", "text")), ("files", ("title",))):
        entries = message.get(key)
        for entry in entries if isinstance(entries, list) else []:
            parts += [entry.get(field) for field in fields] if isinstance(entry, dict) else []
    texts = dict.fromkeys(_plain(part, names) for part in parts if isinstance(part, str))
    return "\n".join(filter(None, texts))


def _plain(text: str, names: Mapping[str, str]) -> str:
    def resolve(match: re.Match[str]) -> str:
        sign, target, label = match.groups()
        if sign == "@":
            return f"@{names.get(target) or label or target}"
        if sign in ("#", "!"):
            return f"{'#' if sign == '#' else '@'}{(label or target).lstrip('@#')}"
        if not label:
            return target.removeprefix("mailto:")
        return label if target.endswith(label) else f"{label} ({target})"

    text = _REFERENCE.sub(resolve, text.replace("\r\n", "\n"))
    return strip_invalid_characters(html.unescape(text)).strip()
