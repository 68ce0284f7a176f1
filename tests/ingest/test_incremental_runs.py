"""Incremental runs: what did not change is neither read nor embedded, and a dry run reports the
same as a real run."""

import os
import threading

import pytest

from ragkit import Settings
from ragkit.storage.lock import writer_lock
from tests.ingest.test_run import OtherEncoder, done


@pytest.fixture
def forbid_encoder(monkeypatch):
    """Return a function after whose call the encoder must not be loaded."""

    def forbid(collection):
        monkeypatch.setattr(
            collection._encoders, "load_encoder", lambda: pytest.fail("the encoder was loaded")
        )

    return forbid


def test_a_file_that_cannot_be_opened_is_tried_again_without_the_encoder(
    collection, folder, forbid_encoder, monkeypatch
):
    from ragkit.ingest import reading

    tried = []

    def refuse(task, max_bytes, real=reading._read_bytes):
        tried.append(task.file.path)
        if task.file.path == "locked.txt":
            raise PermissionError(13, "Permission denied")
        return real(task, max_bytes)

    monkeypatch.setattr(reading, "_read_bytes", refuse)
    (folder / "locked.txt").write_text("Locked.")
    assert collection.index(folder).failed == 1
    forbid_encoder(collection)
    tried.clear()
    assert done(collection.index(folder)) == {"unchanged": 3, "failed": 1}
    assert "locked.txt" in tried


@pytest.mark.parametrize("seconds", [10_000_000_000, -10_000_000_000, 2**33])
def test_a_file_of_another_century_is_indexed_and_updated(collection, folder, seconds):
    """SQLite stores 64 bits: a time in nanoseconds after the year 2262 does not fit."""
    path = folder / "leave.txt"
    os.utime(path, ns=(seconds * 10**9,) * 2)
    assert collection.index(folder).added == 3
    assert collection.index(folder).unchanged == 3
    path.write_text("Parents may stay at home for a month.\n")
    os.utime(path, ns=(seconds * 10**9 + 1,) * 2)
    assert collection.index(folder).updated == 1
    assert collection.search("parents at home", k=1)[0].text == path.read_text().strip()


def test_a_broken_file_is_not_read_again(collection, folder, forbid_encoder, monkeypatch):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 10**18))
    assert collection.index(folder).failed == 1
    forbid_encoder(collection)
    monkeypatch.setattr("ragkit.ingest.reading.read", lambda *_: pytest.fail("a file was read"))
    assert done(collection.index(folder)) == {"unchanged": 3, "failed": 1}


def test_a_rebuild_with_other_passage_sizes_embeds_only_the_new_passages(
    open_collection, tmp_path, encoder
):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        text = " ".join(f"word{number}x{word}" for word in range(30))
        (folder / f"{number:02}.txt").write_text(text)
    open_collection().index(folder)
    other_encoder = OtherEncoder(encoder)
    other = open_collection(Settings(passage_tokens=16, overlap=0.0), other_encoder)
    report = other.index(rebuild=True)
    assert report.embedded == report.passages == len(other_encoder.encoded)
    assert (report.updated, report.reused) == (40, 0)
    assert report.truncated_tokens == 0
    assert max(other_encoder.count_tokens(other_encoder.encoded)) <= 16


def test_a_rebuild_embeds_the_stored_text_of_unreadable_files(
    open_collection, folder, encoder, monkeypatch
):
    from ragkit.ingest import reading

    open_collection().index(folder)

    def refuse(task, max_bytes, real=reading._read_bytes):
        if task.file.path == "leave.txt":
            raise OSError(5, "I/O error")
        return real(task, max_bytes)

    monkeypatch.setattr(reading, "_read_bytes", refuse)
    collection = open_collection(other=OtherEncoder(encoder))
    assert done(collection.index(rebuild=True)) == {"updated": 2, "failed": 1}
    assert collection.status().pending == 0
    assert collection.search("parents at home", k=1)[0].path == "leave.txt"


@pytest.mark.parametrize("earlier", [False, True])
def test_a_dry_run_reports_skipped_and_failed_files_like_a_real_run(collection, folder, earlier):
    (folder / ".hidden").write_text("x")
    (folder / "sub" / "notes.log").write_text("x")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (folder / ".gitignore").write_text("*.log\n")
    collection.index(folder)
    if earlier:
        (folder / "leave.txt").rename(folder / ".leave.txt")
    expected = collection.index(folder, dry_run=True)
    real = collection.index(folder)
    assert done(expected) == done(real)
    assert [(file.path, file.status, file.reason) for file in expected.documents] == [
        (file.path, file.status, file.reason) for file in real.documents
    ]


def test_a_dry_run_counts_files_that_new_rules_exclude(collection, folder):
    collection.index(folder)
    expected = collection.index(folder, exclude=["leave.txt"], dry_run=True)
    assert done(expected) == done(collection.index(folder, exclude=["leave.txt"]))
    assert expected.removed == 1


def test_indexing_a_path_below_an_excluded_folder_changes_nothing(collection, folder, tmp_path):
    (folder / "sub" / "deep").mkdir()
    (folder / "sub" / "deep" / "dogs.txt").write_text("Dogs bark.")
    collection.index(folder, exclude=["sub/"])
    before = collection.status().generation
    assert done(collection.index(folder / "sub" / "deep")) == {"skipped": 1}
    assert collection.status().generation == before
    assert done(collection.index(folder)) == {"unchanged": 2, "skipped": 1}


def test_a_folder_that_is_no_longer_skipped_loses_its_skipped_row(collection, folder):
    (folder / ".ragkitignore").write_text("sub/\n")
    collection.index(folder)
    (folder / ".ragkitignore").unlink()
    assert done(collection.index(folder / "sub" / "cats.txt")) == {"added": 1}
    assert [file.path for file in collection.files("skipped")] == [".ragkitignore"]


def test_a_file_that_new_rules_exclude_is_counted_as_removed(collection, folder):
    collection.index(folder)
    (folder / ".ragkitignore").write_text("leave.txt\n")
    assert done(collection.index(folder / "leave.txt")) == {"removed": 1, "skipped": 1}


def test_watching_waits_for_another_writer_and_notifies_once(
    collection, folder, notices, monkeypatch
):
    monkeypatch.setattr("ragkit.storage.lock.LOCK_TIMEOUT", 0)
    monkeypatch.setattr("ragkit.ingest.watch.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("ragkit.ingest.watch.watch_changes", lambda *_: iter([None]))
    collection.index(folder)
    (folder / "new.txt").write_text("Something new.")
    lock = writer_lock(collection.folder, "a long job")
    lock.__enter__()
    timer = threading.Timer(1, lock.__exit__, (None, None, None))
    timer.start()
    (report,) = collection.watch(folder)
    timer.join()
    assert done(report) == {"added": 1, "unchanged": 3}
    assert [("a long job" in notice, "Waiting" in notice) for notice in notices] == [(True, True)]


@pytest.mark.parametrize("mode", ["dense", "hybrid", "lexical"])
def test_a_query_reports_passages_without_vectors(open_collection, folder, encoder, notices, mode):
    from tests.ingest.test_interruption import Breaking

    broken = open_collection(other=Breaking(encoder, 0, RuntimeError("stop")))
    with pytest.raises(RuntimeError, match="stop"):
        broken.index(folder)
    collection = open_collection()
    collection.search("parents", mode=mode)
    warnings = [notice for notice in notices if "finish with: ragkit index" in notice]
    assert len(warnings) == (mode != "lexical")
    collection.index()
    notices.clear()
    collection.search("parents", mode=mode)
    (folder / "leave.txt").unlink()
    collection.remove("keys.md")
    collection.search("parents", mode=mode)
    assert notices == []
