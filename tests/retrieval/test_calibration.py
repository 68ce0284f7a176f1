"""Calibration of the fusion: measured on a sample, stored, measured again after changes."""

import numpy as np
import pytest

from ragkit import Collection
from ragkit.errors import ModelError
from ragkit.retrieval import calibration
from ragkit.retrieval.fusion import DEFAULT_SPREAD, FusionWeights
from ragkit.storage.sqlite.state import set_value

WORDS = [f"word{n}" for n in range(60)]


def write_notes(folder, count, seed=1):
    """Write notes, each with the words of one of six subjects."""
    folder.mkdir(exist_ok=True)
    chance = np.random.default_rng(seed)
    for number in range(count):
        subject = number % 6 * 10
        words = chance.choice(WORDS[subject : subject + 10], 8)
        (folder / f"{number:03}.txt").write_text(" ".join(words))
    return folder


def stored(collection):
    """The stored calibration; without the generation, which depends on a collection's history."""
    with collection._store.reading() as connection:
        found = calibration.load(connection, collection._encoders.load_encoder().fingerprint)
    return None if found is None else found._replace(generation=0)


class Unreading:
    """An encoder whose vectors say nothing about the text, as in a language it does not know."""

    name, fingerprint, dimension, window = "unreading", "d" * 64, 16, 60

    def __init__(self, encoder):
        self.token_spans, self.count_tokens = encoder.token_spans, encoder.count_tokens

    def encode_passages(self, texts):
        seeds = [int.from_bytes(text.encode()[-8:], "little") for text in texts]
        rows = [np.random.default_rng(seed).standard_normal(16) for seed in seeds]
        rows = np.array(rows, dtype=np.float32).reshape(-1, 16)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    encode_queries = encode_passages


def test_an_encoder_that_reads_the_text_is_told_from_one_that_does_not(tmp_path, encoder):
    notes = write_notes(tmp_path / "notes", 240)
    with Collection(tmp_path / "one", encoder=encoder) as readable:
        readable.index(notes)
        assert stored(readable).weights.readability > 0.9
    with Collection(tmp_path / "two", encoder=Unreading(encoder)) as unreadable:
        unreadable.index(notes)
        assert stored(unreadable).weights.readability < 0.3
        assert stored(unreadable).weights.dense < 0.5


def test_the_spread_is_that_of_the_cosines_of_queries(tmp_path, encoder):
    with Collection(tmp_path / "kit", encoder=encoder) as collection:
        collection.index(write_notes(tmp_path / "notes", 240))
        hits = [collection.search(f"word{10 * n + 3} word{10 * n + 4}", k=240) for n in range(6)]
    expected = np.mean([np.std([hit.score for hit in row]) for row in hits])
    with Collection(tmp_path / "kit", encoder=encoder) as collection:
        assert stored(collection).weights.spread == pytest.approx(expected, rel=0.35)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_small_collection_has_the_default_weights(tmp_path, collection, count):
    collection.index(write_notes(tmp_path / "notes", count))
    assert stored(collection).weights == FusionWeights(DEFAULT_SPREAD, 1.0)
    assert len(collection.search("word1 word12", k=20, mode="hybrid")) == count


class Native:
    """The fake encoder with the languages that its model card names."""

    def __init__(self, encoder, languages):
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.dimension, self.window = encoder.dimension, encoder.window
        self.token_spans, self.count_tokens = encoder.token_spans, encoder.count_tokens
        self.encode_passages, self.encode_queries = encoder.encode_passages, encoder.encode_queries
        self.languages = languages


@pytest.mark.parametrize(
    ("languages", "trust"), [(("en",), 0.4), (("de-DE", "en"), 1), (("multilingual",), 1), ((), 1)]
)
def test_few_passages_are_as_readable_as_the_model_card_says(tmp_path, encoder, languages, trust):
    text = "Der Vertrag endet am Tag nach der Kündigung und gilt nicht für das Haus."
    (tmp_path / "vertrag.txt").write_text(text)
    with Collection(tmp_path / "kit", encoder=Native(encoder, languages)) as collection:
        collection.index(tmp_path / "vertrag.txt")
        assert stored(collection).weights == FusionWeights(DEFAULT_SPREAD, trust)


def test_it_is_measured_again_when_its_sample_has_changed_only(tmp_path, collection, monkeypatch):
    notes = write_notes(tmp_path / "notes", 60)
    collection.index(notes)
    first = stored(collection)
    (notes / "one-more.txt").write_text("word1 word2")
    collection.index(notes)
    assert stored(collection).sample != first.sample
    (notes / "one-more.txt").unlink()
    collection.index(notes, prune=True)
    assert stored(collection) == first
    monkeypatch.setattr(calibration, "measure", None)  # not called
    collection.index(notes)
    assert stored(collection) == first


def test_it_follows_from_the_passages_alone(tmp_path, encoder):
    notes = write_notes(tmp_path / "notes", 90)
    with Collection(tmp_path / "fresh", encoder=encoder) as fresh:
        fresh.index(notes)
        expected = stored(fresh)
    names = sorted(path.name for path in notes.iterdir())
    with Collection(tmp_path / "aged", encoder=encoder) as aged:
        later = tmp_path / "later"
        later.mkdir()
        for name in names[:45]:  # the first half is added last, and others are removed
            (notes / name).rename(later / name)
        (notes / "gone.txt").write_text("word1 word12 word23")
        aged.index(notes)
        (notes / "gone.txt").unlink()
        for name in names[:45]:
            (later / name).rename(notes / name)
        aged.index(notes, prune=True)
        assert stored(aged) == expected


@pytest.mark.parametrize("change", ["remove", "index"])
def test_a_change_whose_process_was_killed_before_is_measured_by_the_next_search(
    tmp_path, collection, monkeypatch, change
):
    notes = write_notes(tmp_path / "notes", 60)
    collection.index(notes)
    before = stored(collection)
    gone = notes / "007.txt"
    gone.unlink()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(calibration, "update", killed)
        with pytest.raises(KeyboardInterrupt):
            collection.remove(gone) if change == "remove" else collection.index(notes, prune=True)
    assert stored(collection) == before
    collection.search("word1", mode="hybrid")
    after = stored(collection)
    assert after.sample != before.sample
    collection.index(notes, prune=True)
    assert stored(collection) == after


@pytest.mark.parametrize(
    "value", ["", "x", "[]", "7", '{"spread": 0}', '{"spread": 1e999, "readability": 1}']
)
def test_a_missing_or_damaged_calibration_is_measured_by_the_next_search(
    tmp_path, collection, value
):
    collection.index(write_notes(tmp_path / "notes", 60))
    measured = stored(collection)
    with collection._store.writing() as connection:
        set_value(connection, calibration.KEY, value)
    assert stored(collection) is None
    collection.search("word1", mode="hybrid")
    assert stored(collection) == measured


def test_an_encoder_that_fails_leaves_the_default_weights(tmp_path, collection, monkeypatch):
    def fail(*_):
        raise ModelError("the server does not answer")

    monkeypatch.setattr(calibration, "measure", fail)
    collection.index(write_notes(tmp_path / "notes", 60))
    assert stored(collection) is None
    assert len(collection.search("word1", k=5, mode="hybrid")) == 5
