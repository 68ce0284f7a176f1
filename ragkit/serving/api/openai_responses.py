"""A response of OpenAI's API: its items, and the events by which it comes when it is streamed.

Two items: a `file_search_call` with what was looked for, a message whose text carries a
`file_citation` annotation at the end of each `[n]`. Knows no HTTP.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.serving.api import json_shapes

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Retrieved
    from ragkit.records.documents import Hit

_MARK = re.compile(r"\[(\d{1,4})\]")


class Outcome:
    """One response in the making; `asked` is the request's body, checked."""

    def __init__(self, asked: dict[str, Any], with_results: bool) -> None:
        self._asked, self._with_results = asked, with_results
        self._id = f"resp_{secrets.token_hex(12)}"
        self._call_id = f"fs_{secrets.token_hex(12)}"
        self._message_id = f"msg_{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._number = -1

    def response(self, found: Answer) -> dict[str, Any]:
        """All of it."""
        usage = json_shapes.usage_fields(found)
        return self._frame("completed") | {
            "output": [self._call(found.question, found.hits), self._message(found)],
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": usage["completion_tokens"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": usage["total_tokens"],
            },
        }

    def begun(self, retrieved: Retrieved) -> list[dict[str, Any]]:
        """The events of a search that is over, and of a message that begins."""
        call = self._call(retrieved.question, retrieved.hits)
        place = {"output_index": 0, "item_id": self._call_id}
        message = {"id": self._message_id, "type": "message", "role": "assistant",
                   "status": "in_progress", "content": []}  # fmt: skip
        running = {**call, "status": "in_progress", "results": None}
        search = "response.file_search_call"
        return [
            self._event("response.created", response=self._frame("in_progress")),
            self._event("response.in_progress", response=self._frame("in_progress")),
            self._event("response.output_item.added", output_index=0, item=running),
            self._event(f"{search}.in_progress", **place),
            self._event(f"{search}.searching", **place),
            self._event(f"{search}.completed", **place),
            self._event("response.output_item.done", output_index=0, item=call),
            self._event("response.output_item.added", output_index=1, item=message),
            self._event("response.content_part.added", **self._place, part=_part("", [])),
        ]

    def piece(self, text: str) -> list[dict[str, Any]]:
        """The event of some more text."""
        delta = {"delta": text, "logprobs": []}
        return [self._event("response.output_text.delta", **self._place, **delta)]

    def ended(self, found: Answer) -> list[dict[str, Any]]:
        """The events of a message that is whole."""
        message = self._message(found)
        (part,) = message["content"]
        cited = [
            self._event(
                "response.output_text.annotation.added",
                **self._place,
                annotation_index=number,
                annotation=each,
            )
            for number, each in enumerate(part["annotations"])
        ]
        text = {"text": found.text, "logprobs": []}
        return [
            *cited,
            self._event("response.output_text.done", **self._place, **text),
            self._event("response.content_part.done", **self._place, part=part),
            self._event("response.output_item.done", output_index=1, item=message),
            self._event("response.completed", response=self.response(found)),
        ]

    def failed(self, message: str) -> dict[str, Any]:
        """The event of a response that will not come."""
        error = {"code": "server_error", "message": message}
        return self._event("response.failed", response=self._frame("failed") | {"error": error})

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._message_id, "output_index": 1, "content_index": 0}

    def _event(self, kind: str, **fields: object) -> dict[str, Any]:
        self._number += 1
        return {"type": kind, "sequence_number": self._number, **fields}

    def _frame(self, status: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "model": self._asked["model"],
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
            "tools": self._asked.get("tools") or [],
            "top_p": None,
            "usage": None,
        }

    def _call(self, question: str, hits: Sequence[Hit]) -> dict[str, Any]:
        results = [
            {
                "file_id": json_shapes.file_id(hit.document_id),
                "filename": hit.path,
                "score": hit.score,
                "text": hit.text,
                "attributes": json_shapes.attributes(hit),
            }
            for hit in hits
        ]
        return {
            "id": self._call_id,
            "type": "file_search_call",
            "status": "completed",
            "queries": [question],
            "results": results if self._with_results else None,
        }

    def _message(self, found: Answer) -> dict[str, Any]:
        return {
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [_part(found.text, citations_of(found))],
        }


def _part(text: str, cited: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": []}


def citations_of(found: Answer) -> list[dict[str, Any]]:
    """A file_citation for each `[n]` in the text, `index` the character behind it."""
    by_number = {each.n: each for each in found.citations}
    return [
        {
            "type": "file_citation",
            "index": mark.end(),
            "file_id": json_shapes.file_id(json_shapes.document_of(by_number[n], found)),
            "filename": by_number[n].path,
        }
        for mark in _MARK.finditer(found.text)
        if (n := int(mark[1])) in by_number
    ]
