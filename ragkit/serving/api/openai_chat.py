"""OpenAI's chat completions: retrieval in front of the language model.

The model is a collection's name. The last user message is the question, the messages before it are
the history. Retrieval, prompt, citations and citation check are those of `Collection.ask`; system
messages do not replace its instructions, and nothing is kept between requests. Tools and formats
are passed on to the language model (`openai_output`).
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
from ragkit.serving.api.openai_messages import format_sources, parse_messages, read_texts
from ragkit.serving.api.openai_output import ToolCalls, chat_output
from ragkit.serving.collections.answering import answer_stream
from ragkit.serving.collections.library import ServedCollection, wait_for_first
from ragkit.serving.transport.json_http import (
    STREAM_HEADERS,
    EventStreamResponse,
    encode_event,
    json_response,
    to_api_error,
)

if TYPE_CHECKING:
    from ragkit.answers.model_output import OutputRequest
    from ragkit.records.answers import Answer, Event, ToolCallPiece

DONE = b"data: [DONE]\n\n"


async def chat(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/chat/completions."""
    served = find_collection(context, request.body["model"])
    messages = request.body["messages"]
    output = chat_output(request.body, messages, served)
    if output is None and (task := answer_client_task(read_texts(messages))) is not None:
        return _respond_with_text(request, task)
    question, history = parse_messages(messages)

    async def count(answer: Answer) -> dict[str, int]:
        return await context.library.read(count_usage, served, messages, answer)

    ask = partial(answer_stream, [served], question, {}, history, output)
    events = context.library.answers.stream(ask)
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": request.body["model"],
    }
    if request.body.get("stream"):
        has_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))
        chunks = _encode_chunks(
            await wait_for_first(events), head, count if has_usage else None, output
        )
        return EventStreamResponse(chunks, events)
    answer, calls = await request.run_until_disconnect(wait_for_output(events))
    message: dict[str, Any] = {
        "role": "assistant",
        "content": _content(answer, output) or (None if calls.calls else ""),
        "refusal": None,
    }
    if calls.calls:
        message["tool_calls"] = calls.chat_fields()
    choice = {
        "index": 0, "message": message, "finish_reason": _finish_reason(answer, calls),
        "logprobs": None,
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


async def wait_for_output(events: AsyncIterator[Event]) -> tuple[Answer, ToolCalls]:
    """Read the events to their end; return the answer and the calls of tools."""
    from ragkit.records.answers import ToolCallPiece, last_answer

    calls = ToolCalls()
    kept = []
    async for event in events:
        if isinstance(event, ToolCallPiece):
            calls.add(event)
        kept.append(event)
    return last_answer(kept), calls


def _content(answer: Answer, output: OutputRequest | None) -> str:
    """The text of an answer with its sources; without them in a requested output format."""
    if output is not None and output.response_format is not None:
        return answer.text
    return answer.text + format_sources(answer)


def count_usage(
    served: ServedCollection, messages: Sequence[dict[str, Any]], answer: Answer
) -> dict[str, int]:
    """Return the tokens that the language model's server counted.

    Without a language model, those of the messages and of the answer, as the encoder counts them.
    """
    if answer.usage is not None and answer.usage.completion_tokens:
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


def _finish_reason(answer: Answer, calls: ToolCalls) -> str:
    """OpenAI's reason for the end of an answer."""
    if answer.usage is not None and answer.usage.cut_off:
        return "content_filter" if answer.usage.is_filtered else "length"
    return "tool_calls" if calls.calls else "stop"


async def _encode_chunks(
    events: AsyncIterator[Event],
    head: dict[str, Any],
    count: Callable[[Answer], Awaitable[dict[str, int]]] | None,
    output: OutputRequest | None,
) -> AsyncGenerator[bytes, None]:
    """The chunks of a streamed chat completion, as server-sent events.

    `count` returns the usage for the last one; None where the client did not ask for it.
    """
    from ragkit.records.answers import Answer, Piece, ToolCallPiece

    def chunk(delta: dict[str, Any], finish: str | None = None, **others: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        fields = {**head, "object": "chat.completion.chunk", "choices": [choice], **others}
        return encode_event(None, fields)

    calls = ToolCalls()
    has_format = output is not None and output.response_format is not None
    try:
        yield chunk({"role": "assistant", "content": ""})
        async for item in events:
            if isinstance(item, Piece):
                yield chunk({"content": item.text})
            elif isinstance(item, ToolCallPiece):
                yield chunk({"tool_calls": [_call_delta(item, calls)]})
            elif isinstance(item, Answer):
                if not has_format and (sources := format_sources(item)):
                    yield chunk({"content": sources})
                verdict = json_shapes.verdict_fields(item)
                yield chunk({}, _finish_reason(item, calls), ragkit=verdict)
                if count is not None:
                    usage = {"choices": [], "usage": await count(item)}
                    yield encode_event(None, {**head, "object": "chat.completion.chunk", **usage})
    except Exception as error:  # the status has been sent, so the error is an event
        yield encode_event(None, to_api_error(error).fields())
    yield DONE


def _call_delta(piece: ToolCallPiece, calls: ToolCalls) -> dict[str, Any]:
    """A piece of a call; its first piece also has its id and name."""
    call, is_first = calls.add(piece)
    function: dict[str, str] = {"arguments": piece.arguments}
    if not is_first:
        return {"index": piece.index, "function": function}
    function["name"] = call["name"]
    return {"index": piece.index, "id": call["id"], "type": "function", "function": function}


ENDPOINTS = (
    Endpoint("POST", "/v1/chat/completions", chat, "chatting_chat_post",
             "A cited answer as a chat completion", "openai", "OpenAIObject", "ChatRequest",
             is_strict=False, errors=(404,),
             media_types=("application/json", "text/event-stream")),
)  # fmt: skip
