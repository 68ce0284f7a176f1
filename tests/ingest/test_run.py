"""Runs over a folder: added, changed, moved, removed and unreadable files; roots; rebuilds."""

import os
import shutil

import pytest

from ragkit.errors import CollectionError, ModelError, UsageError
from ragkit.storage.lock import writer_lock


def done(report):
    """Return the counts of a report that are not zero."""
    names = ("added", "updated", "unchanged", "moved", "removed", "failed", "skipped")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def paths(collection):
    return [file.path for file in collection.files() if file.status == "indexed"]


def test_a_first_run_adds_every_file(collection, folder, encoder):
    report = collection.index(folder)
    assert done(report) == {"added": 3}
    assert paths(collection) == ["keys.md", "leave.txt", "sub/cats.txt"]
    assert report.passages == report.embedded == len(encoder.encoded) == 4
    assert report.tokens == sum(encoder.count_tokens(encoder.encoded))
    assert report.truncated_tokens == 0


def test_a_second_run_reads_and_embeds_nothing(collection, folder, encoder, monkeypatch):
    collection.index(folder)
    before = list(encoder.encoded)
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 10**18))
    collection.index(folder)  # new stamps: read once more, found to be the same
    monkeypatch.setattr("ragkit.ingest.reading.read", lambda *_: pytest.fail("a file was read"))
    assert done(collection.index(folder)) == {"unchanged": 3}
    assert encoder.encoded == before


def test_without_paths_all_known_roots_are_indexed(collection, folder):
    collection.index(folder)
    (folder / "new.txt").write_text("Something new.")
    assert done(collection.index()) == {"added": 1, "unchanged": 3}


def test_a_changed_file_embeds_only_the_passage_that_changed(collection, folder, encoder):
    collection.index(folder)
    ids = {hit.text: hit.passage_id for hit in collection.search("keys vault", k=10)}
    encoder.encoded.clear()
    text = (folder / "keys.md").read_text().replace("a vault", "two vaults")
    (folder / "keys.md").write_text(text)
    report = collection.index(folder)
    assert done(report) == {"updated": 1, "unchanged": 2}
    assert (report.embedded, report.reused) == (1, 1)
    assert ["vaults" in text for text in encoder.encoded] == [True]
    hits = {hit.text: hit.passage_id for hit in collection.search("keys vault", k=10)}
    unchanged = [text for text in hits if "ninety days" in text]
    assert [hits[text] for text in unchanged] == [ids[text] for text in unchanged]


def test_an_insertion_moves_the_offsets_of_what_follows(collection, folder):
    collection.index(folder)
    old = (folder / "keys.md").read_text()
    (folder / "keys.md").write_text("# First of all\n\nA new beginning.\n\n" + old)
    collection.index(folder)
    (hit,) = collection.search("private vault", k=1)
    assert hit.text == (folder / "keys.md").read_text()[hit.start : hit.end]
    assert (hit.start_line, hit.end_line) == (9, 11)


def test_a_deleted_file_is_removed(collection, folder):
    collection.index(folder)
    (folder / "leave.txt").unlink()
    assert done(collection.index(folder)) == {"removed": 1, "unchanged": 2}
    assert all(hit.path != "leave.txt" for hit in collection.search("parents at home", k=10))
    assert all(
        hit.path != "leave.txt" for hit in collection.search("parents", k=10, mode="lexical")
    )


def test_a_moved_file_is_neither_read_nor_embedded(collection, folder, encoder, monkeypatch):
    collection.index(folder)
    encoder.encoded.clear()
    (folder / "deep" / "down").mkdir(parents=True)
    (folder / "leave.txt").rename(folder / "deep" / "down" / "parents.txt")
    monkeypatch.setattr("ragkit.documents.read", lambda *_: pytest.fail("a file was parsed"))
    assert done(collection.index(folder)) == {"moved": 1, "unchanged": 2}
    assert encoder.encoded == []
    assert collection.search("parents at home", k=1)[0].path == "deep/down/parents.txt"


def test_a_file_moved_from_another_disk_is_recognised_by_content(collection, folder, encoder):
    collection.index(folder)
    encoder.encoded.clear()
    text = (folder / "leave.txt").read_text()
    (folder / "leave.txt").unlink()
    (folder / "copy.txt").write_text(text)
    assert done(collection.index(folder)) == {"moved": 1, "unchanged": 2}
    assert encoder.encoded == []


def test_a_copied_file_is_a_document_but_is_not_embedded_again(collection, folder, encoder):
    collection.index(folder)
    encoder.encoded.clear()
    shutil.copy(folder / "leave.txt", folder / "again.txt")
    report = collection.index(folder)
    assert (done(report), report.embedded) == ({"added": 1, "unchanged": 3}, 0)
    hit = collection.search("parents at home", k=2)[0]
    assert {place.path for place in hit.locations} == {"leave.txt", "again.txt"}


def test_indexing_one_file_removes_no_other(collection, folder):
    collection.index(folder)
    (folder / "leave.txt").write_text("Parents may now stay at home for a year.")
    (folder / "sub" / "cats.txt").unlink()
    assert done(collection.index(folder / "leave.txt")) == {"updated": 1}
    assert "sub/cats.txt" in paths(collection)


def test_a_folder_inside_a_root_belongs_to_the_root(collection, folder):
    collection.index(folder)
    (folder / "sub" / "dogs.txt").write_text("Dogs bark.")
    (folder / "leave.txt").unlink()
    assert done(collection.index(folder / "sub")) == {"added": 1, "unchanged": 1}
    assert collection.status().roots == (str(folder),)
    assert "leave.txt" in paths(collection)


def test_a_folder_around_a_root_absorbs_it(collection, folder, encoder):
    collection.index(folder / "sub")
    encoder.encoded.clear()
    assert done(collection.index(folder)) == {"added": 2, "unchanged": 1}
    assert collection.status().roots == (str(folder),)
    assert "sub/cats.txt" in paths(collection)
    assert not any("Cats" in text for text in encoder.encoded)


def test_a_single_file_may_be_a_root(collection, folder):
    collection.index(folder / "leave.txt")
    (hit,) = collection.search("parents at home")
    assert (hit.path, hit.root) == ("leave.txt", str(folder))
    assert done(collection.index()) == {"unchanged": 1}


def test_files_of_two_roots_with_the_same_paths_are_separate(collection, folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    collection.index([folder, other])
    hit = collection.search("parents at home", k=2)[0]
    assert {place.root for place in hit.locations} == {str(folder), str(other)}
    (other / "leave.txt").unlink()
    collection.index(other)
    assert [file.root for file in collection.files() if file.path == "leave.txt"] == [str(folder)]


def test_an_empty_root_keeps_its_documents_until_prune(collection, folder):
    collection.index(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    report = collection.index(folder)
    assert done(report) == {}
    assert "3 of 3 files" in report.warnings[0]
    assert "--prune" in report.warnings[0]
    assert collection.search("parents at home")[0].path == "leave.txt"
    assert done(collection.index(folder, prune=True)) == {"removed": 3}
    assert collection.search("parents at home") == []


def test_many_missing_files_are_kept_until_prune(collection, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"Number {number}.")
    collection.index(folder)
    for number in range(30):
        (folder / f"{number}.txt").unlink()
    report = collection.index(folder)
    assert (done(report), len(report.warnings)) == ({"unchanged": 10}, 1)
    assert done(collection.index(folder, prune=True)) == {"removed": 30, "unchanged": 10}


def test_a_missing_root_is_kept_with_a_warning(collection, folder):
    collection.index(folder)
    folder.rename(folder.with_name("elsewhere"))
    report = collection.index()
    assert "is missing; its documents are kept" in report.warnings[0]
    assert len(paths(collection)) == 3


def test_unreadable_files_are_recorded_and_the_others_are_indexed(collection, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (folder / ".hidden.txt").write_text("secret")
    report = collection.index(folder)
    assert done(report) == {"added": 3, "failed": 1, "skipped": 2}
    reasons = {file.path: (file.status, file.reason) for file in report.documents}
    assert reasons["broken.pdf"][0] == "failed"
    assert reasons[".hidden.txt"] == ("skipped", "hidden")
    assert reasons["picture.png"][0] == "skipped"
    assert done(collection.index(folder)) == {"unchanged": 3, "failed": 1, "skipped": 2}


def test_an_empty_file_is_recorded_as_empty(collection, folder):
    (folder / "empty.txt").write_text("")
    collection.index(folder)
    assert [file.path for file in collection.files("empty")] == ["empty.txt"]


def test_an_empty_folder_is_no_error(collection, tmp_path):
    (tmp_path / "nothing").mkdir()
    assert done(collection.index(tmp_path / "nothing")) == {}
    assert collection.search("anything") == []


def test_a_missing_folder_is_an_error(collection, tmp_path):
    with pytest.raises(UsageError, match=r"no file or folder at .*nowhere"):
        collection.index(tmp_path / "nowhere")


def test_a_new_collection_without_a_path_names_the_command(collection):
    with pytest.raises(UsageError, match="ragkit index FOLDER"):
        collection.index()


def test_a_newly_ignored_file_is_removed(collection, folder):
    collection.index(folder)
    (folder / ".ragkitignore").write_text("sub/\n")
    collection.index(folder)
    assert paths(collection) == ["keys.md", "leave.txt"]


def test_globs_are_stored_with_the_root(collection, folder):
    collection.index(folder, include=["*.md"])
    assert paths(collection) == ["keys.md"]
    collection.index()
    assert paths(collection) == ["keys.md"]
    collection.index(folder, include=[])
    assert len(paths(collection)) == 3


def test_a_dry_run_changes_nothing(collection, folder):
    collection.index(folder)
    (folder / "leave.txt").unlink()
    (folder / "new.txt").write_text("New.")
    (folder / "keys.md").write_text("# Keys\n\nGone.")
    report = collection.index(folder, dry_run=True)
    assert done(report) == {"added": 1, "updated": 1, "removed": 1, "unchanged": 1}
    assert paths(collection) == ["keys.md", "leave.txt", "sub/cats.txt"]


def test_a_collection_inside_its_root_does_not_index_itself(open_collection, tmp_path, folder):
    collection = open_collection()
    collection.index(tmp_path)
    assert paths(collection) == ["notes/keys.md", "notes/leave.txt", "notes/sub/cats.txt"]
    assert done(collection.index(tmp_path)) == {"unchanged": 3}


def test_other_passage_settings_split_every_file_again(open_collection, folder):
    from ragkit import Settings

    open_collection().index(folder)
    other = open_collection(Settings(passage_tokens=16, overlap=0.0))
    assert done(other.index(folder)) == {"updated": 3}
    assert done(other.index(folder)) == {"unchanged": 3}


class OtherEncoder:
    """A different model of the same dimension."""

    def __new__(cls, encoder):
        other = type(encoder)()
        other.name, other.fingerprint = "others", "0" * 64
        return other


def test_another_model_is_refused_with_both_names_and_the_command(open_collection, folder, encoder):
    open_collection().index(folder)
    other = open_collection(other=OtherEncoder(encoder))
    message = r"made with the model words .* not with others .*index --rebuild --model others"
    with pytest.raises(ModelError, match=message):
        other.index(folder)
    with pytest.raises(ModelError, match=message):
        open_collection(other=OtherEncoder(encoder)).search("keys")


def test_rebuild_embeds_everything_with_the_other_model(open_collection, folder, encoder):
    open_collection().index(folder)
    other_encoder = OtherEncoder(encoder)
    other = open_collection(other=other_encoder)
    report = other.index(folder, rebuild=True)
    assert (report.embedded, len(other_encoder.encoded)) == (4, 4)
    assert other.status().model == "others"
    assert other.search("parents at home", k=1)[0].path == "leave.txt"


def test_rebuild_with_the_same_model_serves_searches_of_an_open_collection(open_collection, folder):
    reader = open_collection()
    reader.index(folder)
    before = [(hit.path, hit.score) for hit in reader.search("keys in a vault")]
    open_collection().index(rebuild=True)
    assert [(hit.path, hit.score) for hit in reader.search("keys in a vault")] == before


def test_a_second_writer_is_refused_with_the_holder(collection, folder):
    with (
        writer_lock(collection.folder, "a long job"),
        pytest.raises(CollectionError, match=rf"process {os.getpid()} on .*a long job"),
    ):
        collection.index(folder)


def test_progress_reaches_all_files_and_passages(collection, folder):
    seen = []
    collection.index(folder, on_progress=seen.append)
    assert (seen[-1].files, seen[-1].files_total) == (3, 3)
    assert (seen[-1].embedded, seen[-1].pending) == (4, 0)


def test_a_document_a_folder_and_a_root_are_removed(collection, folder):
    collection.index(folder)
    assert collection.remove("leave.txt") == 1
    assert collection.remove(folder / "sub") == 1
    assert paths(collection) == ["keys.md"]
    assert collection.remove(folder) == 1
    assert collection.status().roots == ()
    with pytest.raises(UsageError, match="neither a root nor a document"):
        collection.remove("leave.txt")


def test_vectors_without_a_passage_are_deleted(collection, folder):
    collection.index(folder)
    (folder / "leave.txt").unlink()
    collection.index(folder)
    with collection._store.reading() as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM vectors), (SELECT count(*) FROM passages)"
        ).fetchone()
    assert tuple(counts) == (3, 3)
