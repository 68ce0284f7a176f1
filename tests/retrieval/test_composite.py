"""Queries of parts: keywords for BM25, a hypothetical answer for the vector."""

import numpy as np
import pytest

from ragkit import UsageError
from ragkit.retrieval.composite import with_hypothetical
from ragkit.retrieval.options import SearchOptions


class Fixed:
    """An encoder of two dimensions that gives every passage one vector."""

    def __init__(self, *vector):
        self.vector = vector

    def encode_passages(self, texts):
        return np.array([self.vector] * len(texts), dtype=np.float32)


@pytest.mark.parametrize(
    ("query", "answer", "expected"),
    [
        ((1, 0), (0, 1), (0.5**0.5, 0.5**0.5)),
        ((1, 0), (0.6, 0.8), (1.6 / 3.2**0.5, 0.8 / 3.2**0.5)),
        ((1, 0), (0, 0), (1, 0)),  # unreadable answer
        ((0, 0), (0.6, 0.8), (0.6, 0.8)),  # unreadable question
        ((1, 0), (-1, 0), (-1, 0)),  # no mean: the answer counts
    ],
)
def test_the_vector_is_the_normalised_mean(query, answer, expected):
    vectors = np.array([query], dtype=np.float32)
    assert with_hypothetical(Fixed(*answer), vectors, "x")[0] == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def filled(collection, folder):
    (folder / "codes.txt").write_text("Error E4711 means that the tank is empty.\n")
    collection.index(folder)
    return collection


def test_keywords_are_for_bm25_and_the_question_for_the_vector(filled, encoder):
    question = "who may stay at home?"
    hits = filled.search(question, keywords="E4711 tank")
    by_path = {hit.path: hit for hit in hits}
    assert by_path["codes.txt"].scores["lexical"] > 0
    assert not by_path["leave.txt"].scores["lexical"]
    (plain,) = [hit for hit in filled.search(question) if hit.path == "leave.txt"]
    assert by_path["leave.txt"].score == plain.score  # the cosine with the question


def test_keywords_make_a_dense_search_hybrid_and_may_be_quoted_and_excluded(filled):
    assert SearchOptions(keywords="x").mode == "hybrid"
    assert SearchOptions(keywords="x", mode="lexical").mode == "lexical"
    hits = filled.search("anything", mode="lexical", keywords="day -sleep keys ninety")
    assert {hit.path for hit in hits} == {"keys.md"}


def test_a_hypothetical_answer_finds_passages_like_it(filled, encoder):
    question = "What does the machine want?"
    answer = "Error means that the tank is empty."
    first = filled.search(question, k=1, hypothetical=answer)[0]
    assert first.path == "codes.txt"
    query, passage = encoder.encode_queries([question])[0], encoder.encode_passages([answer])[0]
    mean = (query + passage) / np.linalg.norm(query + passage)
    assert first.score == pytest.approx(
        float(mean @ encoder.encode_passages([first.text])[0]), abs=1e-5
    )


def test_a_filter_applies_to_the_parts_too(filled):
    hits = filled.search("x y", keywords="tank", hypothetical="tank", where="path = leave.txt")
    assert {hit.path for hit in hits} == {"leave.txt"}


@pytest.mark.parametrize("name", ["keywords", "hypothetical"])
def test_empty_parts_are_refused(filled, name):
    with pytest.raises(UsageError, match=f"{name} is empty"):
        filled.search("x", **{name: "  "})
