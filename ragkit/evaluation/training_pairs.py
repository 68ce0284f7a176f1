"""Pairs to train an encoder on, made from a collection without labels.

A question made from the structure of a document goes with the text that answers it. Its hard
negative is a passage of another document that the present encoder finds near. Passages nearly as
near as the answer's own document are left out: they may answer the question, too (positive-aware
mining: Moreira et al., "NV-Retriever", 2024). Both texts are without their headings: a heading in
one of them alone would tell them apart, and there would be nothing else to learn. Only the train
half of the documents is used, so the held-out questions still measure the result. Knows no training
and no index files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.evaluation.encoder_quality import rank_exactly
from ragkit.evaluation.self_questions import (
    SelfQuestion,
    Span,
    after_heading,
    is_held_out,
    make_questions,
)
from ragkit.storage.sqlite.question_sources import PassageSpan, SourceDocument, sample_documents

if TYPE_CHECKING:
    from ragkit.encoders import Encoder

MAX_PAIRS = 5000  # as in `Collection.write_training_pairs`
_SAMPLE_PASSAGES = 50_000
_MAX_TEXT = 1200  # characters
_DEPTH = 40  # neighbors that negatives are taken from
_MAX_SHARE = 0.95  # of the best cosine of the own document, which a negative has at most


@dataclass(frozen=True, slots=True)
class Triplet:
    """A question, a text that answers it, and one that does not. The names are file columns."""

    anchor: str
    positive: str
    negative: str


def make_triplets(
    connection: sqlite3.Connection,
    model_id: int,
    encoder: Encoder,
    seed: int = 0,
    limit: int = MAX_PAIRS,
) -> list[Triplet]:
    """Return at most `limit` triplets from the train half of the documents, in an order that
    follows from `seed`.

    The questions are those of `make_questions`. Where these are fewer than `limit`, further
    sentences are taken, each with the text around it (the inverse cloze task). Questions without a
    negative are left out. Raises ModelError if the encoder fails.
    """
    sources = list(sample_documents(connection, _SAMPLE_PASSAGES, seed))
    by_id = {source.id: source for source in sources}
    distinct: dict[str, SelfQuestion] = {}
    for cloze, every_sentence in ((False, False), (True, False), (True, True)):
        if len(distinct) < limit:
            made = make_questions(
                sources, seed=seed, limit=limit, cloze=cloze, every_sentence=every_sentence
            )
            for question in made.part(held_out=False):
                distinct.setdefault(question.text, question)
    chosen = sorted(list(distinct.values())[:limit], key=lambda question: question.id)
    if not chosen:
        return []
    vectors = encoder.encode_queries([question.text for question in chosen])
    ranked = rank_exactly(connection, model_id, vectors, _DEPTH)
    own = {
        span.id: (source, span)
        for source in sources
        if not is_held_out(source.path, seed)
        for span in source.passages
    }
    triplets = []
    for question, ranking in zip(chosen, ranked, strict=True):
        negative = _negative(question, ranking, own)
        positive = _text(by_id[question.document_id], question.targets[0], question)
        if negative and positive:
            triplets.append(Triplet(question.text, positive, negative))
    return triplets


def _negative(
    question: SelfQuestion,
    ranking: Sequence[tuple[int, float]],
    own: Mapping[int, tuple[SourceDocument, PassageSpan]],
) -> str:
    """Return the text of the nearest passage of another document of `own` (by passage id) that is
    clearly less near than the question's own document; "" if there is none."""
    near = [(*own[id_], score) for id_, score in ranking if id_ in own]
    best = max(
        (score for source, _, score in near if source.id == question.document_id), default=None
    )
    for source, span, score in near:
        if source.id == question.document_id:
            continue
        text = _text(source, (span.start, span.end), question)
        if text and (best is None or score <= _MAX_SHARE * best):
            return text
    return ""


def _text(source: SourceDocument, section: Span, question: SelfQuestion) -> str:
    """Return the beginning of a section without its headings and the question's own sentence."""
    names = {
        name
        for span in source.passages
        if span.start < section[1] and section[0] < span.end
        for name in span.heading
    }
    start, end = after_heading(source.text, section, [source.title, *names])
    text = source.text[start : min(end, start + _MAX_TEXT)]
    return " ".join(text.replace(question.text, " ").split())
