"""The records of an answer: frozen dataclasses, what is derived from one record, no I/O.

They are apart from `records.documents` because a query needs none of them. An answer is streamed as
events: one `Retrieved`, any number of `Piece`s whose texts make up the answer's text, and the
`Answer`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ragkit.records.hits import Hit, hit_fields
from ragkit.records.text import shorten

if TYPE_CHECKING:
    import pandas

EXTRACTIVE = "extractive"  # `Answer.model` of an answer that quotes sentences of the sources


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of a conversation, and the text of its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Citation:
    """The source that `[n]` in an answer's text refers to. `quote == document.text[start:end]`.

    Each n occurs once. `passage_id` is that of a hit; `ragkit get` shows the text of `citation`.
    """

    n: int  # from 1
    passage_id: int
    path: str
    page: int | None
    start: int  # of the quote; characters into the document's text
    end: int
    quote: str  # the sentences of the source that support the answer
    citation: str
    title: str
    locator: str | None  # "slide=3", "page=7-8"
    start_line: int | None
    end_line: int | None
    stale: bool  # the file was changed or deleted after it was indexed


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer. `text == answer.text[start:end]`."""

    start: int
    end: int
    text: str
    cites: tuple[int, ...]  # the n of its citations
    support: float  # 0 to 1: how well the cited sources support it; docs/answers.md


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as counted by the server of the language model."""

    prompt_tokens: int
    completion_tokens: int
    # The answer reached its token limit or broke off; if it broke off, the counts are 0.
    cut_off: bool = False
    is_filtered: bool = False  # it broke off because the server's content filter ended it


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer with its citations and sources.

    `text` is plain text, also safe to render as Markdown: no image, no link, no tag, no control
    character. If `answerable` is False, the text says that the sources do not answer the question,
    and there are no citations.
    """

    text: str
    citations: tuple[Citation, ...]  # those that occur in the text, by n
    answerable: bool
    hits: tuple[Hit, ...]  # the sources: passages extended to whole paragraphs, best first
    model: str  # name of the language model, or EXTRACTIVE
    unsupported: tuple[Statement, ...] = ()  # sentences that the sources do not support
    warnings: tuple[str, ...] = ()
    usage: Usage | None = None
    question: str = ""  # the question that was searched for; a follow-up is completed first
    # Of the sources for an extractive answer: 0 for unrelated texts, 1 for equal ones. An answer is
    # declined below the setting `min_relevance`. None if a language model wrote the answer.
    relevance: float | None = None

    def __repr__(self) -> str:
        return (
            f"Answer({shorten(self.text)!r}, answerable={self.answerable}, "
            f"{len(self.citations)} citations, {len(self.hits)} hits, model={self.model!r})"
        )

    def _repr_html_(self) -> str:
        from ragkit.records.display import answer_html  # only for notebooks

        return answer_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values, as `ragkit ask --json` prints it."""
        return answer_fields(self)

    def to_pandas(self) -> pandas.DataFrame:
        """Return the citations as a DataFrame, one row each, with the fields of `Citation`.

        Raises UnavailableError if pandas is not installed.
        """
        from ragkit.records.display import data_frame

        return data_frame([dataclasses.asdict(citation) for citation in self.citations])


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The first event of an answer: the passages that it will be based on."""

    hits: tuple[Hit, ...]
    question: str  # as in `Answer`


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer's text. All pieces, joined in order, are `Answer.text`."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A piece of the call of a tool that the caller offered; `id` and `name` come with the first.

    The `arguments` of all pieces with the same `index`, joined in order, are one JSON text.
    """

    index: int  # of the call in the answer, from 0
    id: str | None
    name: str | None
    arguments: str


Event: TypeAlias = Retrieved | Piece | ToolCallPiece | Answer


def build_citation(n: int, hit: Hit, start: int, end: int) -> Citation:
    """Return the citation `[n]` of `hit.text[start:end]`; the offsets are characters of the hit."""
    return Citation(
        n=n,
        passage_id=hit.passage_id,
        path=hit.path,
        page=hit.page,
        start=hit.start + start,
        end=hit.start + end,
        quote=hit.text[start:end],
        citation=hit.citation,
        title=hit.title,
        locator=hit.locator,
        start_line=hit.start_line,
        end_line=hit.end_line,
        stale=hit.stale,
    )


def answer_fields(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON values. The order of the fields is part of the API."""
    fields = dataclasses.asdict(dataclasses.replace(answer, hits=()))
    return {**fields, "hits": [hit_fields(hit) for hit in answer.hits]}


def last_answer(events: Iterable[Event]) -> Answer:
    """Consume a stream of events and return its last event, the answer.

    Raises TypeError if the last event is not an answer.
    """
    *_, last = events
    if not isinstance(last, Answer):
        raise TypeError(f"the events end with {last!r}, not with an answer")
    return last
