"""The messages of OpenAI's API: the question in them, the turns before it, their texts.

The last message of the user is the question. Only the calls of tools and their results may follow
it. Knows no HTTP but the errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.serving.schema.parts import MAX_QUERY
from ragkit.serving.transport.json_http import ApiError

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Turn

MAX_HISTORY = 20  # turns
_SOURCES = "\n\nSources:\n"
_ROLES = ("system", "developer", "user", "assistant")


def parse_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[Turn]]:
    """Return the question and the turns before it, at most MAX_HISTORY.

    Raises ApiError 400 if the last message is not a question of the user, or a tool's answer to
    it, or if the question is too long.
    """
    from ragkit.records.answers import Turn

    position = question_position(messages)
    texts = read_texts(messages[: position + 1])
    if not texts or not texts[-1][1].strip() or not _are_tool_messages(messages[position + 1 :]):
        raise ApiError(400, "the last message is not a question of the user", "invalid_value",
                       "messages")  # fmt: skip
    if len(question := texts[-1][1]) > MAX_QUERY:
        raise ApiError(400, f"the question has {len(question):,} characters; expected "
                       f"{MAX_QUERY:,} at most", "invalid_value", "messages")  # fmt: skip
    turns: list[Turn] = []
    earlier_question = ""
    for role, text in texts[:-1]:
        if role == "user":
            earlier_question = text
        elif earlier_question:
            turns.append(Turn(earlier_question, text.partition(_SOURCES)[0]))
            earlier_question = ""
    return question, turns[-MAX_HISTORY:]


def question_position(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return the index of the last message of the user; -1 if there is none."""
    return max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)


def _are_tool_messages(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether messages after a question only call tools and report their results."""
    return all(
        message.get("tool_calls") or not message_text(message.get("content")).strip()
        for message in messages
        if message["role"] == "assistant"
    )


def read_texts(messages: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (role, text) of what the user and the assistant said.

    Instructions, results of tools and messages that only call tools are left out. Raises ApiError
    400 for parts that are not text.
    """
    texts = [
        (message["role"], message_text(message.get("content")))
        for message in messages
        if message["role"] in ("user", "assistant")
    ]
    return [(role, text) for role, text in texts if text.strip() or role == "user"]


def message_text(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """Return the text of a message. Raises ApiError 400 for parts that are not text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    for part in content:
        if part["type"] not in ("text", "input_text", "output_text") or "text" not in part:
            raise ApiError(400, f"a part is {part['type'][:40]!r}; expected text", "invalid_value")
    return "\n".join(part["text"] for part in content)


def format_sources(answer: Answer) -> str:
    """Return the citations as text, for clients that show nothing else; "" without citations."""
    lines = [f"[{citation.n}] {citation.citation}" for citation in answer.citations]
    return _SOURCES + "\n".join(lines) if lines else ""


def input_messages(content: str | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the input of a response as messages of a chat.

    Calls of functions and their results become messages too; what else an earlier response put out
    (searches, reasoning) is left out. Raises ApiError 400 for a message without a role.
    """
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    messages: list[dict[str, Any]] = []
    for item in content:
        kind = item.get("type") or "message"
        if kind == "message":
            if item.get("role") not in _ROLES:
                raise ApiError(
                    400,
                    f"an item of the input has the role {item.get('role')!r}; expected one of "
                    f"{', '.join(_ROLES)}",
                    "invalid_value",
                    "input",
                )
            messages.append({"role": item["role"], "content": item.get("content")})
        elif kind == "function_call":
            _add_call(messages, item)
        elif kind == "function_call_output":
            output = item.get("output")
            content_text = output if isinstance(output, str) else message_text(output)
            messages.append(
                {"role": "tool", "tool_call_id": item.get("call_id"), "content": content_text}
            )
    return messages


def _add_call(messages: list[dict[str, Any]], item: Mapping[str, Any]) -> None:
    """Add the call of a function; calls that follow each other are one message."""
    call = {
        "id": item.get("call_id"),
        "type": "function",
        "function": {"name": item.get("name"), "arguments": item.get("arguments") or "{}"},
    }
    if messages and messages[-1].get("tool_calls"):
        messages[-1]["tool_calls"].append(call)
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
