"""OpenAI's responses: a file search and a message that cites its results.

A response has two items: a `file_search_call` with the query and its results, and a message whose
text has a `file_citation` annotation at the end of each `[n]`. `ResponseBuilder` makes them and
the events of a streamed response; it knows no HTTP.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ragkit.serving.api import json_shapes, openai
from ragkit.serving.api.endpoint import Context, Endpoint, ValidatedRequest
from ragkit.serving.api.openai_chat import count_usage, find_collection, parse_messages
from ragkit.serving.collections.library import wait_for_answer, wait_for_first
from ragkit.serving.transport.json_http import (
    ApiError,
    EventStreamResponse,
    encode_event,
    json_response,
    to_api_error,
)

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event, Retrieved
    from ragkit.records.documents import Hit

_ROLES = ("system", "developer", "user", "assistant")
_CITATION_MARK = re.compile(r"\[(\d{1,4})\]")


async def create_response(context: Context, request: ValidatedRequest) -> Response:
    """POST /v1/responses."""
    body = request.body
    served = find_collection(context, body["model"])
    tool = _file_search(body.get("tools") or ())
    if tool:
        served = context.library[tool["vector_store_ids"][0]]
    messages = _messages(body["input"])
    question, history = parse_messages(messages)
    ask = partial(served.ask_stream, question, history=history, **openai.search_arguments(tool))
    events = context.library.answers.stream(ask)
    builder = ResponseBuilder(
        body,
        "file_search_call.results" in (body.get("include") or ()),
        partial(openai.file_id, context, served),
    )

    async def count(answer: Answer) -> dict[str, int]:
        return await context.library.read(count_usage, served, messages, answer)

    if body.get("stream"):
        encoded = _encode_events(await wait_for_first(events), builder, count)
        return EventStreamResponse(encoded, events)
    answer = await request.run_until_disconnect(wait_for_answer(events))
    return json_response(builder.response(answer, await count(answer)))


def _file_search(tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The file_search tool of a request; {} without one. Other tools are ignored, as in chat.

    Raises ApiError 400 if there are several, or if it names no vector store.
    """
    searches = [tool for tool in tools if tool["type"] == "file_search"]
    if len(searches) > 1:
        raise ApiError(400, "there are several file_search tools; expected one", param="tools")
    if searches and "vector_store_ids" not in searches[0]:
        raise ApiError(400, "the file_search tool has no vector_store_ids; expected one of "
                       "/v1/vector_stores", "invalid_value", "tools")  # fmt: skip
    return searches[0] if searches else {}


def _messages(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages in the input of a request.

    What an earlier response put out beside messages (searches, reasoning, calls of tools and their
    results) is left out. Raises ApiError 400 for a message without a role.
    """
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    messages = [item for item in content if (item.get("type") or "message") == "message"]
    for message in messages:
        if message.get("role") not in _ROLES:
            raise ApiError(
                400,
                f"an item of the input has the role {message.get('role')!r}; expected one of "
                f"{', '.join(_ROLES)}",
                "invalid_value",
                "input",
            )
    return messages


async def _encode_events(
    events: AsyncIterator[Event],
    builder: ResponseBuilder,
    count: Callable[[Answer], Awaitable[dict[str, int]]],
) -> AsyncGenerator[bytes, None]:
    from ragkit.records.answers import Answer, Piece, Retrieved

    try:
        async for item in events:
            fields: list[dict[str, Any]] = []
            if isinstance(item, Retrieved):
                fields = builder.search_events(item)
            elif isinstance(item, Piece):
                fields = builder.text_events(item.text)
            elif isinstance(item, Answer):
                fields = builder.final_events(item, await count(item))
            for event in fields:
                yield encode_event(event["type"], event)
    except Exception as error:  # the status has been sent, so the error is an event
        event = builder.failure_event(to_api_error(error).message)
        yield encode_event(event["type"], event)


class ResponseBuilder:
    """Makes one response, at once or event by event.

    `body` is the validated request; `file_id` returns the id of a document's file.
    """

    def __init__(
        self, body: dict[str, Any], has_results: bool, file_id: Callable[[int | None], str]
    ) -> None:
        self._file_id = file_id
        self._body, self._has_results = body, has_results
        self._id = f"resp_{secrets.token_hex(12)}"
        self._call_id = f"fs_{secrets.token_hex(12)}"
        self._message_id = f"msg_{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._sequence_number = -1

    def response(self, answer: Answer, usage: dict[str, int]) -> dict[str, Any]:
        """Return the complete response; `usage` as chat completions count it."""
        return self._frame("completed") | {
            "output": [self._call(answer.question, answer.hits), self._message(answer)],
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": usage["total_tokens"],
            },
        }

    def search_events(self, retrieved: Retrieved) -> list[dict[str, Any]]:
        """Return the events of a completed search and of the start of a message."""
        call = self._call(retrieved.question, retrieved.hits)
        position = {"output_index": 0, "item_id": self._call_id}
        message = {"id": self._message_id, "type": "message", "role": "assistant",
                   "status": "in_progress", "content": []}  # fmt: skip
        running = {**call, "status": "in_progress", "results": None}
        search = "response.file_search_call"
        return [
            self._event("response.created", response=self._frame("in_progress")),
            self._event("response.in_progress", response=self._frame("in_progress")),
            self._event("response.output_item.added", output_index=0, item=running),
            self._event(f"{search}.in_progress", **position),
            self._event(f"{search}.searching", **position),
            self._event(f"{search}.completed", **position),
            self._event("response.output_item.done", output_index=0, item=call),
            self._event("response.output_item.added", output_index=1, item=message),
            self._event("response.content_part.added", **self._position, part=_part("", [])),
        ]

    def text_events(self, text: str) -> list[dict[str, Any]]:
        """Return the event of further text."""
        delta = {"delta": text, "logprobs": []}
        return [self._event("response.output_text.delta", **self._position, **delta)]

    def final_events(self, answer: Answer, usage: dict[str, int]) -> list[dict[str, Any]]:
        """Return the events of a complete message and of the end of the response."""
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
        return [
            *annotation_events,
            self._event("response.output_text.done", **self._position, **text),
            self._event("response.content_part.done", **self._position, part=part),
            self._event("response.output_item.done", output_index=1, item=message),
            self._event("response.completed", response=self.response(answer, usage)),
        ]

    def failure_event(self, message: str) -> dict[str, Any]:
        """Return the event of a response that failed."""
        error = {"code": "server_error", "message": message}
        return self._event("response.failed", response=self._frame("failed") | {"error": error})

    @property
    def _position(self) -> dict[str, Any]:
        return {"item_id": self._message_id, "output_index": 1, "content_index": 0}

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
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": self._body.get("tools") or [],
            "top_p": None,
            "usage": None,
        }

    def _call(self, question: str, hits: Sequence[Hit]) -> dict[str, Any]:
        results = [
            {
                "file_id": self._file_id(hit.document_id),
                "filename": hit.path,
                "score": json_shapes.openai_score(hit),
                "text": hit.text,
                "attributes": json_shapes.openai_attributes(hit),
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
            "status": "completed",
            "content": [_part(answer.text, file_citations(answer, self._file_id))],
        }


def _part(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def file_citations(answer: Answer, file_id: Callable[[int | None], str]) -> list[dict[str, Any]]:
    """Return a file_citation for each `[n]` in the text; `index` is the character after it."""
    by_number = {citation.n: citation for citation in answer.citations}
    return [
        {
            "type": "file_citation",
            "index": mark.end(),
            "file_id": file_id(json_shapes.cited_document_id(by_number[n], answer)),
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
