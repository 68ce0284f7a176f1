"""Serializers: records as JSON values for HTTP callers. They name no folder of this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.records.hits import Hit, hit_fields
from ragkit.records.reports import DocumentEntry, Excerpt, NotRead

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Citation

_ENTRY = tuple(field.name for field in dataclasses.fields(DocumentEntry) if field.name != "root")
_NOT_READ = tuple(field.name for field in dataclasses.fields(NotRead) if field.name != "root")
_EXCERPT = tuple(field.name for field in dataclasses.fields(Excerpt) if field.name != "root")
MAX_ATTRIBUTES, MAX_KEY, MAX_VALUE = 16, 64, 512  # OpenAI's limits; the latter two in characters


def partial_fields(hits: Sequence[Hit]) -> dict[str, Any]:
    """Return the fields that say that shards did not answer; none for a complete result."""
    missing = list(getattr(hits, "missing_shards", ()))
    return {"partial": True, "missing_shards": missing} if missing else {}


def entry_fields(entry: DocumentEntry) -> dict[str, Any]:
    """Return a document without its text."""
    return {name: getattr(entry, name) for name in _ENTRY}


def not_read_fields(file: NotRead) -> dict[str, Any]:
    """Return a file that was not read, or only in part, with the reasons."""
    fields = {name: getattr(file, name) for name in _NOT_READ}
    return {**fields, "parts": [dataclasses.asdict(part) for part in file.parts]}


def excerpt_fields(excerpt: Excerpt, max_characters: int) -> dict[str, Any]:
    """Return the text behind a citation, cut to its first `max_characters`."""
    fields = {name: getattr(excerpt, name) for name in _EXCERPT}
    fields["truncated"] = len(excerpt.text) > max_characters
    fields["text"] = excerpt.text[:max_characters]
    return fields


def citation_fields(citation: Citation, answer: Answer) -> dict[str, Any]:
    """Return a citation with the id of its document."""
    return {**dataclasses.asdict(citation), "document_id": cited_document_id(citation, answer)}


def cited_document_id(citation: Citation, answer: Answer) -> int | None:
    """Return the id of the document that a citation refers to; None if no hit has its passage."""
    hit = cited_hit(citation, answer)
    return None if hit is None else hit.document_id


def cited_hit(citation: Citation, answer: Answer) -> Hit | None:
    """Return the hit that a citation refers to; None if there is none. Passages of several
    collections may have the same id; their citations differ."""
    found = [hit for hit in answer.hits if hit.passage_id == citation.passage_id]
    same = [hit for hit in found if hit.citation == citation.citation]
    return next(iter(same or found), None)


def verdict_fields(answer: Answer) -> dict[str, Any]:
    """Return what is known at the end of an answer: citations, unsupported sentences, warnings."""
    return {
        "citations": [citation_fields(citation, answer) for citation in answer.citations],
        "answerable": answer.answerable,
        "model": answer.model,
        "unsupported": [dataclasses.asdict(statement) for statement in answer.unsupported],
        "warnings": list(answer.warnings),
    }


def usage_fields(answer: Answer) -> dict[str, int]:
    """Return the tokens that the language model's server counted; 0 without a language model."""
    if answer.usage is None:
        return token_counts(0, 0)
    return token_counts(answer.usage.prompt_tokens, answer.usage.completion_tokens)


def token_counts(prompt: int, completion: int) -> dict[str, int]:
    """Return numbers of tokens as OpenAI's chat completions have them."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def answer_fields(answer: Answer) -> dict[str, Any]:
    """Return a complete answer with the fields that the API documents."""
    return {
        "text": answer.text,
        "hits": [hit_fields(hit, with_root=False) for hit in answer.hits],
        "question": answer.question,
        "relevance": answer.relevance,
        **verdict_fields(answer),
        "usage": usage_fields(answer),
    }


def openai_score(hit: Hit) -> float:
    """Return the score of a search result, which in OpenAI's API is always a number: 0 for a
    passage or a query that the encoder cannot read."""
    return 0.0 if hit.score is None else hit.score


def openai_attributes(hit: Hit, file: Mapping[str, str | int]) -> dict[str, str | float]:
    """Return OpenAI's attributes of a search result: what filters can name, its location.

    `file`: title, type, mtime and size. At most MAX_ATTRIBUTES: fields of every document come
    first, then the document's metadata, then the passage's place.
    """
    known = {"path": hit.path, **file, "page": hit.page, "citation": hit.citation}
    place = {"passage_id": hit.passage_id, "start": hit.start, "end": hit.end}
    return _limit_attributes(known, hit.metadata, place)


def document_attributes(
    entry: DocumentEntry, file: Mapping[str, str | int]
) -> dict[str, str | float]:
    """Return OpenAI's attributes of a file: what filters can name, then its metadata.

    `file`: as in `openai_attributes`.
    """
    known = {"path": entry.path, "type": entry.media_type, **file}
    return _limit_attributes(known, entry.metadata, {})


def _limit_attributes(*parts: Mapping[str, str | float | None]) -> dict[str, str | float]:
    """The parts joined; the first value of a name counts. Within OpenAI's limits."""
    attributes: dict[str, str | float] = {}
    for name, value in ((name, value) for part in parts for name, value in part.items()):
        if value is None or value == "" or len(attributes) == MAX_ATTRIBUTES:
            continue
        short = value[:MAX_VALUE] if isinstance(value, str) else value
        attributes.setdefault(name[:MAX_KEY], short)
    return attributes


def file_id(document_id: int | None, store: str | None = None) -> str:
    """Return the id that a document has as a file of OpenAI's API: `file-7`, or `file-7-notes` with
    the name of its collection."""
    return f"file-{document_id or 0}" + (f"-{store}" if store else "")
