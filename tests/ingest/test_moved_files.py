"""Moved and renamed files and roots are recognised and neither read nor embedded again."""

import os
import shutil

import pytest

from tests.ingest.test_run import done, paths


@pytest.fixture
def indexed(collection, folder):
    """Return the collection of the notes, with time stamps old enough to be trusted."""
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 10**18))
    collection.index(folder)
    return collection


def forbid_reading(monkeypatch):
    monkeypatch.setattr("ragkit.ingest.reading.read", lambda *_: pytest.fail("a file was read"))


def test_a_renamed_root_is_the_same_root(indexed, folder, encoder, monkeypatch):
    encoder.encoded.clear()
    forbid_reading(monkeypatch)
    place = folder.rename(folder.with_name("elsewhere"))
    report = indexed.index(place)
    assert done(report) == {"moved": 3}
    assert f"{folder} is now {place}" in report.warnings[0]
    assert indexed.status().roots == (str(place),)
    assert encoder.encoded == []
    assert indexed.search("cats sleep", k=1)[0].root == str(place)
    assert done(indexed.index()) == {"unchanged": 3}


def test_a_renamed_root_keeps_its_globs(indexed, folder):
    indexed.index(folder, include=["*.txt"])
    place = folder.rename(folder.with_name("elsewhere"))
    assert done(indexed.index(place)) == {"moved": 2, "skipped": 1}
    assert done(indexed.index()) == {"unchanged": 2, "skipped": 1}


def test_a_root_copied_to_another_disk_is_recognised_by_content(indexed, folder, encoder):
    encoder.encoded.clear()
    place = folder.with_name("elsewhere")
    shutil.copytree(folder, place)
    shutil.rmtree(folder)
    (place / "new.txt").write_text("Something new.")
    (place / "leave.txt").unlink()
    report = indexed.index(place)
    assert done(report) == {"added": 1, "moved": 2, "removed": 1}
    assert indexed.status().roots == (str(place),)
    assert encoder.encoded == ["Something new."]


def test_a_root_moved_into_another_becomes_part_of_it(indexed, folder, encoder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "dogs.txt").write_text("Dogs bark.")
    indexed.index(other)
    encoder.encoded.clear()
    folder.rename(other / "deep")
    assert done(indexed.index()) == {"moved": 3, "unchanged": 1}
    assert indexed.status().roots == (str(other),)
    assert encoder.encoded == []
    assert "deep/sub/cats.txt" in paths(indexed)


def test_a_root_that_is_a_single_file_may_be_renamed(collection, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("Parents may stay at home.")
    collection.index(file)
    place = file.rename(tmp_path / "b.txt")
    assert done(collection.index(place)) == {"moved": 1}
    assert collection.status().roots == (str(place),)


def test_a_missing_root_that_is_not_found_elsewhere_is_kept(indexed, folder, tmp_path):
    folder.rename(tmp_path / "gone")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(tmp_path / "gone" / "leave.txt", other)  # one of three: not the same root
    assert done(indexed.index(other)) == {"added": 1}
    assert len(indexed.status().roots) == 2
    assert any(
        "is missing; its documents are kept" in warning for warning in indexed.index().warnings
    )


@pytest.mark.parametrize("named", ["both", "the new one alone"])
def test_a_file_moved_to_another_root_is_not_read(indexed, folder, tmp_path, monkeypatch, named):
    other = tmp_path / "other"
    other.mkdir()
    indexed.index(other)
    (folder / "leave.txt").rename(other / "parents.txt")
    forbid_reading(monkeypatch)
    report = indexed.index([folder, other] if named == "both" else other)
    assert report.moved == 1
    assert report.added == report.removed == 0
    assert indexed.search("parents at home", k=1)[0].path == "parents.txt"
    assert done(indexed.index()) == {"unchanged": 3}


def test_a_copy_in_another_root_is_not_a_move(indexed, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy2(folder / "leave.txt", other)
    assert done(indexed.index([folder, other])) == {"added": 1, "unchanged": 3}


def test_a_copy_of_a_root_on_an_unmounted_disk_is_not_a_move(indexed, folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    shutil.rmtree(folder)
    folder.mkdir()
    report = indexed.index([folder, other])
    assert (done(report), len(report.warnings)) == ({"added": 3}, 1)
    assert len(paths(indexed)) == 6


def test_a_file_may_become_a_folder_and_a_folder_a_file(collection, tmp_path):
    place = tmp_path / "thing.txt"
    place.write_text("Parents may stay at home.")
    collection.index(place)
    place.unlink()
    place.mkdir()
    (place / "thing.txt").write_text("Cats sleep.")
    (place / "more.txt").write_text("Dogs bark.")
    assert done(collection.index()) == {"added": 2, "removed": 1}
    (hit,) = collection.search("cats sleep", k=1)
    assert (hit.root, hit.path, hit.stale) == (str(place), "thing.txt", False)
    shutil.rmtree(place)
    place.write_text("Birds sing.")
    assert done(collection.index(place)) == {"added": 1, "removed": 2}
    (hit,) = collection.search("birds", k=1)
    assert (hit.root, hit.path, hit.stale) == (str(tmp_path), "thing.txt", False)
