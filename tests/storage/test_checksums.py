"""Checksums of index files, and the stamps that make reading them unnecessary."""

import hashlib
import json
import os

import pytest

from ragkit.storage.checksums import (
    ChecksumCache,
    checksum_record,
    file_checksum,
    folder_checksum,
    is_plausible,
    parse_record,
    verify_record,
)
from ragkit.storage.collection_files import OpenFile
from ragkit.storage.sqlite.state import IndexFile

A, B = (f"{letter * 32}.term" for letter in "ab")


@pytest.fixture
def path(tmp_path):
    (tmp_path / "ragkit.db").write_bytes(bytes(4096))
    path = tmp_path / "vectors-aaaaaaaaaaaa-1.faiss"
    path.write_bytes(b"vectors")
    return path


def index_file(path, record):
    return IndexFile(path.name, 1, record, 1)


def touch(path):
    """Give the file another modification time, and so another stamp."""
    os.utime(path, ns=(1, 1))


def test_the_checksum_is_blake2b_of_16_bytes(path):
    assert file_checksum(OpenFile(path)) == hashlib.blake2b(b"vectors", digest_size=16).hexdigest()


def test_a_record_holds_checksum_stamp_and_further_fields(path):
    record = parse_record(checksum_record(path, {"kind": "IVF1,PQ192x4fs"}))
    status = path.stat()
    assert record == {
        "checksum": file_checksum(OpenFile(path)),
        "stamp": [status.st_ino, 7, status.st_mtime_ns, status.st_ctime_ns],
        "kind": "IVF1,PQ192x4fs",
    }


def test_a_bare_checksum_is_a_record_without_a_stamp():
    assert parse_record("0123abcd") == {"checksum": "0123abcd"}


def test_a_file_with_the_recorded_stamp_is_not_read(path, monkeypatch):
    record = checksum_record(path)
    monkeypatch.setattr("ragkit.storage.checksums.file_checksum", None)
    assert verify_record(OpenFile(path), record) == record


def test_a_touched_file_gets_a_record_with_its_new_stamp(path):
    record = checksum_record(path, {"kind": "x"})
    touch(path)
    verified = parse_record(verify_record(OpenFile(path), record))
    assert verified["stamp"][2] == 1
    assert (verified["checksum"], verified["kind"]) == (file_checksum(OpenFile(path)), "x")


def test_a_changed_file_is_damaged(path):
    record = checksum_record(path)
    path.write_bytes(b"Vectors")
    with pytest.raises(ValueError, match=r"vectors-aaaaaaaaaaaa-1\.faiss is damaged: its checksum"):
        verify_record(OpenFile(path), record)


def test_a_missing_file_is_an_os_error(path):
    record = checksum_record(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        verify_record(OpenFile(path), record)


def test_the_checksum_of_a_folder_names_its_files_but_no_locks(tmp_path):
    (tmp_path / B).write_bytes(b"b")
    (tmp_path / A).write_bytes(b"a")
    (tmp_path / ".writer.lock").write_bytes(b"")
    checksums = json.loads(folder_checksum(tmp_path))
    assert list(checksums) == [A, B]
    assert checksums[A] == hashlib.blake2b(b"a", digest_size=16).hexdigest()


def test_known_checksums_of_a_folder_are_not_computed_again(tmp_path):
    (tmp_path / A).write_bytes(b"a")
    (tmp_path / B).write_bytes(b"b")
    assert json.loads(folder_checksum(tmp_path, {A: "known"}))[A] == "known"


def test_a_file_is_verified_once_in_a_process(path, monkeypatch):
    file = index_file(path, file_checksum(OpenFile(path)))  # without a stamp, so it has to be read
    cache = ChecksumCache(path.parent)
    assert cache.verify_file("vectors", file).path == path
    monkeypatch.setattr("ragkit.storage.checksums.file_checksum", None)
    assert cache.verify_file("vectors", file).path == path


def test_an_intact_file_under_another_stamp_is_remembered(path):
    file = index_file(path, checksum_record(path))
    touch(path)
    cache = ChecksumCache(path.parent)
    cache.verify_file("vectors", file)
    restamped = cache.restamped["vectors"]
    assert restamped.name == file.name
    assert parse_record(restamped.checksum)["stamp"][2] == 1


@pytest.fixture
def words(tmp_path):
    (tmp_path / "ragkit.db").write_bytes(bytes(4096))
    folder = tmp_path / "words-v1-1"
    folder.mkdir()
    (folder / A).write_bytes(b"a")
    return folder


def test_a_folder_is_read_once_and_again_when_it_has_changed(words, monkeypatch):
    file = index_file(words, folder_checksum(words))
    cache = ChecksumCache(words.parent)
    assert cache.verify_folder(file) == words
    with monkeypatch.context() as patch:
        patch.setattr("ragkit.storage.checksums.file_checksum", None)
        assert cache.verify_folder(file) == words
    (words / A).write_bytes(b"A")
    with pytest.raises(ValueError, match="words-v1-1 is damaged"):
        cache.verify_folder(file)


@pytest.mark.parametrize("kind", ["in place", "in place, same time", "truncated"])
def test_a_change_of_an_open_folder_is_noticed(words, kind):
    file = index_file(words, folder_checksum(words))
    cache = ChecksumCache(words.parent)
    assert not cache.is_unchanged_folder(file)  # not verified yet
    cache.add_written(file)
    assert cache.is_unchanged_folder(file)
    before = (words / A).stat()
    (words / A).write_bytes(b"" if kind == "truncated" else b"A")
    if kind == "in place, same time":
        os.utime(words / A, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not cache.is_unchanged_folder(file)


@pytest.mark.parametrize("kind", ["linked", "deleted", "replaced"])
def test_who_has_a_folder_open_keeps_its_files(words, kind, tmp_path):
    """The next generation links to them; a deleted or replaced file stays readable."""
    file = index_file(words, folder_checksum(words))
    cache = ChecksumCache(words.parent)
    cache.verify_folder(file)
    with (words / A).open():  # else its inode may be used again
        if kind == "linked":
            os.link(words / A, tmp_path / "linked")
        else:
            (words / A).unlink()
        if kind == "replaced":
            (words / A).write_bytes(b"A")
        assert cache.is_unchanged_folder(file)


def test_a_folder_just_written_is_trusted(words, monkeypatch):
    cache = ChecksumCache(words.parent)
    file = index_file(words, "{}")
    cache.add_written(file)
    monkeypatch.setattr("ragkit.storage.checksums.file_checksum", None)
    assert cache.verify_folder(file) == words


@pytest.mark.parametrize("listed", ["../precious", "/precious", "precious", 5, {"a": 1}])
def test_a_list_of_files_outside_the_folder_is_damage(words, listed):
    """tantivy deletes files of that list which belong to no segment."""
    content = listed if isinstance(listed, dict) else [A, listed]
    (words / ".managed.json").write_text(json.dumps(content))
    file = index_file(words, folder_checksum(words))
    with pytest.raises(ValueError, match="lists files that are not its own"):
        ChecksumCache(words.parent).verify_folder(file)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "not a text"),
        (b"{}", "not a text"),
        ("{}", "no checksum"),
        ('{"checksum": 5}', "no checksum"),
        ("{", "Expecting"),
        ('{"checksum": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_record_that_ragkit_did_not_write_is_damage(path, record, message):
    with pytest.raises(ValueError, match=message):
        ChecksumCache(path.parent).verify_file("vectors", index_file(path, record))


@pytest.mark.parametrize(
    ("kind", "name", "generation"),
    [
        ("vectors", "../precious", 1),
        ("vectors", "/precious", 1),
        ("vectors", "vectors-aaaaaaaaaaaa-1.faiss/../../precious", 1),
        ("vectors", "vectors-aaaaaaaaaaaa-1.faiss\n", 1),
        ("vectors", "words-v1-1", 1),
        ("vectors", "vectors-aaaaaaaaaaaa-1.codes", 1),
        ("codes", "vectors-aaaaaaaaaaaa-1.faiss", 1),
        ("words", "vectors-aaaaaaaaaaaa-1.faiss", 1),
        ("words", "words-v1-1/../../precious", 1),
        ("words", "words-v1-2", 1),
        ("words", "words-v1-1", "1"),
        ("words", "words-v1-1", None),
        ("vectors", 5, 1),
        ("vectors", None, 1),
        ("vectors", b"vectors-aaaaaaaaaaaa-1.faiss", 1),
        ("vectors", "ragkit.db", 1),
        ("vectors", "", 1),
    ],
)
def test_a_name_that_ragkit_does_not_give_is_never_opened(
    tmp_path, monkeypatch, kind, name, generation
):
    monkeypatch.setattr("ragkit.storage.checksums.OpenFile", None)
    monkeypatch.setattr("ragkit.storage.collection_files.members", None)
    file = IndexFile(name, generation, "{}", 1)
    assert not is_plausible(kind, file, 9)
    cache = ChecksumCache(tmp_path)
    with pytest.raises(ValueError, match=r"not a name that ragkit gives|not what the database"):
        cache.verify_folder(file) if kind == "words" else cache.verify_file(kind, file)


def test_a_generation_that_the_database_has_not_reached_is_not_ours():
    assert is_plausible("words", IndexFile("words-v1-9", 9, "{}", None), 9)
    assert not is_plausible("words", IndexFile("words-v1-9", 9, "{}", None), 8)


def test_a_file_that_is_far_larger_than_its_database_is_not_read(path, monkeypatch):
    (path.parent / "ragkit.db").write_bytes(b"x")
    os.truncate(path, 1 << 40)
    monkeypatch.setattr("ragkit.storage.checksums.file_checksum", None)
    with pytest.raises(ValueError, match="too large for this collection"):
        ChecksumCache(path.parent).verify_file("vectors", index_file(path, "0123abcd"))
