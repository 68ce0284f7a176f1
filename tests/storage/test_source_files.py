"""Opening the user's files: what may replace a file between its listing and its reading."""

import errno
import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest

from ragkit.storage import source_files
from ragkit.storage.source_files import open_source, read_source, sample, sample_source

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "note.txt").write_bytes(b"Cats sleep")
    (root / "a" / "b" / "deep.txt").write_bytes(b"Dogs bark")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "deep.txt").write_bytes(b"secret")
    return root


def read(root, path, max_bytes=1000):
    return read_source(str(root), path, max_bytes).data


def test_files_are_read_with_their_status(root):
    source = read_source(str(root), "a/b/deep.txt", 9)
    assert (source.data, source.is_stable) == (b"Dogs bark", True)
    assert source.status.st_ino == (root / "a" / "b" / "deep.txt").stat().st_ino
    assert read(root, "note.txt") == b"Cats sleep"


def test_the_root_itself_may_be_reached_through_a_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert read(tmp_path / "link", "a/b/deep.txt") == b"Dogs bark"


@pytest.mark.parametrize("path", ["../outside/deep.txt", "/etc/passwd", "a//b/deep.txt", "", "."])
def test_a_path_out_of_the_root_is_refused(root, path):
    with pytest.raises(OSError, match="not a path inside"):
        open_source(str(root), path)


def test_a_link_is_not_followed(root, tmp_path):
    (root / "link.txt").symlink_to(tmp_path / "outside" / "deep.txt")
    with pytest.raises(OSError, match="symbolic link now"):
        read(root, "link.txt")


def test_a_folder_that_became_a_link_is_not_followed(root, tmp_path):
    (root / "a" / "b").rename(root / "a" / "c")
    (root / "a" / "b").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="the folder b on its path is not a folder any more"):
        read(root, "a/b/deep.txt")


def test_special_files_are_not_opened(root):
    os.mkfifo(root / "fifo")
    with pytest.raises(OSError, match="it is a FIFO now, not a regular file"):
        read(root, "fifo")
    with pytest.raises(OSError, match="it is a folder now"):
        read(root, "a")
    with pytest.raises(OSError, match="it is a device now"):
        read("/dev", "zero")


def replace_before_open(monkeypatch, name, replace):
    """Call `replace` just before the file `name` is opened, after it was looked at."""
    real = os.open

    def open_(path, *arguments, **named):
        if os.path.split(path)[1] == name:
            replace()
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", open_)


def test_a_file_replaced_by_a_link_before_it_is_opened(root, tmp_path, monkeypatch):
    def replace():
        (root / "note.txt").unlink(missing_ok=True)
        (root / "note.txt").symlink_to(tmp_path / "outside" / "deep.txt")

    replace_before_open(monkeypatch, "note.txt", replace)
    with pytest.raises(OSError, match="symbolic link"):
        read(root, "note.txt")


def test_a_file_replaced_by_a_fifo_before_it_is_opened(root, monkeypatch):
    def replace():
        (root / "note.txt").unlink(missing_ok=True)
        os.mkfifo(root / "note.txt")

    replace_before_open(monkeypatch, "note.txt", replace)
    with pytest.raises(OSError, match="it is a FIFO now"):
        read(root, "note.txt")


def test_a_folder_replaced_by_a_link_before_it_is_opened(root, tmp_path, monkeypatch):
    def replace():
        if not (root / "a" / "b").is_symlink():
            (root / "a" / "b").rename(root / "a" / "c")
            (root / "a" / "b").symlink_to(tmp_path / "outside")

    replace_before_open(monkeypatch, "b", replace)
    with pytest.raises(OSError, match="not a folder any more"):
        read(root, "a/b/deep.txt")


def test_without_descriptors_of_folders_the_path_is_checked(root, tmp_path, monkeypatch):
    """As on Windows."""
    monkeypatch.setattr(source_files, "_IN_FOLDERS", False)
    assert read(root, "a/b/deep.txt") == b"Dogs bark"
    (root / "a" / "b").rename(root / "a" / "c")
    (root / "a" / "b").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="replaced while it was opened"):
        read(root, "a/b/deep.txt")
    (root / "link.txt").symlink_to(tmp_path / "outside" / "deep.txt")
    with pytest.raises(OSError, match="symbolic link"):
        read(root, "link.txt")


def test_no_descriptor_stays_open(root, tmp_path):
    descriptors = Path("/proc/self/fd")

    def count():
        return len(list(descriptors.iterdir())) if descriptors.is_dir() else 0

    (root / "link.txt").symlink_to(tmp_path / "outside" / "deep.txt")
    before = count()
    for _ in range(5):
        read(root, "a/b/deep.txt")
        for path in ("link.txt", "a", "a/missing", "missing/x"):
            with pytest.raises(OSError):
                read(root, path)
    assert count() == before


def test_a_file_beyond_the_limit_is_refused(root):
    assert read(root, "note.txt", 10) == b"Cats sleep"
    with pytest.raises(OSError) as error:
        read(root, "note.txt", 9)
    assert error.value.errno == errno.EFBIG


def test_a_file_that_grows_while_it_is_read(root, monkeypatch):
    real, path = os.read, root / "note.txt"

    def read_and_append(descriptor, count):
        data = real(descriptor, count)
        if data and path.stat().st_size < 40:
            with path.open("ab") as file:
                file.write(b" and sleep")
        return data

    monkeypatch.setattr(os, "read", read_and_append)
    source = read_source(str(root), "note.txt", 1000)
    assert (source.data, source.is_stable) == (b"Cats sleep" + b" and sleep" * 3, False)
    path.write_bytes(b"Cats sleep")
    with pytest.raises(OSError) as error:
        read(root, "note.txt", 25)
    assert error.value.errno == errno.EFBIG


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_file_without_a_size_is_read_up_to_the_limit():
    assert b"\n" in read("/proc/self", "status", 100_000)
    with pytest.raises(OSError) as error:
        read("/proc/self", "status", 100)
    assert error.value.errno == errno.EFBIG


def test_a_lease_of_a_file_server_is_waited_for(root, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    if not hasattr(fcntl, "F_SETLEASE"):
        pytest.skip("no leases on this system")
    import signal

    given_up = threading.Event()
    previous = signal.signal(signal.SIGIO, lambda *_: None)
    try:
        with (root / "note.txt").open("r+b") as file:
            try:
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            except OSError:
                pytest.skip("no leases on this file system")

            def give_up():
                given_up.wait(30)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)

            thread = threading.Thread(target=give_up)
            thread.start()

            def sleep(seconds):
                given_up.set()
                thread.join()

            monkeypatch.setattr(source_files.time, "sleep", sleep)
            try:
                assert read(root, "note.txt") == b"Cats sleep"
            finally:
                given_up.set()
                thread.join()
    finally:
        signal.signal(signal.SIGIO, previous)


def test_the_sample_is_that_of_the_bytes(root):
    for size in (0, 10, 8 * 4096, 8 * 4096 + 1, 100_000):
        data = os.urandom(size)
        (root / "note.txt").write_bytes(data)
        assert sample_source(str(root), "note.txt") == sample(data)


def test_the_sample_covers_all_of_a_small_file_and_the_ends_of_a_large_one():
    small = b"x" * 1000
    assert sample(small) != sample(small[:500] + b"y" + small[501:])
    large = bytes(1_000_000)
    for position in (0, 4095, len(large) - 4096, len(large) - 1, len(large) * 3 // 7):
        changed = bytearray(large)
        changed[position] = 1
        assert sample(bytes(changed)) != sample(large)
    expected = hashlib.blake2b(b"1000" + small, digest_size=16).hexdigest()
    assert sample(small) == expected
