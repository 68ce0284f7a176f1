"""OpenAI's chat completions and responses: retrieval in front of the language model.

The model is a collection's name. The last message of the user is the question, those before it the
history. Retrieval, prompt, citations and checks are those of `Collection.ask`; instructions of the
client's do not replace the rules the answer is made by, and nothing is kept between requests.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from ragkit.serving.api import json_shapes, openai
from ragkit.serving.api.endpoint import Asked, Desk, Endpoint
from ragkit.serving.api.openai_responses import Outcome
from ragkit.serving.api.own import NO_BUFFERING
from ragkit.serving.collections import answer_threads
from ragkit.serving.collections.library import Served
from ragkit.serving.schema.parts import MOST_QUERY
from ragkit.serving.transport.responses import Problem, answer, event, problem_of

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event, Turn

MOST_HISTORY = 20  # turns that are looked at
DONE = b"data: [DONE]\n\n"


def _text(content: str | list[dict[str, Any]]) -> str:
    """The text of a message. Raises Problem for what is no text."""
    if isinstance(content, str):
        return content
    for part in content:
        if part["type"] not in ("text", "input_text", "output_text") or "text" not in part:
            raise Problem(400, f"a part is {part['type'][:40]!r}; expected text", "invalid_value")
    return "\n".join(part["text"] for part in content)


def conversation(messages: list[dict[str, Any]]) -> tuple[str, list[Turn]]:
    """The question and what was said before it. Raises Problem where there is no question."""
    from ragkit.records.answers import Turn

    said = [(each["role"], _text(each["content"])) for each in messages]
    said = [each for each in said if each[0] in ("user", "assistant")]
    if not said or said[-1][0] != "user" or not said[-1][1].strip():
        raise Problem(400, "the last message is no question of the user", "invalid_value",
                      "messages")  # fmt: skip
    if len(question := said[-1][1]) > MOST_QUERY:
        raise Problem(400, f"the question has {len(question):,} characters; expected "
                      f"{MOST_QUERY:,} at most", "invalid_value", "messages")  # fmt: skip
    turns: list[Turn] = []
    asked = ""
    for role, text in said[:-1]:
        if role == "user":
            asked = text
        elif asked:
            turns.append(Turn(asked, text.partition(_SOURCES)[0]))
            asked = ""
    return question, turns[-MOST_HISTORY:]


def _begin(
    served: Served, question: str, history: list[Turn], how: dict[str, Any]
) -> Iterator[Event]:
    return served.ask_stream(question, history=history, **how)


def _served(desk: Desk, name: str) -> Served:
    if name in desk.library.served or name == "default":
        return desk.library[name]
    raise openai.unknown_model(name)


_SOURCES = "\n\nSources:\n"


def sources(found: Answer) -> str:
    """The citations as text, for clients that show nothing else."""
    lines = [f"[{each.n}] {each.citation}" for each in found.citations]
    return _SOURCES + "\n".join(lines) if lines else ""


async def chat(desk: Desk, asked: Asked) -> Response:
    """POST /v1/chat/completions."""
    served = _served(desk, asked.body["model"])
    question, history = conversation(asked.body["messages"])
    events = desk.answering.events(partial(_begin, served, question, history, {}))
    frame = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "created": int(time.time()),
        "model": asked.body["model"],
    }
    if asked.body.get("stream"):
        first = await anext(events)
        with_usage = bool((asked.body.get("stream_options") or {}).get("include_usage"))
        chunks = _chunks(answer_threads.with_first(first, events), frame, with_usage)
        return StreamingResponse(chunks, headers=NO_BUFFERING, media_type="text/event-stream")
    found = await answer_threads.while_here(asked.request, answer_threads.last(events))
    message = {"role": "assistant", "content": found.text + sources(found), "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": _end(found), "logprobs": None}
    return answer(
        {
            **frame,
            "object": "chat.completion",
            "choices": [choice],
            "usage": json_shapes.usage_fields(found),
            "ragkit": json_shapes.verdict_fields(found),
        }
    )


def _end(found: Answer) -> str:
    """Why the answer ends where it does."""
    return "length" if found.usage is not None and found.usage.cut_off else "stop"


async def _chunks(
    events: AsyncIterator[Event], frame: dict[str, Any], with_usage: bool
) -> AsyncIterator[bytes]:
    from ragkit.records.answers import Answer, Piece

    def chunk(delta: dict[str, Any], end: str | None = None, **more: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": end, "logprobs": None}
        fields = {**frame, "object": "chat.completion.chunk", "choices": [choice], **more}
        return event(None, fields)

    try:
        yield chunk({"role": "assistant", "content": ""})
        async for each in events:
            if isinstance(each, Piece):
                yield chunk({"content": each.text})
            elif isinstance(each, Answer):
                if named := sources(each):
                    yield chunk({"content": named})
                yield chunk({}, _end(each), ragkit=json_shapes.verdict_fields(each))
                if with_usage:
                    usage = {"choices": [], "usage": json_shapes.usage_fields(each)}
                    yield event(None, {**frame, "object": "chat.completion.chunk", **usage})
    except Exception as error:  # the status is sent: what went wrong is an event
        yield event(None, problem_of(error).fields())
    yield DONE


async def responses(desk: Desk, asked: Asked) -> Response:
    """POST /v1/responses: a file search and a message that cites what it found."""
    tool: dict[str, Any] = next(iter(asked.body.get("tools") or ()), {})
    served = _served(desk, asked.body["model"])
    if tool:
        served = desk.library[tool["vector_store_ids"][0]]
    given = asked.body["input"]
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    question, history = conversation(messages)
    how = _tool_options(tool)
    events = desk.answering.events(partial(_begin, served, question, history, how))
    outcome = Outcome(asked.body, "file_search_call.results" in (asked.body.get("include") or ()))
    if asked.body.get("stream"):
        first = await anext(events)
        told = _response_events(answer_threads.with_first(first, events), outcome)
        return StreamingResponse(told, headers=NO_BUFFERING, media_type="text/event-stream")
    found = await answer_threads.while_here(asked.request, answer_threads.last(events))
    return answer(outcome.response(found))


def _tool_options(tool: dict[str, Any]) -> dict[str, Any]:
    wanted = openai.options(tool)
    how: dict[str, Any] = {"where": wanted.where, "min_score": wanted.min_score}
    return {**how, "k": tool["max_num_results"]} if "max_num_results" in tool else how


async def _response_events(events: AsyncIterator[Event], outcome: Outcome) -> AsyncIterator[bytes]:
    from ragkit.records.answers import Answer, Piece, Retrieved

    try:
        async for each in events:
            told: list[dict[str, Any]] = []
            if isinstance(each, Retrieved):
                told = outcome.begun(each)
            elif isinstance(each, Piece):
                told = outcome.piece(each.text)
            elif isinstance(each, Answer):
                told = outcome.ended(each)
            for fields in told:
                yield event(fields["type"], fields)
    except Exception as error:
        fields = outcome.failed(problem_of(error).message)
        yield event(fields["type"], fields)


ENDPOINTS = (
    Endpoint("POST", "/v1/chat/completions", chat, "A cited answer as a chat completion", "openai",
             "OpenAIObject", "ChatRequest", strict=False, errors=(404,),
             media=("application/json", "text/event-stream")),
    Endpoint("POST", "/v1/responses", responses, "A cited answer as a response", "openai",
             "OpenAIObject", "ResponsesRequest", strict=False, errors=(404,),
             media=("application/json", "text/event-stream")),
)  # fmt: skip
