"""Pairs to train an encoder on, made from a collection without labels.

A question made from the structure of a document goes with the text that answers it. Its hard
negative is a passage of another document that the present encoder finds near. Passages nearly as
near as the answer's own document are left out: they may answer the question, too (positive-aware
mining: Moreira et al., "NV-Retriever", 2024). Only the train half of the documents is used, so the
held-out questions still measure the result. Knows no training and no index files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.evaluation.encoder_quality import rank_exactly
from ragkit.evaluation.self_questions import SelfQuestion, is_held_out, make_questions
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.question_sources import SourceDocument, sample_documents

if TYPE_CHECKING:
    from ragkit.encoders import Encoder

MAX_PAIRS = 5000
_SAMPLE_PASSAGES = 50_000
_MAX_POSITIVE = 1200  # characters
_DEPTH = 40  # neighbors that negatives are taken from
_MAX_SHARE = 0.95  # of the best cosine of the own document, which a negative has at most


@dataclass(frozen=True, slots=True)
class Triplet:
    """A question, a text that answers it, and one that does not. The names are file columns."""

    anchor: str
    positive: str
    negative: str


def make_triplets(
    connection: sqlite3.Connection, model_id: int, encoder: Encoder, seed: int = 0
) -> list[Triplet]:
    """Return triplets from the train half of the documents, in an order that follows from `seed`.

    Questions without a negative are left out. Raises ModelError if the encoder fails.
    """
    sources = list(sample_documents(connection, _SAMPLE_PASSAGES, seed))
    by_id = {source.id: source for source in sources}
    questions = [
        question
        for cloze in (False, True)
        for question in make_questions(sources, seed=seed, limit=MAX_PAIRS, cloze=cloze).part(
            held_out=False
        )
    ]
    distinct = {question.text: question for question in reversed(questions)}
    chosen = sorted(distinct.values(), key=lambda question: question.id)[:MAX_PAIRS]
    if not chosen:
        return []
    vectors = encoder.encode_queries([question.text for question in chosen])
    ranked = rank_exactly(connection, model_id, vectors, _DEPTH)
    own = {
        span.id: source.id
        for source in sources
        if not is_held_out(source.path, seed)
        for span in source.passages
    }
    negatives = [
        _negative(question, ranking, own) for question, ranking in zip(chosen, ranked, strict=True)
    ]
    texts = passages.texts(connection, sorted({each for each in negatives if each is not None}))
    return [
        Triplet(question.text, positive, texts[negative])
        for question, negative in zip(chosen, negatives, strict=True)
        if negative in texts and (positive := _positive(question, by_id[question.document_id]))
    ]


def _negative(
    question: SelfQuestion, ranking: Sequence[tuple[int, float]], own: dict[int, int]
) -> int | None:
    """Return the nearest passage of another document of `own` (passage id → document id) that is
    clearly less near than the question's own document."""
    best = max(
        (score for id_, score in ranking if own.get(id_) == question.document_id), default=None
    )
    for id_, score in ranking:
        if own.get(id_, question.document_id) == question.document_id:
            continue
        if best is None or score <= _MAX_SHARE * best:
            return id_
    return None


def _positive(question: SelfQuestion, source: SourceDocument) -> str:
    """Return the beginning of the answer without the question's own sentence."""
    start, end = question.targets[0]
    text = source.text[start : min(end, start + _MAX_POSITIVE)]
    return " ".join(text.replace(question.text, " ").split())
