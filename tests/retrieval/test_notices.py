"""Notices about the result of a search, on a collection whose encoder is a bag of words."""

import numpy as np
import pytest

from ragkit.retrieval import notices


@pytest.fixture
def ask(collection, folder):
    """Search the three notes; return the hits and the notices about them."""
    (folder / "page.html").write_text(
        '<html><head><meta name="author" content="Ada"></head><body>Vaults.</body></html>'
    )
    collection.index(folder)

    def ask_(query, **options):
        chosen = collection.search_options(options)
        (hits,) = collection.search_with([query], chosen)
        return hits, collection.search_notices(query, chosen, hits)

    return ask_


def test_the_unrelated_cosine_is_the_mean_of_different_pairs():
    half = np.sqrt(0.5)
    vectors = np.array([[1, 0], [0, 1], [half, half]], dtype=np.float32)
    assert notices.unrelated_cosine(vectors) == pytest.approx((0 + half + half) / 3, abs=1e-6)


def test_a_query_without_any_known_word_and_with_low_scores_has_nothing_close(ask):
    hits, lines = ask("chromodynamics xylophone")
    assert len(hits) == 5
    best = max(hit.score for hit in hits)
    assert lines == [f"nothing close: best score {best:.2f}"]


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_one_word_of_the_collection_is_enough(ask, mode):
    assert ask("chromodynamics of sleeping cats", mode=mode)[1] == []
    assert ask("vault " + "chromodynamics xylophone gluon " * 9, mode=mode)[1] == []


def test_a_score_above_the_encoders_bound_is_close_even_without_a_common_word(
    ask, encoder, monkeypatch
):
    vector = encoder._vector("Cats sleep for most of the day.")
    plain = type(encoder)._vector
    monkeypatch.setattr(
        type(encoder),
        "_vector",
        lambda self, text: vector if text == "felines" else plain(self, text),
    )
    hits, lines = ask("felines", k=1)
    assert hits[0].score == pytest.approx(1.0)
    assert lines == []


def test_a_misspelt_word_does_not_occur_and_a_stop_word_says_nothing(ask):
    assert ask("slepe", mode="hybrid")[1][0].startswith("nothing close: best score 0.")
    assert ask("the of")[1] == []


def test_the_best_score_is_named_where_the_minimum_leaves_out_everything(ask):
    (best, *_), _ = ask("cats sleep")
    for mode in ("dense", "lexical", "hybrid"):
        hits, lines = ask("cats sleep", mode=mode, min_score=0.99)
        assert hits == []
        assert lines == [f"the best score is {best.score:.2f}, below the minimum of 0.99"]


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("autor = Ada", "no document has the field 'autor'; did you mean author?"),
        ("autor != Ada", "no document has the field 'autor'; did you mean author?"),
        ({"zzz": 1}, "no document has the field 'zzz'; there are: path, root, title, type, page"),
        ("type = text and not (author = x or titel ~ 'a*')", "no document has the field 'titel'"),
    ],
)
def test_a_field_that_no_document_has_is_named(ask, where, line):
    (first, *others) = ask("cats", where=where)[1]
    assert first.startswith(line)
    assert not any("field" in other for other in others)


@pytest.mark.parametrize("where", ["author = Bo", "language = de", "page > 3", "mtime > 2400"])
def test_a_field_that_exists_is_not_reported_without_a_match(ask, where):
    assert ask("cats", where=where) == ([], [])


def test_an_empty_collection_has_no_notices(collection):
    options = collection.search_options({"min_score": 0.5})
    assert collection.search_notices("cats", options, []) == []


def test_a_filter_by_topic_before_there_are_topics_says_how_to_find_them(ask, collection):
    hits, lines = ask("cats", where={"topic": "cats"})
    assert (hits, lines) == ([], ["no topics are stored yet; find them with: ragkit topics"])
    pytest.importorskip("sklearn", reason='needs pip install "ragkit-search[explore]"')
    collection.topics(count=2)
    names = [topic.name for topic in collection.stored_topics().topics]
    hits, (line,) = ask("cats", where={"topic": "zzz"})
    assert hits == [] and line.startswith("no topic is called 'zzz'; the nearest are: ")
    assert sorted(line.partition(": ")[2].split("; ")) == sorted(names)
    word = next(w for name in names for w in name.split(", ") if len(w) > 4)
    _, (line,) = ask("cats", where=f'topic = "{word[:-1]}x"')  # nearly spelled like it
    assert word in line.partition(": ")[2].split("; ")[0]
    assert ask("cats", where=f'topic = "{names[0]}" and type = pdf') == ([], [])
