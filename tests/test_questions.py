"""The default model on the shipped documents, and compared with sentence-transformers."""

import json

import numpy as np
import pytest

from ragkit import Collection
from ragkit.encoders.resolve import DEFAULT_MODEL, resolve
from tests.conftest import REAL_MODEL, REPOSITORY, SHARED

pytestmark = REAL_MODEL
DATA = REPOSITORY / "data"
QUESTIONS = [json.loads(line) for line in (DATA / "questions.jsonl").read_text().splitlines()]


def normalize_space(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def documents(tmp_path_factory, shared_cache):
    with (
        pytest.MonkeyPatch.context() as patch,
        Collection(tmp_path_factory.mktemp("data") / "kit") as collection,
    ):
        patch.setenv("RAGKIT_CACHE_DIR", str(shared_cache))
        report = collection.index(DATA)
        assert (report.failed, report.truncated_tokens) == (0, 0)
        assert report.passages >= 300
        yield collection


def test_every_quote_is_in_the_extracted_text(documents):
    missing = [
        (question["id"], answer)
        for question in QUESTIONS
        for answer in question["answers"]
        if answer["quote"] not in normalize_space(documents.get(answer["path"]).text)
    ]
    assert missing == []
    assert len(QUESTIONS) >= 40


def recall(collection, k, mode):
    """Return the share of questions with a passage that answers them among the first k."""
    count = 0
    for question in QUESTIONS:
        hits = collection.search(question["question"], k=k, mode=mode)
        count += any(
            hit.path == answer["path"] and answer["quote"] in normalize_space(hit.text)
            for hit in hits
            for answer in question["answers"]
        )
    return count / len(QUESTIONS)


def test_recall_at_five_is_at_least_nine_tenths(documents):
    assert recall(documents, 5, "dense") >= 0.9


def test_hybrid_recall_is_at_least_that_of_the_better_of_dense_and_lexical(documents):
    better = max(recall(documents, 5, mode) for mode in ("dense", "lexical"))
    assert recall(documents, 5, "hybrid") >= better


def test_the_mean_reciprocal_rank_of_hybrid_search(documents):
    """The questions avoid the words of the documents, where a fusion loses most."""
    reciprocal_ranks = []
    for question in QUESTIONS:
        hits = documents.search(question["question"], k=10, mode="hybrid")
        ranks = (
            hit.rank
            for hit in hits
            for answer in question["answers"]
            if hit.path == answer["path"] and answer["quote"] in normalize_space(hit.text)
        )
        reciprocal_ranks.append(1 / next(ranks, np.inf))
    assert round(np.mean(reciprocal_ranks), 3) >= 0.755


def test_a_second_run_changes_nothing(documents):
    report = documents.index(DATA)
    assert (report.added, report.updated, report.embedded) == (0, 0, 0)
    assert report.unchanged == len(documents.files("indexed"))


def test_hits_are_spans_of_the_document_text(documents):
    for question in QUESTIONS[:20]:
        for hit in documents.search(question["question"], k=3):
            text = documents.get(hit.path).text
            assert hit.text == text[hit.start : hit.end]
            assert not hit.stale
            assert normalize_space(hit.text) in normalize_space(
                documents.get(hit.citation, context=99).text
            )


@pytest.mark.skipif(
    not (SHARED / "data/xquad-en").is_dir(), reason="no labelled dataset beside the repository"
)
def test_rankings_equal_sentence_transformers_with_exact_cosine(tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = SHARED / "data/xquad-en"
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    texts = tmp_path / "texts"
    texts.mkdir()
    for row in corpus[::4]:
        (texts / f"{row['_id']}.txt").write_text(row["text"])
    with Collection(tmp_path / "kit") as collection:
        collection.index(texts)
        with collection._store.reading() as connection:
            rows = connection.execute(
                "SELECT id, header, text FROM passages ORDER BY id"
            ).fetchall()
        questions = [row["text"] for row in queries[:: len(queries) // 100]]
        results = [collection.search(question, k=10) for question in questions]
    assert all(row["header"] == "" for row in rows)
    model = sentence_transformers.SentenceTransformer(
        str(resolve(DEFAULT_MODEL).path), device="cpu"
    )
    passages = model.encode([row["text"] for row in rows], normalize_embeddings=True)
    vectors = model.encode(questions, normalize_embeddings=True)
    ids = np.array([row["id"] for row in rows])
    for hits, scores in zip(results, vectors @ passages.T, strict=True):
        order = np.lexsort((ids, -scores))[:10]
        assert [hit.passage_id for hit in hits] == ids[order].tolist()
        assert [hit.score for hit in hits] == pytest.approx(scores[order].tolist(), abs=1e-5)
