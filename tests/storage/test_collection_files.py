"""Names of index files, and opening the files of a collection that somebody else made."""

import os
import socket

import numpy as np
import pytest

from ragkit.errors import CollectionError
from ragkit.storage.collection_files import (
    OpenFile,
    is_index_name,
    is_leftover_name,
    members,
    name_generation,
    name_part,
    refuse_links,
    shorten_name,
)

FILE = "vectors-0123456789ab-7.faiss"
SEGMENT = f"{'0a' * 16}.term"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / FILE
    path.write_bytes(bytes(range(100)))
    return path


@pytest.mark.parametrize("name", [FILE, "vectors-0123456789ab-7.codes", "words-v3-12", "words-12"])
def test_the_names_of_index_files_are_known(name):
    assert is_index_name(name)
    assert name_generation(name) in {7, 12}
    assert is_leftover_name(f".tmp-123-{name}")
    assert is_leftover_name(f"damaged-{name}")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        f"../{FILE}",
        f"{FILE}/",
        f"{FILE}\n",
        f"x{FILE}",
        f"{FILE}.bak",
        "vectors-0123456789AB-7.faiss",
        "vectors-0123456789a-7.faiss",
        "vectors-0123456789ab-٧.faiss",
        "vectors-../../../x-7.faiss",
        "words-v3-",
        "words-v3-12/..",
        "words-v-12",
        "ragkit.db",
        None,
        7,
        FILE.encode(),
    ],
)
def test_other_names_are_not(name):
    assert not is_index_name(name)
    assert not is_leftover_name(f"damaged-{name}")
    if isinstance(name, str):
        with pytest.raises(ValueError, match="is not the name of an index file"):
            name_generation(name)


def test_a_fingerprint_that_is_no_number_still_gives_a_name():
    assert name_part("abcdef0123456789" * 4) == "abcdef012345"
    for fingerprint in ("../../../x", "", "ABCDEF0123456789", "a/b" * 20):
        assert is_index_name(f"vectors-{name_part(fingerprint)}-1.faiss")


def test_a_name_from_a_database_is_shown_on_one_short_line():
    assert shorten_name("a\x1b[2J\nb") == r"'a\x1b[2J\nb'"
    assert len(shorten_name("é" * 999)) <= 80


def test_a_regular_file_is_read_in_parts(path):
    file = OpenFile(path)
    assert (file.name, file.size) == (FILE, 100)
    assert file.read(10, 3) == bytes([10, 11, 12])
    assert file.read_all([0, 50, 99], [1, 2, 1]) == bytes([0, 50, 51, 99])
    assert b"".join(file.parts()) == bytes(range(100))
    numbers = np.zeros((2, 4), dtype=np.uint8)
    file.read_into(numbers, 20)
    assert numbers.tolist() == [[20, 21, 22, 23], [24, 25, 26, 27]]


@pytest.mark.parametrize("has_positioned_reads", [True, False])
def test_a_file_that_became_shorter_is_an_error_not_a_crash(
    path, monkeypatch, has_positioned_reads
):
    if not has_positioned_reads:  # Windows
        monkeypatch.delattr(os, "pread")
        monkeypatch.delattr(os, "preadv")
    file = OpenFile(path)
    assert file.read(90, 10) == bytes(range(90, 100))
    os.truncate(path, 50)
    for call in (
        lambda: file.read(45, 10),
        lambda: file.read_all([0, 45], [5, 10]),
        lambda: file.read_into(np.zeros(10, dtype=np.uint8), 45),
    ):
        with pytest.raises(ValueError, match="is shorter than when it was opened"):
            call()


@pytest.mark.parametrize(
    "kind", ["link", "dangling link", "link to itself", "pipe", "socket", "folder"]
)
def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path, path, kind):
    other = tmp_path / "other"
    if kind == "link":
        other.symlink_to(path)
    elif kind == "dangling link":
        other.symlink_to(tmp_path / "missing")
    elif kind == "link to itself":
        other.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(other)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(other))
    else:
        other.mkdir()
    with pytest.raises(ValueError, match="other is not a regular file"):
        OpenFile(other)


def test_a_device_is_not_opened(monkeypatch):
    from pathlib import Path

    monkeypatch.setattr(os, "open", None)
    with pytest.raises(ValueError, match="is not a regular file"):
        OpenFile(Path(os.devnull))


@pytest.mark.parametrize("becomes", ["link", "pipe"])
def test_a_file_that_is_replaced_at_the_last_moment_is_not_opened(path, becomes, monkeypatch):
    """The check of the name passes; then it becomes something else."""
    plain = os.open

    def replace_first(name, flags):
        path.unlink()
        if becomes == "link":
            path.symlink_to("/etc/hostname")
        else:
            os.mkfifo(path)
        return plain(name, flags)

    monkeypatch.setattr(os, "open", replace_first)
    with pytest.raises((ValueError, OSError)):
        OpenFile(path)


def test_a_descriptor_is_closed_with_its_file(path):
    file = OpenFile(path)
    descriptor = file.descriptor
    assert os.fstat(descriptor)
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("kind", ["bytes", "time kept", "length", "mode"])
def test_a_change_of_an_open_file_is_noticed(path, kind):
    file = OpenFile(path)
    assert file.is_unchanged()
    before = path.stat()
    wait_for_clock(path)
    if kind == "mode":
        path.chmod(0o600)
    elif kind == "length":
        os.truncate(path, 10)
    else:
        path.write_bytes(bytes(100))
    if kind == "time kept":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not file.is_unchanged()


def wait_for_clock(path):
    """Wait until the clock of the file system has ticked since the last change of `path`."""
    probe, before = path.with_name("probe"), path.stat().st_ctime_ns
    probe.touch()
    while probe.stat().st_ctime_ns <= before:
        probe.touch()


@pytest.mark.parametrize("kind", ["deleted", "linked", "replaced"])
def test_deleting_linking_or_replacing_a_file_is_no_change_of_it(path, kind, tmp_path):
    file = OpenFile(path)
    if kind == "linked":
        os.link(path, tmp_path / "linked")
    else:
        path.unlink()
    if kind == "replaced":
        path.write_bytes(b"other")
    assert file.is_unchanged()
    assert file.read(0, 3) == bytes([0, 1, 2])


def test_the_path_of_a_descriptor_names_the_very_file(path):
    file = OpenFile(path)
    path.rename(path.with_name("moved"))
    path.write_bytes(b"other")
    assert path.with_name("moved").samefile(file.path_of_descriptor())


@pytest.fixture
def words(tmp_path):
    folder = tmp_path / "words-v1-7"
    folder.mkdir()
    for name in (SEGMENT, "meta.json", ".managed.json", ".tantivy-meta.lock", "notes.txt"):
        (folder / name).touch()
    return folder


def test_the_files_of_a_lexical_index_are_those_of_tantivy(words):
    assert list(members(words)) == sorted([SEGMENT, "meta.json", ".managed.json"])


@pytest.mark.parametrize("name", [SEGMENT, "meta.json", ".managed.json", ".tantivy-writer.lock"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_lexical_index_with_a_link_or_a_special_file_is_damaged(words, tmp_path, name, kind):
    (tmp_path / "precious").write_text("years of work")
    (words / name).unlink(missing_ok=True)
    if kind == "link":
        (words / name).symlink_to(tmp_path / "precious")
    elif kind == "pipe":
        os.mkfifo(words / name)
    else:
        (words / name).mkdir()
    with pytest.raises(ValueError, match="words-v1-7 is damaged"):
        members(words)


def test_a_lock_file_that_is_another_file_too_is_damage(words, tmp_path):
    """tantivy empties the lock files that it opens."""
    (tmp_path / "precious").write_text("years of work")
    os.link(tmp_path / "precious", words / ".tantivy-writer.lock")
    with pytest.raises(ValueError, match="is not its own"):
        members(words)


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_lexical_index_is_a_real_folder(words, tmp_path, kind):
    other = tmp_path / "words-v1-8"
    if kind == "link":
        other.symlink_to(words)
    else:
        other.touch()
    with pytest.raises(ValueError, match="is not a folder"):
        members(other)


def test_a_missing_lexical_index_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        members(tmp_path / "words-v1-8")


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder"])
def test_a_database_that_is_a_link_or_a_special_file_is_refused(tmp_path, suffix, kind):
    path = tmp_path / f"ragkit.db{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "other")
    if kind == "link":
        (tmp_path / "other").touch()
    with pytest.raises(CollectionError, match=rf"ragkit\.db{suffix} is .* only regular files"):
        refuse_links(tmp_path, "ragkit.db")


def test_a_journal_that_names_a_file_to_delete_is_refused(tmp_path):
    """SQLite's file format, section 3: the name of a super-journal ends with this magic number."""
    journal = tmp_path / "ragkit.db-journal"
    journal.write_bytes(b"page" * 200)
    refuse_links(tmp_path, "ragkit.db")
    journal.write_bytes(b"page" * 200 + bytes.fromhex("d9d505f920a163d7"))
    with pytest.raises(CollectionError, match="names another file, which SQLite would delete"):
        refuse_links(tmp_path, "ragkit.db")


def test_a_folder_that_is_a_link_is_the_choice_of_its_user(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "ragkit.db").touch()
    (tmp_path / "kit").symlink_to(tmp_path / "disk")
    refuse_links(tmp_path / "kit", "ragkit.db")
    OpenFile(tmp_path / "kit" / "ragkit.db")
