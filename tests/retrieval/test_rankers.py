"""Rankings, compared with brute force over the stored vectors."""

import asyncio
import math
import threading

import numpy as np
import pytest

from ragkit import Collection, Settings
from ragkit.errors import UsageError
from ragkit.retrieval import calibration
from ragkit.retrieval.rankers import ScoredPassage, bounded_top_k, exact_top_k
from tests.conftest import WordEncoder


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a collection of 120 documents of random words; a third of them have a duplicate. No
    test changes it."""
    folder = tmp_path_factory.mktemp("filled")
    chance = np.random.default_rng(3)
    words = [f"word{n}" for n in range(40)]
    for number in range(120):
        text = " ".join(chance.choice(words, size=12))
        (folder / f"{number:03}.txt").write_text(text)
        if number % 3 == 0:
            (folder / f"{number:03}-copy.txt").write_text(text)
    with Collection(
        tmp_path_factory.mktemp("kit"),
        settings=Settings(passage_tokens=40, overlap=0.0),
        encoder=WordEncoder(),
    ) as collection:
        collection.index(folder)
        yield collection


def brute_force(collection, query, k):
    """Return (passage id, score) by a NumPy product over all vectors of the database; of passages
    with the same text the first."""
    with collection._store.reading() as connection:
        rows = connection.execute(
            "SELECT min(passages.id), vector FROM passages JOIN vectors USING (hash) GROUP BY hash"
        ).fetchall()
    ids = np.array([row[0] for row in rows])
    matrix = np.stack([np.frombuffer(row[1], "<f4") for row in rows]).astype(np.float64)
    vector = collection._encoders.load_encoder().encode_queries([query])[0].astype(np.float64)
    scores = (matrix @ vector).astype(np.float32)
    order = np.lexsort((ids, -scores))[:k]
    return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))


def ids_of(hit):
    """Return the ids of all passages that a hit stands for: its own and those of its copies."""
    return [hit.passage_id, *(place.passage_id for place in hit.also_at)]


@pytest.mark.parametrize("k", [1, 2, 7, 50, 160, 1_000_000])
def test_dense_equals_brute_force(filled, k):
    for number in range(5):
        query = f"word{number} word{number + 7} word{number + 11}"
        hits = filled.search(query, k=k)
        expected = brute_force(filled, query, k)
        assert [hit.passage_id for hit in hits] == [passage_id for passage_id, _ in expected]
        assert [hit.score for hit in hits] == pytest.approx([s for _, s in expected], abs=1e-6)
        assert [hit.rank for hit in hits] == list(range(1, len(expected) + 1))


def test_equal_scores_come_by_id_whatever_k_is(filled):
    everything = [hit.passage_id for hit in filled.search("word3 word5", k=200)]
    for k in range(1, 60):
        assert [hit.passage_id for hit in filled.search("word3 word5", k=k)] == everything[:k]


def test_fifty_copies_are_ranked_by_id_whatever_k_is(collection, tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number:02}.txt").write_text("The very same words.")
    collection.index(folder)
    for mode in ("dense", "lexical", "hybrid"):
        for k in (1, 20):
            (hit,) = collection.search("same words", k=k, mode=mode)
            assert ids_of(hit) == list(range(1, 51))


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_passage_has_the_same_score_in_every_mode(filled, mode):
    query = "word1 word2 word3"
    cosine = dict(brute_force(filled, query, 1000))
    for hit in filled.search(query, k=30, mode=mode):
        assert hit.score == hit.scores["dense"] == pytest.approx(cosine[hit.passage_id], abs=1e-6)


def test_hits_have_the_scores_of_each_stage(filled):
    (dense,) = filled.search("word1 word2", k=1)
    (lexical,) = filled.search("word1 word2", k=1, mode="lexical")
    (hybrid,) = filled.search("word1 word2", k=1, mode="hybrid")
    assert (dense.scores["lexical"], dense.scores["fused"]) == (None, None)
    assert lexical.scores["lexical"] > 0
    assert 0 < hybrid.scores["fused"] <= 1
    (ranks,) = filled.search("word1 word2", k=1, mode="hybrid", fusion="rrf")
    assert 1 / 160 < ranks.scores["fused"] <= 2 / 61
    assert hybrid.scores["rerank"] is None


def fused_by_hand(collection, query):
    """Return (passage id, score): w · (cosine + 1) / 2 + (1 − w) · words ** 1.25, where words is
    .65 · BM25 / its maximum + .35 · the share of the query's words by idf."""

    def lexical(text):
        hits = collection.search(text, k=1000, mode="lexical")
        return {id_: hit.scores["lexical"] for hit in hits for id_ in ids_of(hit)}

    total, bm25 = collection.status().passages, lexical(query)
    holding = [lexical(word) for word in query.split()]
    idfs = [math.log(1 + (total - len(ids) + 0.5) / (len(ids) + 0.5)) for ids in holding]

    def by_words(passage_id):
        covered = sum(idf for idf, ids in zip(idfs, holding, strict=True) if passage_id in ids)
        share = bm25.get(passage_id, 0.0) / (2.2 * sum(idfs))
        return 0.65 * share + 0.35 * covered / sum(idfs)

    with collection._store.reading() as connection:
        fingerprint = collection._encoders.load_encoder().fingerprint
        weights = calibration.load(connection, fingerprint).weights
    w = weights.dense
    fused = {
        passage_id: w * (cosine + 1) / 2 + (1 - w) * by_words(passage_id) ** 1.25
        for passage_id, cosine in brute_force(collection, query, 1000)
    }
    ranked = sorted(fused, key=lambda passage_id: (-round(fused[passage_id], 9), passage_id))
    return [(passage_id, fused[passage_id]) for passage_id in ranked]


@pytest.mark.parametrize("depth", [1, 3, 100])
@pytest.mark.parametrize("query", ["word1 word2 word3", "word7", "word9 strange words", "strange"])
def test_hybrid_equals_scoring_every_passage_at_any_initial_depth(
    filled, monkeypatch, query, depth
):
    monkeypatch.setattr("ragkit.retrieval.rankers.FUSION_DEPTH", depth)
    ranked = fused_by_hand(filled, query)
    for k in (1, 5, 30, 1000):
        hits = filled.search(query, k=k, mode="hybrid")
        assert [hit.passage_id for hit in hits] == [passage_id for passage_id, _ in ranked[:k]]
        assert [hit.scores["fused"] for hit in hits] == pytest.approx(
            [score for _, score in ranked[:k]], abs=1e-6
        )


def test_rank_fusion_is_the_fusion_of_both_rankings(filled):
    query = "word1 word2 word3"
    rankings = [
        [id_ for hit in filled.search(query, k=100, mode=mode) for id_ in ids_of(hit)][:100]
        for mode in ("dense", "lexical")
    ]
    ids = set(rankings[0]) | set(rankings[1])

    def fused(passage_id):
        return sum(
            1 / (61 + ranking.index(passage_id)) for ranking in rankings if passage_id in ranking
        )

    ids &= {hit.passage_id for hit in filled.search(query, k=1000)}  # not the copies
    expected = sorted(ids, key=lambda passage_id: (-fused(passage_id), passage_id))[:10]
    hybrid = filled.search(query, k=10, mode="hybrid", fusion="rrf")
    assert [hit.passage_id for hit in hybrid] == expected


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_min_score_is_a_cosine_in_every_mode(filled, mode):
    hits = filled.search("word1 word2 word3", k=200, mode=mode)
    bound = sorted(hit.score for hit in hits)[len(hits) // 2]
    above = filled.search("word1 word2 word3", k=200, mode=mode, min_score=bound)
    assert [hit.passage_id for hit in above] == [
        hit.passage_id for hit in hits if hit.score >= bound
    ]


def test_lexical_search_goes_deeper_if_min_score_leaves_too_few(filled):
    query = "word1 word2 word3"
    every = filled.search(query, k=200, mode="lexical")
    good = [hit.passage_id for hit in every if hit.score >= 0.3][:5]
    assert [
        hit.passage_id for hit in filled.search(query, k=5, mode="lexical", min_score=0.3)
    ] == good


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": ""}, "the query is empty"),
        ({"query": " \n\t"}, "the query is empty"),
        ({"query": "x", "k": 0}, "k is 0; expected 1 or more"),
        ({"query": "x", "mode": "psychic"}, "expected one of dense, lexical, hybrid"),
        ({"query": "x", "context": -1}, "context is -1"),
        ({"query": "x", "fusion": "cold"}, "fusion is 'cold'; expected one of convex, rrf"),
        ({"query": "x", "per_document": 0}, "per_document is 0; expected 1 or more"),
        ({"query": "x", "diverse": 1.5}, "diverse is 1.5; expected λ from 0 to 1"),
        ({"query": "x", "min_score": float("nan")}, "min_score is nan"),
    ],
)
def test_invalid_queries_and_options_raise_usage_error(filled, arguments, message):
    with pytest.raises(UsageError, match=message):
        filled.search(**arguments)


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_a_query_of_100_kb_is_truncated_with_a_warning(collection, folder, notices, mode):
    collection.index(folder)
    hits = collection.search("keys parents cats " + "padding " * 12_500, k=3, mode=mode)
    assert len(hits) == 3
    assert "the query has 12503 tokens; words reads the first 60" in notices[0]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize(
    "query",
    [
        "word1 \x00", "\ud800 word1", "word1 😀", "ًٌ word1", "' OR word1=1 --", '"word1" AND (',
        "-x word1", "-word1", "word1:* ~ ^2 [a TO b]",
    ],
    ids=ascii,
)  # fmt: skip
def test_query_languages_and_odd_characters_are_plain_text(filled, query, mode):
    """The documents that contain the word are found, whatever stands beside it."""
    hits = filled.search(query, k=200, mode=mode)
    texts = {hit.path: filled.get(hit.path).text.split() for hit in hits}
    assert "word1" in texts[hits[0].path]
    if mode == "lexical":
        with filled._store.reading() as connection:
            rows = connection.execute("SELECT text FROM documents").fetchall()
        count = sum(1 + hit.copies for hit in hits)
        assert count == sum("word1" in row["text"].split() for row in rows)
        assert all("word1" in words for words in texts.values())


@pytest.mark.parametrize("query", ["\x00", "\ud800", "😀", "ًٌ", "-x", "?!"], ids=ascii)
def test_a_query_without_words_of_the_collection_has_no_lexical_hits(filled, query):
    assert filled.search(query, k=3, mode="lexical") == []
    for mode in ("dense", "hybrid"):
        assert [hit.rank for hit in filled.search(query, k=3, mode=mode)] == [1, 2, 3]


def test_an_empty_collection_has_no_hits(collection):
    assert collection.search("anything") == []


def test_threads_get_the_same_hits(filled):
    expected = [hit.passage_id for hit in filled.search("word4 word9", k=9)]
    answers = []

    def ask():
        for mode in ("dense", "lexical", "hybrid"):
            filled.search("word1", k=3, mode=mode)
        answers.append([hit.passage_id for hit in filled.search("word4 word9", k=9)])

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 16


def test_concurrent_asearch_calls_return_the_hits_of_search(filled):
    async def ask():
        return await asyncio.gather(*(filled.asearch(f"word{n}", k=2) for n in range(8)))

    answers = asyncio.run(ask())
    assert answers == [filled.search(f"word{n}", k=2) for n in range(8)]


def test_an_open_collection_sees_the_changes_of_another_process(open_collection, folder):
    reader, writer = open_collection(), open_collection()
    writer.index(folder)
    assert reader.search("parents at home", k=1)[0].path == "leave.txt"
    (folder / "more.txt").write_text("Grandparents may stay at home as well.")
    (folder / "leave.txt").unlink()
    writer.index(folder)
    for mode in ("dense", "lexical", "hybrid"):
        paths = {hit.path for hit in reader.search("stay at home", k=10, mode=mode)}
        assert "more.txt" in paths
        assert "leave.txt" not in paths


def test_search_works_while_another_thread_indexes(open_collection, tmp_path):
    folder = tmp_path / "growing"
    folder.mkdir()
    (folder / "first.txt").write_text("The very first words.")
    collection = open_collection()
    collection.index(folder)
    stop, errors = threading.Event(), []

    def ask():
        while not stop.is_set():
            try:
                for mode in ("dense", "lexical", "hybrid"):
                    assert collection.search("first words", k=5, mode=mode)[0].score > 0.5
            except Exception as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(12):
        (folder / f"{number}.txt").write_text(f"Something about topic{number}.")
        if number % 3 == 2:
            (folder / f"{number - 2}.txt").unlink()
        collection.index(folder)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert collection.status().files == {"indexed": 9}


def index_of(scores):
    """Return a function that proposes the ids of a table best first, like an index."""

    def propose(width):
        ids = sorted(scores, key=lambda key: -scores[key])[:width]
        return np.array(ids), np.array([scores[key] for key in ids], dtype=np.float32)

    return propose


def test_top_k_goes_deeper_until_ties_at_the_end_are_resolved():
    """Of 40 equal scores the index may propose any; the smallest ids are the result."""
    scores = dict.fromkeys(range(40, 0, -1), 0.5)
    widths = []

    def propose(width):
        widths.append(width)
        return index_of(scores)(width)

    ranking = exact_top_k(2, 40, propose, lambda ids, _: {key: 0.5 for key in ids})
    assert ranking == [(1, 0.5), (2, 0.5)]
    assert widths == [18, 40]


def test_top_k_stops_at_its_maximum_depth_if_few_match():
    scores = {key: 1 - key / 1000 for key in range(1000)}

    def keep_last(ids, _):
        return {key: scores[key] for key in ids if key >= 990}

    assert bounded_top_k(3, 1000, 30, index_of(scores), keep_last) is None
    assert exact_top_k(3, 1000, index_of(scores), keep_last) == [
        (key, scores[key]) for key in (990, 991, 992)
    ]


def test_a_passage_ranks_by_the_score_of_its_last_stage():
    assert ScoredPassage(1, 0.5).ranking_score == 0.5
    assert ScoredPassage(1, 0.5, lexical=7.0).ranking_score == 7.0
    assert ScoredPassage(1, 0.5, lexical=7.0, fused=0.6).ranking_score == 0.6
    assert ScoredPassage(1, 0.5, fused=0.6, rerank=0.9, final=0.8).ranking_score == 0.8


def test_ranking_changes_nothing_in_its_input(filled):
    """The same prepared query gives the same ranking in any order of calls."""
    query = 'word1 "word2" -word3'
    expected = {
        mode: filled.search(query, k=9, mode=mode) for mode in ("dense", "lexical", "hybrid")
    }
    for mode in ("hybrid", "dense", "lexical", "dense", "hybrid"):
        assert filled.search(query, k=9, mode=mode) == expected[mode]
