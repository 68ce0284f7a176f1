"""Records as they are shown to callers: JSON values that name no folder of this machine."""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ragkit.records.documents import Hit
from ragkit.records.reports import DocumentEntry, Excerpt, NotRead

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Citation

_HIT = tuple(each.name for each in dataclasses.fields(Hit) if each.name not in
             ("root", "explanation"))  # fmt: skip
_of_hit = attrgetter(*_HIT)
_ENTRY = tuple(each.name for each in dataclasses.fields(DocumentEntry) if each.name != "root")
_NOT_READ = tuple(each.name for each in dataclasses.fields(NotRead) if each.name != "root")
_EXCERPT = tuple(each.name for each in dataclasses.fields(Excerpt) if each.name != "root")
MOST_ATTRIBUTES, MOST_KEY, MOST_VALUE = 16, 64, 512  # OpenAI's


def hit_fields(hit: Hit) -> dict[str, Any]:
    """A hit, its fields as in the contract."""
    fields = dict(zip(_HIT, _of_hit(hit), strict=True))  # `asdict` takes longer than a search
    if hit.explanation is not None:
        fields["explanation"] = dataclasses.asdict(hit.explanation)
    return fields


def entry_fields(entry: DocumentEntry) -> dict[str, Any]:
    """A document without its text."""
    return {name: getattr(entry, name) for name in _ENTRY}


def not_read_fields(file: NotRead) -> dict[str, Any]:
    """A file that was not read, or not wholly."""
    fields = {name: getattr(file, name) for name in _NOT_READ}
    return {**fields, "parts": [dataclasses.asdict(part) for part in file.parts]}


def excerpt_fields(excerpt: Excerpt, most: int) -> dict[str, Any]:
    """The text behind a citation, its first `most` characters."""
    fields = {name: getattr(excerpt, name) for name in _EXCERPT}
    fields["truncated"] = len(excerpt.text) > most
    fields["text"] = excerpt.text[:most]
    return fields


def citation_fields(citation: Citation, answer: Answer) -> dict[str, Any]:
    """A citation, with the id of its document."""
    return {**dataclasses.asdict(citation), "document_id": document_of(citation, answer)}


def document_of(citation: Citation, answer: Answer) -> int | None:
    """The id of the document that a citation is from."""
    found = (hit.document_id for hit in answer.hits if hit.passage_id == citation.passage_id)
    return next(found, None)


def verdict_fields(answer: Answer) -> dict[str, Any]:
    """All of an answer that is known at its end: citations, whether it could be answered, …"""
    return {
        "citations": [citation_fields(each, answer) for each in answer.citations],
        "answerable": answer.answerable,
        "model": answer.model,
        "unsupported": [dataclasses.asdict(each) for each in answer.unsupported],
        "warnings": list(answer.warnings),
    }


def usage_fields(answer: Answer) -> dict[str, int]:
    """Tokens the language model's server counted; 0 where none was asked."""
    prompt = answer.usage.prompt_tokens if answer.usage else 0
    completion = answer.usage.completion_tokens if answer.usage else 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def answer_fields(answer: Answer) -> dict[str, Any]:
    """A whole answer, its fields as in the contract."""
    return {
        "text": answer.text,
        "hits": [hit_fields(hit) for hit in answer.hits],
        "question": answer.question,
        **verdict_fields(answer),
        "usage": usage_fields(answer),
    }


def attributes(hit: Hit) -> dict[str, str | float]:
    """What OpenAI's API calls attributes: where the hit stands, then its document's metadata."""
    place = {
        "path": hit.path, "citation": hit.citation, "title": hit.title, "page": hit.page,
        "passage_id": hit.passage_id, "start": hit.start, "end": hit.end,
    }  # fmt: skip
    both = {name: value for name, value in {**hit.metadata, **place}.items() if value is not None}
    order = [*place, *hit.metadata]
    names = [name for name in dict.fromkeys(order) if name in both][:MOST_ATTRIBUTES]
    return {
        name[:MOST_KEY]: value[:MOST_VALUE] if isinstance(value := both[name], str) else value
        for name in names
    }


def file_id(document_id: int | None) -> str:
    """How a document is called as a file."""
    return f"file-{document_id or 0}"
