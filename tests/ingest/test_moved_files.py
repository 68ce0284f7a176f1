"""Files and roots that are somewhere else now: recognised, neither read nor embedded again."""

import os
import shutil

import pytest

from tests.ingest.test_run import done, paths


@pytest.fixture
def settled(collection, folder):
    """The notes, indexed with stamps old enough to be trusted."""
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 10**18))
    collection.index(folder)
    return collection


def forbid_reading(monkeypatch):
    monkeypatch.setattr("ragkit.ingest.reading.read", lambda *_: pytest.fail("a file was read"))


def test_a_root_that_was_renamed_is_the_same_root(settled, folder, encoder, monkeypatch):
    encoder.encoded.clear()
    forbid_reading(monkeypatch)
    place = folder.rename(folder.with_name("elsewhere"))
    report = settled.index(place)
    assert done(report) == {"moved": 3}
    assert f"{folder} is now {place}" in report.warnings[0]
    assert settled.status().roots == (str(place),)
    assert encoder.encoded == []
    assert settled.search("cats sleep", k=1)[0].root == str(place)
    assert done(settled.index()) == {"unchanged": 3}


def test_a_root_that_was_renamed_keeps_its_globs(settled, folder):
    settled.index(folder, include=["*.txt"])
    place = folder.rename(folder.with_name("elsewhere"))
    assert done(settled.index(place)) == {"moved": 2, "skipped": 1}
    assert done(settled.index()) == {"unchanged": 2, "skipped": 1}


def test_a_root_that_was_copied_to_another_disk_is_known_by_its_content(settled, folder, encoder):
    encoder.encoded.clear()
    place = folder.with_name("elsewhere")
    shutil.copytree(folder, place)
    shutil.rmtree(folder)
    (place / "new.txt").write_text("Something new.")
    (place / "leave.txt").unlink()
    report = settled.index(place)
    assert done(report) == {"added": 1, "moved": 2, "removed": 1}
    assert settled.status().roots == (str(place),)
    assert encoder.encoded == ["Something new."]


def test_a_root_that_was_moved_into_another_becomes_part_of_it(settled, folder, encoder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "dogs.txt").write_text("Dogs bark.")
    settled.index(other)
    encoder.encoded.clear()
    folder.rename(other / "deep")
    assert done(settled.index()) == {"moved": 3, "unchanged": 1}
    assert settled.status().roots == (str(other),)
    assert encoder.encoded == []
    assert "deep/sub/cats.txt" in paths(settled)


def test_a_single_file_that_was_a_root_may_be_renamed(collection, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("Parents may stay at home.")
    collection.index(file)
    place = file.rename(tmp_path / "b.txt")
    assert done(collection.index(place)) == {"moved": 1}
    assert collection.status().roots == (str(place),)


def test_a_vanished_root_that_is_not_found_again_stays(settled, folder, tmp_path):
    folder.rename(tmp_path / "gone")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(tmp_path / "gone" / "leave.txt", other)  # one of three: not the same root
    assert done(settled.index(other)) == {"added": 1}
    assert len(settled.status().roots) == 2
    assert any("is missing; its documents are kept" in each for each in settled.index().warnings)


@pytest.mark.parametrize("named", ["both", "the new one alone"])
def test_a_file_moved_from_one_root_to_another(settled, folder, tmp_path, monkeypatch, named):
    other = tmp_path / "other"
    other.mkdir()
    settled.index(other)
    (folder / "leave.txt").rename(other / "parents.txt")
    forbid_reading(monkeypatch)
    report = settled.index([folder, other] if named == "both" else other)
    assert report.moved == 1
    assert report.added == report.removed == 0
    assert settled.search("parents at home", k=1)[0].path == "parents.txt"
    assert done(settled.index()) == {"unchanged": 3}


def test_a_copy_in_another_root_is_not_a_move(settled, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy2(folder / "leave.txt", other)
    assert done(settled.index([folder, other])) == {"added": 1, "unchanged": 3}


def test_a_copy_of_what_was_on_a_disk_that_is_not_mounted_is_not_a_move(settled, folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    shutil.rmtree(folder)
    folder.mkdir()
    report = settled.index([folder, other])
    assert (done(report), len(report.warnings)) == ({"added": 3}, 1)
    assert len(paths(settled)) == 6


def test_a_file_that_becomes_a_folder_and_a_folder_that_becomes_a_file(collection, tmp_path):
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
