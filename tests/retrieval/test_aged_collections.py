"""A collection that was changed many times gives the hits of a new one of the same files."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ragkit import Collection, Settings
from ragkit.ingest import writer
from ragkit.storage.lexical import index as lexical_index
from tests.conftest import WordEncoder

# "signing" and "singing" are one letter swap away from the typo "sigining" and "singnig".
WORDS = ("signing", "singing", "keys", "rotate", "fox", "vault", "der", "und", "Schlüssel")
QUERIES = (
    "signing keys",
    "rotate the vault",
    "singnig",
    "sigining keys",
    "rotat fox",
    '"signing keys" vault',
    "fox -keys",
    "Schlüssel und fox",
    "v",
)
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink an example takes minutes
NAMES = ("a.txt", "b.txt", "c.txt", "d.txt", "e.txt")


def contents(collection, options):
    """Return what each query finds: (query, path, text) → scores and corrections."""
    return {
        (query, hit.path, hit.text): (
            (hit.score, hit.scores["lexical"], hit.scores["fused"]),
            hit.explanation.words,
            hit.explanation.taken_for,
        )
        for query in QUERIES
        for hit in collection.search(query, k=50, explain=True, **options)
    }


def assert_equal_to_new(collection, folder, parent):
    """Compare with a new collection of the same folder, in all modes.

    Not with `fusion="rrf"`: it ranks passages of equal scores by their ids, which differ.
    """
    with (
        tempfile.TemporaryDirectory(dir=parent) as other,
        open_collection(Path(other, "kit")) as new,
    ):
        new.index(folder)
        assert len(new.documents()) == len(collection.documents())
        for options in (
            {"mode": "dense"},
            {"mode": "lexical"},
            {"mode": "hybrid"},
            {"mode": "lexical", "where": {"path": {"not in": ["a.txt", "b.txt"]}}},
        ):
            aged, fresh = contents(collection, options), contents(new, options)
            assert aged.keys() == fresh.keys()
            for hit, (scores, words, corrections) in fresh.items():
                assert aged[hit][0] == pytest.approx(scores, abs=1e-6)
                assert aged[hit][1] == pytest.approx(words, abs=1e-6)
                assert aged[hit][2] == corrections


def open_collection(where):
    return Collection(
        where, settings=Settings(passage_tokens=40, overlap=0.0), encoder=WordEncoder()
    )


def write_files(folder, files):
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        if name in files:
            (folder / name).write_text(" ".join(files[name]))
        else:
            (folder / name).unlink(missing_ok=True)


def texts(length):
    text = st.lists(st.sampled_from(WORDS), min_size=length[0], max_size=length[1])
    return st.dictionaries(st.sampled_from(NAMES), text, min_size=1)


@settings(max_examples=5, phases=QUICK)
@given(versions=st.lists(texts((1, 12)), min_size=2, max_size=3), reopens=st.booleans())
def test_scores_equal_those_of_a_new_collection(tmp_path_factory, versions, reopens):
    parent = tmp_path_factory.mktemp("aged")
    collection = open_collection(parent / "kit")
    for files in versions:
        write_files(parent / "notes", files)
        collection.index(parent / "notes", prune=True)
        collection.search("fox", mode="hybrid")
        if reopens:
            collection.close()
            collection = open_collection(parent / "kit")
    assert_equal_to_new(collection, parent / "notes", parent)
    collection.close()


@settings(max_examples=4, phases=QUICK)
@given(versions=st.lists(texts((7, 7)), min_size=2, max_size=4))
def test_without_rewriting_only_the_average_length_can_differ(tmp_path_factory, versions):
    """All passages have the same length, so its average is right, too."""
    parent = tmp_path_factory.mktemp("aged")
    with pytest.MonkeyPatch.context() as patch, open_collection(parent / "kit") as collection:
        patch.setattr(lexical_index, "MAX_ALWAYS_REWRITTEN", 0)
        patch.setattr(lexical_index, "MAX_REMOVED_SHARE", 1e9)
        for files in versions:
            write_files(parent / "notes", files)
            collection.index(parent / "notes", prune=True)
        assert_equal_to_new(collection, parent / "notes", parent)


def test_remove_and_rebuild_leave_no_trace(tmp_path):
    files = {name: [word, "keys", "fox"] for name, word in zip(NAMES, WORDS, strict=False)}
    write_files(tmp_path / "notes", files)
    with open_collection(tmp_path / "kit") as collection:
        collection.index(tmp_path / "notes")
        collection.remove(tmp_path / "notes" / "a.txt")
        (tmp_path / "notes" / "a.txt").unlink()
        assert_equal_to_new(collection, tmp_path / "notes", tmp_path)
        collection.index(rebuild=True)
        assert_equal_to_new(collection, tmp_path / "notes", tmp_path)


def test_a_removal_that_was_interrupted_before_the_index_counts_no_more(tmp_path, monkeypatch):
    write_files(tmp_path / "notes", {name: ["signing", "fox", name] for name in NAMES})
    with open_collection(tmp_path / "kit") as collection:
        collection.index(tmp_path / "notes")
        with monkeypatch.context() as patch:
            patch.setattr("ragkit.storage.index_writer.IndexWriter.update_lexical", _interrupt)
            with pytest.raises(KeyboardInterrupt):
                collection.remove(tmp_path / "notes" / "a.txt")
        (tmp_path / "notes" / "a.txt").unlink()
    with open_collection(tmp_path / "kit") as collection:
        assert_equal_to_new(collection, tmp_path / "notes", tmp_path)


def _interrupt(*_, **__):
    raise KeyboardInterrupt


def test_an_index_of_an_earlier_version_is_written_anew(tmp_path, monkeypatch):
    """It has no note of how many passages were removed."""
    write_files(tmp_path / "notes", {name: ["signing", "fox", name] for name in NAMES})
    with open_collection(tmp_path / "kit") as collection, monkeypatch.context() as patch:
        patch.setattr(lexical_index, "MAX_ALWAYS_REWRITTEN", 0)
        patch.setattr(lexical_index, "MAX_REMOVED_SHARE", 1e9)
        collection.index(tmp_path / "notes")
        write_files(tmp_path / "notes", {"b.txt": ["signing"] * 9, "c.txt": ["fox"]})
        collection.index(prune=True)
        with collection._store.writing() as connection:
            connection.execute("DELETE FROM collection WHERE key = 'lexical_removed'")
    with open_collection(tmp_path / "kit") as collection:
        collection.index()
        assert_equal_to_new(collection, tmp_path / "notes", tmp_path)


def test_a_run_writes_the_index_anew_once_at_its_end(tmp_path, monkeypatch):
    written = []
    write = lexical_index.write

    def record(path, older, rows, removed):
        written.append(older is None)
        write(path, older, rows, removed)

    monkeypatch.setattr(lexical_index, "write", record)
    monkeypatch.setattr(writer, "LEXICAL_UPDATE_SECONDS", 0)
    monkeypatch.setattr(writer, "MAX_FILES_PER_COMMIT", 1)
    write_files(tmp_path / "notes", {name: ["signing", "fox", name] for name in NAMES})
    with open_collection(tmp_path / "kit") as collection:
        collection.index(tmp_path / "notes")
        assert written[0] and not any(written[1:])
        written.clear()
        write_files(tmp_path / "notes", {name: ["signing", "vault", name] for name in NAMES})
        collection.index()
        assert written[-1] and not any(written[:-1])
        written.clear()
        collection.index()
        assert written == []
