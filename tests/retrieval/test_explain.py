"""Explanations of hits: the words with their part of the score, and the closest sentence."""

import pytest


def test_an_explanation_names_the_words_and_the_closest_sentence(collection, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    text = "Cats sleep. Rotate signing keys every ninety days! Dogs bark."
    (folder / "a.txt").write_text(text)
    (folder / "b.txt").write_text("Nothing about it.")
    collection.index(folder)
    query = "signing keys of Quarterly keys"
    for mode in ("dense", "lexical", "hybrid"):
        hit = collection.search(query, k=1, mode=mode, explain=True)[0]
        why = hit.explanation
        assert set(why.words) == {"signing", "keys"}
        assert why.missing == ("Quarterly",)  # a stop word is not missed
        assert why.sentence == "Rotate signing keys every ninety days!"
        assert why.sentence == text[why.start : why.end]
        by_words = "lexical" if mode == "dense" else mode
        (hit,) = collection.search(query, k=1, mode=by_words)
        assert sum(why.words.values()) == pytest.approx(hit.scores["lexical"], rel=1e-5)
        vectors = collection._encoders.load_encoder().encode_queries([why.sentence, query])
        assert why.sentence_score == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert 0 < why.share < 1
    assert collection.search(query, k=1)[0].explanation is None


def test_the_share_is_of_the_greatest_possible_score(collection, tmp_path):
    for number, text in enumerate(("red fox", "red dog", "blue dog")):
        (tmp_path / f"{number}.txt").write_text(text)
    collection.index(sorted(tmp_path.glob("*.txt")))
    hits = collection.search("red fox", k=3, mode="lexical", explain=True)
    for hit in hits:
        total = sum(hit.explanation.words.values())
        assert total == pytest.approx(hit.scores["lexical"], rel=1e-5)
        assert 0 < hit.explanation.share < 1
    assert [set(hit.explanation.words) for hit in hits] == [{"red", "fox"}, {"red"}]
    assert [hit.explanation.missing for hit in hits] == [(), ("fox",)]


def test_in_dense_mode_a_hit_without_any_word_is_explained_too(collection, tmp_path):
    (tmp_path / "a.txt").write_text("Cats sleep. Dogs bark.")
    collection.index(tmp_path / "a.txt")
    (hit,) = collection.search("elephants", k=1, explain=True)
    assert (hit.explanation.words, hit.explanation.share) == ({}, 0.0)
    assert hit.explanation.missing == ("elephants",)
    assert hit.explanation.sentence in ("Cats sleep.", "Dogs bark.")
