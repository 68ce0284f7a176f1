"""OpenAI's responses: a file search and a message that cites its results.

A response has a `file_search_call` with the query and its results, if the caller offers that tool,
and a message whose text has a `file_citation` annotation at the end of each `[n]`, or calls of the
caller's tools (`openai_output`). `ResponseBuilder` makes them and the events of a streamed
response; it knows no HTTP. Nothing is kept between requests.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ragkit.serving.api import json_shapes, openai
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.api.openai import FileFields
from ragkit.serving.api.openai_chat import count_usage, find_collection, wait_for_output
from ragkit.serving.api.openai_messages import input_messages, parse_messages
from ragkit.serving.api.openai_output import ToolCalls, response_output
from ragkit.serving.collections.answering import answer_stream
from ragkit.serving.collections.library import wait_for_first
from ragkit.serving.transport.json_http import (
    ApiError,
    EventStreamResponse,
    encode_event,
    json_response,
    to_api_error,
)

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event, Retrieved, ToolCallPiece
    from ragkit.records.hits import Hit

_CITATION_MARK = re.compile(r"\[(\d{1,4})\]")


async def create_response(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/responses."""
    body = request.body
    tool = _file_search(body.get("tools") or ())
    selected = [find_collection(context, body["model"])]
    if tool:
        selected = [context.library[name] for name in dict.fromkeys(tool["vector_store_ids"])]
    served = selected[0]
    messages = input_messages(body["input"])
    output = response_output(body, messages, served)
    question, history = parse_messages(messages)
    overrides = openai.search_arguments(tool)
    ask = partial(answer_stream, selected, question, overrides, history, output)
    events = context.library.answers.stream(ask)
    has_results = "file_search_call.results" in (body.get("include") or ())
    builder = ResponseBuilder(body, has_results, partial(openai.hit_file_id, context, served))

    async def count(answer: Answer) -> dict[str, int]:
        return await context.library.read(count_usage, served, messages, answer)

    async def read_files(hits: Sequence[Hit]) -> FileFields:
        return await openai.read_file_fields(context, served, hits) if has_results else {}

    if body.get("stream"):
        encoded = _encode_events(await wait_for_first(events), builder, count, read_files)
        return EventStreamResponse(encoded, events)
    answer, calls = await request.run_until_disconnect(wait_for_output(events))
    files = await read_files(answer.hits)
    return json_response(builder.response(answer, await count(answer), calls, files))


def _file_search(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The file_search tool of a request; {} without one.

    Raises ApiError 400 if there are several, or if it names no vector store.
    """
    searches = [tool for tool in tools if tool["type"] == "file_search"]
    if len(searches) > 1:
        raise ApiError(400, "there are several file_search tools; expected one", param="tools")
    if searches and "vector_store_ids" not in searches[0]:
        raise ApiError(400, "the file_search tool has no vector_store_ids; expected one of "
                       "/v1/vector_stores", "invalid_value", "tools")  # fmt: skip
    return searches[0] if searches else {}


async def _encode_events(
    events: AsyncIterator[Event],
    builder: ResponseBuilder,
    count: Callable[[Answer], Awaitable[dict[str, int]]],
    read_files: Callable[[Sequence[Hit]], Awaitable[FileFields]],
) -> AsyncGenerator[bytes, None]:
    from ragkit.records.answers import Answer, Piece, Retrieved, ToolCallPiece

    try:
        async for item in events:
            fields: list[dict[str, Any]] = []
            if isinstance(item, Retrieved):
                fields = builder.search_events(item, await read_files(item.hits))
            elif isinstance(item, Piece):
                fields = builder.text_events(item.text)
            elif isinstance(item, ToolCallPiece):
                fields = builder.call_events(item)
            elif isinstance(item, Answer):
                files = await read_files(item.hits)
                fields = builder.final_events(item, await count(item), files)
            for event in fields:
                yield encode_event(event["type"], event)
    except Exception as error:  # the status has been sent, so the error is an event
        event = builder.failure_event(to_api_error(error).message)
        yield encode_event(event["type"], event)


class ResponseBuilder:
    """Makes one response, at once or event by event.

    `body` is the validated request; `file_id` returns the id of a hit's file.
    """

    def __init__(
        self, body: dict[str, Any], has_results: bool, file_id: Callable[[Hit | None], str]
    ) -> None:
        self._file_id = file_id
        self._body, self._has_results = body, has_results
        self._id = f"resp_{secrets.token_hex(12)}"
        self._call_id = f"fs_{secrets.token_hex(12)}"
        self._message_id = f"msg_{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._sequence_number = -1
        self._calls = ToolCalls()
        self._opened: list[int | None] = []  # after the search: the index of a call; None: message
        # As in OpenAI's API, only where it is offered: some clients look up each call's tool.
        tools = body.get("tools") or ()
        self._shows_search = has_results or any(tool["type"] == "file_search" for tool in tools)

    def response(
        self, answer: Answer, usage: dict[str, int], calls: ToolCalls, files: FileFields
    ) -> dict[str, Any]:
        """Return the complete response.

        `usage` is as chat completions count it, `files` what `openai.read_file_fields` returns.
        """
        order = self._opened or [*([None] if answer.text or not calls.calls else []), *calls.calls]
        items = [
            self._message(answer) if index is None else _function_call(calls.calls[index])
            for index in order
        ]
        search = [self._call(answer.question, answer.hits, files)] if self._shows_search else []
        return self._frame(_status(answer)) | {
            "output": [*search, *items],
            "incomplete_details": _incomplete_details(answer),
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": usage["total_tokens"],
            },
            "ragkit": json_shapes.verdict_fields(answer),
        }

    def search_events(self, retrieved: Retrieved, files: FileFields) -> list[dict[str, Any]]:
        """Return the events of the start and of a completed search."""
        opening = [
            self._event("response.created", response=self._frame("in_progress")),
            self._event("response.in_progress", response=self._frame("in_progress")),
        ]
        if not self._shows_search:
            return opening
        call = self._call(retrieved.question, retrieved.hits, files)
        position = {"output_index": 0, "item_id": self._call_id}
        running = {**call, "status": "in_progress", "results": None}
        search = "response.file_search_call"
        return [
            *opening,
            self._event("response.output_item.added", output_index=0, item=running),
            self._event(f"{search}.in_progress", **position),
            self._event(f"{search}.searching", **position),
            self._event(f"{search}.completed", **position),
            self._event("response.output_item.done", output_index=0, item=call),
        ]

    def text_events(self, text: str) -> list[dict[str, Any]]:
        """Return the event of further text; before the first, those of the start of a message."""
        events = self._open_message()
        delta = {"delta": text, "logprobs": []}
        return [*events, self._event("response.output_text.delta", **self._position, **delta)]

    def _open_message(self) -> list[dict[str, Any]]:
        if None in self._opened:
            return []
        self._opened.append(None)
        message = {"id": self._message_id, "type": "message", "role": "assistant",
                   "status": "in_progress", "content": []}  # fmt: skip
        index = self._position["output_index"]
        return [
            self._event("response.output_item.added", output_index=index, item=message),
            self._event("response.content_part.added", **self._position, part=_part("", [])),
        ]

    def call_events(self, piece: ToolCallPiece) -> list[dict[str, Any]]:
        """Return the events of a piece of a tool's call."""
        call, is_first = self._calls.add(piece)
        events = []
        if is_first:
            self._opened.append(piece.index)
            item = {**_function_call(call), "status": "in_progress", "arguments": ""}
            index = self._output_index(piece.index)
            events.append(self._event("response.output_item.added", output_index=index, item=item))
        if piece.arguments:
            position = {"item_id": _item_id(call), "output_index": self._output_index(piece.index)}
            delta = {"delta": piece.arguments, **position}
            events.append(self._event("response.function_call_arguments.delta", **delta))
        return events

    def final_events(
        self, answer: Answer, usage: dict[str, int], files: FileFields
    ) -> list[dict[str, Any]]:
        """Return the events of complete items and of the end of the response."""
        events = [] if self._calls.calls else self._open_message()
        for index in self._opened:
            events += self._call_end(index) if index is not None else self._message_end(answer)
        response = self.response(answer, usage, self._calls, files)
        return [*events, self._event(f"response.{response['status']}", response=response)]

    def _message_end(self, answer: Answer) -> list[dict[str, Any]]:
        message = self._message(answer)
        (part,) = message["content"]
        annotation_events = [
            self._event(
                "response.output_text.annotation.added",
                **self._position,
                annotation_index=index,
                annotation=annotation,
            )
            for index, annotation in enumerate(part["annotations"])
        ]
        text = {"text": answer.text, "logprobs": []}
        index = self._position["output_index"]
        return [
            *annotation_events,
            self._event("response.output_text.done", **self._position, **text),
            self._event("response.content_part.done", **self._position, part=part),
            self._event("response.output_item.done", output_index=index, item=message),
        ]

    def _call_end(self, index: int) -> list[dict[str, Any]]:
        item = _function_call(self._calls.calls[index])
        position = {"output_index": self._output_index(index)}
        done = {"item_id": item["id"], "name": item["name"], "arguments": item["arguments"]}
        return [
            self._event("response.function_call_arguments.done", **done, **position),
            self._event("response.output_item.done", item=item, **position),
        ]

    def failure_event(self, message: str) -> dict[str, Any]:
        """Return the event of a response that failed."""
        error = {"code": "server_error", "message": message}
        return self._event("response.failed", response=self._frame("failed") | {"error": error})

    @property
    def _position(self) -> dict[str, Any]:
        return {
            "item_id": self._message_id,
            "output_index": self._output_index(None),
            "content_index": 0,
        }

    def _output_index(self, index: int | None) -> int:
        """The index of an item in the output: the search comes first."""
        return int(self._shows_search) + self._opened.index(index)

    def _event(self, event_type: str, **fields: object) -> dict[str, Any]:
        self._sequence_number += 1
        return {"type": event_type, "sequence_number": self._sequence_number, **fields}

    def _frame(self, status: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "model": self._body["model"],
            "output": [],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": bool(self._body.get("parallel_tool_calls")),
            "previous_response_id": None,
            "store": False,
            "temperature": None,
            "text": {"format": (self._body.get("text") or {}).get("format") or {"type": "text"}},
            "tool_choice": self._body.get("tool_choice") or "auto",
            "tools": self._body.get("tools") or [],
            "top_p": None,
            "usage": None,
        }

    def _call(self, question: str, hits: Sequence[Hit], files: FileFields) -> dict[str, Any]:
        results = [
            {
                "file_id": self._file_id(hit),
                "filename": hit.path,
                "score": json_shapes.openai_score(hit),
                "text": hit.text,
                "attributes": json_shapes.openai_attributes(
                    hit, files.get((hit.collection, hit.document_id), {})
                ),
            }
            for hit in hits
        ]
        return {
            "id": self._call_id,
            "type": "file_search_call",
            "status": "completed",
            "queries": [question],
            "results": results if self._has_results else None,
        }

    def _message(self, answer: Answer) -> dict[str, Any]:
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "status": _status(answer),
            "content": [_part(answer.text, file_citations(answer, self._file_id))],
        }


def _part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def _status(answer: Answer) -> str:
    is_cut_off = answer.usage is not None and answer.usage.cut_off
    return "incomplete" if is_cut_off else "completed"


def _incomplete_details(answer: Answer) -> dict[str, str | None] | None:
    """Return why an answer is incomplete; without a reason if its connection broke off."""
    usage = answer.usage
    if usage is None or not usage.cut_off:
        return None
    if usage.is_filtered:
        return {"reason": "content_filter"}
    return {"reason": "max_output_tokens" if usage.completion_tokens else None}


def _function_call(call: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": _item_id(call),
        "type": "function_call",
        "status": "completed",
        "call_id": call["id"],
        "name": call["name"],
        "arguments": call["arguments"] or "{}",
    }


def _item_id(call: Mapping[str, str]) -> str:
    return f"fc_{call['id']}"


def file_citations(answer: Answer, file_id: Callable[[Hit | None], str]) -> list[dict[str, Any]]:
    """Return a file_citation for each `[n]` in the text; `index` is the character after it."""
    by_number = {citation.n: citation for citation in answer.citations}
    return [
        {
            "type": "file_citation",
            "index": mark.end(),
            "file_id": file_id(json_shapes.cited_hit(by_number[n], answer)),
            "filename": by_number[n].path,
        }
        for mark in _CITATION_MARK.finditer(answer.text)
        if (n := int(mark[1])) in by_number
    ]


ENDPOINTS = (
    Endpoint("POST", "/v1/responses", create_response, "chatting_responses_post",
             "A cited answer as a response", "openai", "OpenAIObject", "ResponsesRequest",
             is_strict=False, errors=(404,),
             media_types=("application/json", "text/event-stream")),
)  # fmt: skip
