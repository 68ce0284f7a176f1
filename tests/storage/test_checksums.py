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
    parse_record,
    verify_record,
)
from ragkit.storage.sqlite.database import IndexFile


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "vectors-x-1.faiss"
    path.write_bytes(b"vectors")
    return path


def index_file(path, record):
    return IndexFile(path.name, 1, record, 1)


def touch(path):
    """Give the file another modification time, and so another stamp."""
    os.utime(path, ns=(1, 1))


def test_the_checksum_is_blake2b_of_16_bytes(path):
    assert file_checksum(path) == hashlib.blake2b(b"vectors", digest_size=16).hexdigest()


def test_a_record_holds_checksum_stamp_and_further_fields(path):
    record = parse_record(checksum_record(path, {"kind": "IVF1,PQ192x4fs"}))
    status = path.stat()
    assert record == {
        "checksum": file_checksum(path),
        "stamp": [status.st_ino, 7, status.st_mtime_ns, status.st_ctime_ns],
        "kind": "IVF1,PQ192x4fs",
    }


def test_a_bare_checksum_is_a_record_without_a_stamp():
    assert parse_record("0123abcd") == {"checksum": "0123abcd"}


def test_a_file_with_the_recorded_stamp_is_not_read(path, monkeypatch):
    record = checksum_record(path)
    monkeypatch.setattr("ragkit.storage.checksums.file_checksum", None)
    assert verify_record(path, record) == record


def test_a_touched_file_gets_a_record_with_its_new_stamp(path):
    record = checksum_record(path, {"kind": "x"})
    touch(path)
    verified = parse_record(verify_record(path, record))
    assert verified["stamp"][2] == 1
    assert (verified["checksum"], verified["kind"]) == (file_checksum(path), "x")


def test_a_changed_file_is_damaged(path):
    record = checksum_record(path)
    path.write_bytes(b"Vectors")
    with pytest.raises(ValueError, match=r"vectors-x-1\.faiss is damaged: its checksum"):
        verify_record(path, record)


def test_a_missing_file_is_an_os_error(path):
    record = checksum_record(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        verify_record(path, record)


def test_the_checksum_of_a_folder_names_its_files_but_no_locks(tmp_path):
    (tmp_path / "b.term").write_bytes(b"b")
    (tmp_path / "a.term").write_bytes(b"a")
    (tmp_path / ".writer.lock").write_bytes(b"")
    checksums = json.loads(folder_checksum(tmp_path))
    assert list(checksums) == ["a.term", "b.term"]
    assert checksums["a.term"] == hashlib.blake2b(b"a", digest_size=16).hexdigest()


def test_known_checksums_of_a_folder_are_not_computed_again(tmp_path):
    (tmp_path / "a.term").write_bytes(b"a")
    (tmp_path / "b.term").write_bytes(b"b")
    assert json.loads(folder_checksum(tmp_path, {"a.term": "known"}))["a.term"] == "known"


def test_a_file_is_verified_once_in_a_process(path, monkeypatch):
    file = index_file(path, file_checksum(path))  # without a stamp, so it has to be read
    cache = ChecksumCache(path.parent)
    assert cache.verify_file("vectors", file) == path
    monkeypatch.setattr("ragkit.storage.checksums.file_checksum", None)
    assert cache.verify_file("vectors", file) == path


def test_an_intact_file_under_another_stamp_is_remembered(path):
    file = index_file(path, checksum_record(path))
    touch(path)
    cache = ChecksumCache(path.parent)
    cache.verify_file("vectors", file)
    restamped = cache.restamped["vectors"]
    assert restamped.name == file.name
    assert parse_record(restamped.checksum)["stamp"][2] == 1


def test_a_folder_is_verified_once_and_its_damage_found(tmp_path):
    folder = tmp_path / "words-v1-1"
    folder.mkdir()
    (folder / "a.term").write_bytes(b"a")
    file = index_file(folder, folder_checksum(folder))
    cache = ChecksumCache(tmp_path)
    assert cache.verify_folder(file) == folder
    (folder / "a.term").write_bytes(b"A")
    assert cache.verify_folder(file) == folder  # trusted in this process
    with pytest.raises(ValueError, match="words-v1-1 is damaged"):
        ChecksumCache(tmp_path).verify_folder(file)


def test_a_folder_just_written_is_trusted(tmp_path):
    cache = ChecksumCache(tmp_path)
    file = IndexFile("words-v1-1", 1, "{}", None)
    cache.add_written(file)
    assert cache.verify_folder(file) == tmp_path / "words-v1-1"
