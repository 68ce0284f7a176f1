"""OpenAI's chat completions: retrieval in front of the language model.

The model is a collection's name. The last user message is the question, the messages before it are
the history. Retrieval, prompt, citations and citation check are those of `Collection.ask`; system
messages do not replace its instructions, and nothing is kept between requests.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ragkit.serving.api import json_shapes, openai
from ragkit.serving.api.client_tasks import answer_client_task
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.collections.library import ServedCollection, wait_for_answer, wait_for_first
from ragkit.serving.schema.parts import MAX_QUERY
from ragkit.serving.transport.json_http import (
    STREAM_HEADERS,
    ApiError,
    EventStreamResponse,
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
    messages = request.body["messages"]
    if (task := answer_client_task(read_texts(messages))) is not None:
        return _respond_with_text(request, task)
    question, history = parse_messages(messages)

    async def count(answer: Answer) -> dict[str, int]:
        return await context.library.read(count_usage, served, messages, answer)

    events = context.library.answers.stream(partial(served.ask_stream, question, history=history))
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": request.body["model"],
    }
    if request.body.get("stream"):
        has_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))
        chunks = _encode_chunks(await wait_for_first(events), head, count if has_usage else None)
        return EventStreamResponse(chunks, events)
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
            "usage": await count(answer),
            "ragkit": json_shapes.verdict_fields(answer),
        }
    )


def count_usage(
    served: ServedCollection, messages: Sequence[dict[str, Any]], answer: Answer
) -> dict[str, int]:
    """Return the tokens that the language model's server counted.

    Without a language model, those of the messages and of the answer, as the encoder counts them.
    """
    if answer.usage is not None:
        return json_shapes.usage_fields(answer)
    texts = ["\n".join(text for _, text in read_texts(messages)), answer.text]
    prompt, completion = served.collection.encoder().count_tokens(texts)
    return json_shapes.token_counts(prompt, completion)


def _respond_with_text(request: ValidatedRequest, text: str) -> Response:
    """A chat completion, or its stream, with this text; nothing was searched for it."""
    is_stream = bool(request.body.get("stream"))
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": f"chat.completion{'.chunk' if is_stream else ''}",
        "created": int(time.time()),
        "model": request.body["model"],
    }
    message = {"role": "assistant", "content": text}
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if not is_stream:
        choice["message"] = {**message, "refusal": None}
        return json_response({**head, "choices": [choice], "usage": json_shapes.token_counts(0, 0)})
    chunks = encode_event(None, {**head, "choices": [{**choice, "delta": message}]}) + DONE
    return Response(chunks, headers=STREAM_HEADERS, media_type="text/event-stream")


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

    texts = read_texts(messages)
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


def read_texts(messages: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return (role, text) of what the user and the assistant said.

    Instructions, results of tools and messages that only call tools are left out. Raises ApiError
    400 for parts that are not text.
    """
    texts = [
        (message["role"], _message_text(message.get("content")))
        for message in messages
        if message["role"] in ("user", "assistant")
    ]
    return [(role, text) for role, text in texts if text.strip() or role == "user"]


def _message_text(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a message. Raises ApiError 400 for parts that are not text."""
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


def _finish_reason(answer: Answer) -> str:
    """OpenAI's reason for the end of an answer."""
    return "length" if answer.usage is not None and answer.usage.cut_off else "stop"


async def _encode_chunks(
    events: AsyncIterator[Event],
    head: dict[str, Any],
    count: Callable[[Answer], Awaitable[dict[str, int]]] | None,
) -> AsyncGenerator[bytes, None]:
    """The chunks of a streamed chat completion, as server-sent events.

    `count` returns the usage for the last one; None where the client did not ask for it.
    """
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
                if count is not None:
                    usage = {"choices": [], "usage": await count(item)}
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
