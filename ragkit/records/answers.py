"""The nouns of an answer: frozen dataclasses, next to no behaviour, no I/O.

Apart from `records`, because a query needs none of them. An answer comes as a stream of events:
one `Retrieved`, any number of `Piece`s whose texts make up the answer's, and the `Answer`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ragkit.records.documents import Hit, hit_fields

EXTRACTIVE = "extractive"  # the model of an answer that is made of the sources' own sentences


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that was asked before, and its answer's text."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Citation:
    """What `[n]` in an answer's text stands for. `quote == document.text[start:end]`.

    Each n is there once. `passage_id` is a hit's; `citation` is shown by `ragkit get`.
    """

    n: int  # from 1
    passage_id: int
    path: str
    page: int | None
    start: int  # of the quote; characters into the document's text
    end: int
    quote: str  # the sentences of the source that say it
    citation: str
    title: str
    locator: str | None  # "slide=3", "page=7-8"
    start_line: int | None
    end_line: int | None
    stale: bool  # the file has changed or gone since it was indexed


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer. `text == answer.text[start:end]`."""

    start: int
    end: int
    text: str
    cites: tuple[int, ...]  # the n of its citations
    support: float  # 0 to 1: how far what it cites says the same; docs/answers.md


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as the server counted them."""

    prompt_tokens: int
    completion_tokens: int
    cut_off: bool = False  # it was at its limit before the answer was at its end


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be checked.

    `text` is plain text, safe to show as Markdown too: no image, no link, no tag, no control
    character. Where `answerable` is false it says so, and there are no citations.
    """

    text: str
    citations: tuple[Citation, ...]  # those that stand in the text, by n
    answerable: bool
    hits: tuple[Hit, ...]  # what it was made from: whole paragraphs, best first
    model: str  # of the language model, or EXTRACTIVE
    unsupported: tuple[Statement, ...] = ()  # what its sources do not say
    warnings: tuple[str, ...] = ()
    usage: Usage | None = None
    question: str = ""  # what was looked for: as asked, or made whole from the history


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The first event: what the answer will be made from."""

    hits: tuple[Hit, ...]
    question: str  # as in `Answer`


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the answer's text. All of them, joined, are `Answer.text`."""

    text: str


Event: TypeAlias = Retrieved | Piece | Answer


def answer_fields(answer: Answer) -> dict[str, Any]:
    """An answer as JSON can hold it, in the order of the contract."""
    fields = dataclasses.asdict(dataclasses.replace(answer, hits=()))
    return {**fields, "hits": [hit_fields(hit) for hit in answer.hits]}


def last_answer(events: Iterable[Event]) -> Answer:
    """Read a stream of events to its end and return the answer, its last event.

    Raises TypeError where the last event is something else.
    """
    *_, last = events
    if not isinstance(last, Answer):
        raise TypeError(f"the events end with {last!r}, not with an answer")
    return last
