"""Tasks that chat clients send in the background: a title, tags or follow-up questions of a chat.

They look like questions of the user, but no document answers them, and a client shows whatever
comes back: a refusal would become the title of the conversation. So they are answered from the
conversation itself, without retrieval. Knows texts of messages only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

MAX_TITLE_WORDS = 6
_MAX_INSTRUCTION = 600  # characters, from the beginning of a message, in which a task is named
_VERB = r"\b(?:generate|create|provide|write|give|suggest|come up with|summarize|summarise)\b"
_CHAT = re.compile(r"\b(?:chat|conversation|dialogue|discussion|exchange|message|messages)\b", re.I)
_TASKS = {
    "title": re.compile(_VERB + r"[^.\n]{0,80}\btitle\b", re.I),
    "tags": re.compile(_VERB + r"[^.\n]{0,60}\btags\b", re.I),
    "follow_ups": re.compile(_VERB + r"[^.\n]{0,60}\bfollow[- ]?up", re.I),
    "queries": re.compile(r"\b(?:generat\w+|necessity of)[^.\n]{0,40}\bsearch quer", re.I),
}
_FIRST_QUESTION = re.compile(
    r"^[ \t]*[*#>\"']*(?:user|human|question|me|q)\b[*\"']*[ \t]*:[ \t]*(.+)$", re.I | re.M
)
_JSON_KEY = re.compile(r"[{,]\s*\"(title|tags|follow_ups|queries)\"\s*:")


def answer_client_task(texts: Sequence[tuple[str, str]]) -> str | None:
    """Return the answer to a client's background task; None if the request is an ordinary question.

    `texts`: (role, text) of the messages, oldest first. A task is recognised by an instruction in
    its last message that names both the result (such as a title) and the conversation.
    """
    if not texts:
        return None
    prompt = texts[-1][1]
    instruction = prompt[:_MAX_INSTRUCTION]
    if not _CHAT.search(prompt):
        return None
    task = next((name for name, pattern in _TASKS.items() if pattern.search(instruction)), None)
    if task is None:
        return None
    has_history = len(texts) > 1 and any(role == "user" for role, _ in texts[:-1])
    quoted = _FIRST_QUESTION.search(prompt)
    if not has_history and quoted is None:
        return None  # a question about titles, not the title of a conversation
    if task != "title":
        return json.dumps({task: []})
    question = quoted[1] if quoted else next(text for role, text in texts if role == "user")
    title = make_title(question)
    wants_json = (key := _JSON_KEY.search(prompt)) is not None and key[1] == "title"
    return json.dumps({"title": title}, ensure_ascii=False) if wants_json else title


def make_title(question: str) -> str:
    """Return the first words of a question, at most MAX_TITLE_WORDS, as a title."""
    words = re.sub(r"\s+", " ", question).strip(" \t?!.…\"'*_#").split(" ")
    title = " ".join(words[:MAX_TITLE_WORDS]).rstrip(",;:")
    return title[:1].upper() + title[1:] + ("…" if len(words) > MAX_TITLE_WORDS else "")
