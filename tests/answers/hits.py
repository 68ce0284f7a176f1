"""Hits and a question scorer with known values."""

from __future__ import annotations

import re

from ragkit.answers.extractive import QuestionScorer
from ragkit.records.hits import Hit
from tests.conftest import WordEncoder


def hit(text, rank=1, score=0.8, citation="a.txt#L1", heading=("Keys", "Old"), start=0):
    return Hit(
        rank=rank, score=score, passage_id=rank, text=text, path="a.txt", title="a.txt",
        heading=heading, page=None, locator=None, start_line=1, end_line=1, start=start,
        end=start + len(text), citation=citation,
        scores={"dense": score, "lexical": None, "fused": None, "rerank": None},
        metadata={}, stale=False, root="/r",
    )  # fmt: skip


def scorer(question):
    """A scorer whose terms are the words in lower case, each with the idf 1."""
    encoder = WordEncoder()
    return QuestionScorer(
        question,
        encoder.encode_queries([question])[0],
        encoder.encode_passages,
        lambda text: list(dict.fromkeys(re.findall(r"\w+", text.lower()))),
        lambda term: 1.0,
    )
