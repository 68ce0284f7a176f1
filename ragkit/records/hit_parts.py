"""Parts of a hit that only some have: an explanation, other places of the text, a newer version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a passage is a hit: the words that it shares with the query, and its closest sentence."""

    words: Mapping[str, float]  # word of the query in the passage → its part of the BM25 score
    missing: tuple[str, ...]  # words of the query that are not in the passage
    taken_for: Mapping[str, str]  # misspelled word → the indexed word searched for
    share: float  # score by words as a share of the maximum for this query, 0 to 1
    sentence: str  # of the passage, with the highest cosine to the query
    sentence_score: float  # cosine
    start: int  # of the sentence; characters into the document's text
    end: int


@dataclass(frozen=True, slots=True)
class Location:
    """Another place of a hit's text: a passage with the same text, in this or another document."""

    passage_id: int
    path: str  # relative to `root`
    title: str  # of its document
    page: int | None
    locator: str | None
    start_line: int | None
    end_line: int | None
    start: int
    end: int
    citation: str  # `ragkit get` shows it
    stale: bool  # the file has changed or was deleted since it was indexed
    root: str
    document_id: int


@dataclass(frozen=True, slots=True)
class NewerVersion:
    """The newest version of a hit's document, as far as the collection has it."""

    path: str  # as `ragkit get` takes it
    document_id: int
