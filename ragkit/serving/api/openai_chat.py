"""OpenAI's chat completions: retrieval in front of the language model.

The model is a collection's name. The last user message is the question, the messages before it are
the history. Retrieval, prompt, citations and citation check are those of `Collection.ask`; system
messages do not replace its instructions, and nothing is kept between requests.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from ragkit.serving.api import json_shapes, openai
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.collections.library import ServedCollection, wait_for_answer, wait_for_first
from ragkit.serving.schema.parts import MAX_QUERY
from ragkit.serving.transport.json_http import (
    STREAM_HEADERS,
    ApiError,
    encode_event,
    json_response,
    to_api_error,
)

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event, Turn

MAX_HISTORY = 20  # turns
DONE = b"data: [DONE]\n\n"
_SOURCES = "\n\nSources:\n"


async def chat(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/chat/completions."""
    served = find_collection(context, request.body["model"])
    question, history = parse_messages(request.body["messages"])
    events = context.library.answers.stream(partial(served.ask_stream, question, history=history))
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": request.body["model"],
    }
    if request.body.get("stream"):
        has_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))
        chunks = _encode_chunks(await wait_for_first(events), head, has_usage)
        return StreamingResponse(chunks, headers=STREAM_HEADERS, media_type="text/event-stream")
    answer = await request.run_until_disconnect(wait_for_answer(events))
    message = {
        "role": "assistant", "content": answer.text + format_sources(answer), "refusal": None,
    }  # fmt: skip
    choice = {
        "index": 0, "message": message, "finish_reason": _finish_reason(answer), "logprobs": None,
    }  # fmt: skip
    return json_response(
        {
            **head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": json_shapes.usage_fields(answer),
            "ragkit": json_shapes.verdict_fields(answer),
        }
    )


def find_collection(context: Context, name: str) -> ServedCollection:
    """Return the collection of this name. Raises ApiError 404 as OpenAI's API does."""
    if name in context.library.served or name == "default":
        return context.library[name]
    raise openai.unknown_model(name)


def parse_messages(messages: list[dict[str, Any]]) -> tuple[str, list[Turn]]:
    """Return the question and the turns before it, at most MAX_HISTORY.

    Raises ApiError 400 if the last message is not a question of the user or is too long.
    """
    from ragkit.records.answers import Turn

    texts = [(message["role"], _message_text(message["content"])) for message in messages]
    texts = [(role, text) for role, text in texts if role in ("user", "assistant")]
    if not texts or texts[-1][0] != "user" or not texts[-1][1].strip():
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


def _message_text(content: str | list[dict[str, Any]]) -> str:
    """The text of a message. Raises ApiError 400 for parts that are not text."""
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


def _finish_reason(answer: Answer) -> str:
    """OpenAI's reason for the end of an answer."""
    return "length" if answer.usage is not None and answer.usage.cut_off else "stop"


async def _encode_chunks(
    events: AsyncIterator[Event], head: dict[str, Any], has_usage: bool
) -> AsyncIterator[bytes]:
    """The chunks of a streamed chat completion, as server-sent events."""
    from ragkit.records.answers import Answer, Piece

    def chunk(delta: dict[str, Any], finish: str | None = None, **others: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        fields = {**head, "object": "chat.completion.chunk", "choices": [choice], **others}
        return encode_event(None, fields)

    try:
        yield chunk({"role": "assistant", "content": ""})
        async for item in events:
            if isinstance(item, Piece):
                yield chunk({"content": item.text})
            elif isinstance(item, Answer):
                if sources := format_sources(item):
                    yield chunk({"content": sources})
                yield chunk({}, _finish_reason(item), ragkit=json_shapes.verdict_fields(item))
                if has_usage:
                    usage = {"choices": [], "usage": json_shapes.usage_fields(item)}
                    yield encode_event(None, {**head, "object": "chat.completion.chunk", **usage})
    except Exception as error:  # the status has been sent, so the error is an event
        yield encode_event(None, to_api_error(error).fields())
    yield DONE


ENDPOINTS = (
    Endpoint("POST", "/v1/chat/completions", chat, "chatting_chat_post",
             "A cited answer as a chat completion", "openai", "OpenAIObject", "ChatRequest",
             is_strict=False, errors=(404,),
             media_types=("application/json", "text/event-stream")),
)  # fmt: skip
