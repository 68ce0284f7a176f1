"""Changes that size and time of modification do not show."""

import os
import sqlite3
import sys
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from ragkit.ingest import change_times
from ragkit.ingest.change_times import ChangeTimes, may_repeat, wait_for_next_tick
from tests.ingest.test_run import done

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs times of change")
MOUNTS = [
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
    "23 22 0:30 / /mnt/a\\040disk rw - vfat /dev/sdb1 rw",
    "24 22 0:31 / /srv rw master:1 propagate_from:2 - nfs4 server:/srv rw",
    "25 24 0:32 / /srv/local rw - btrfs /dev/sdc rw",
    "26 22 0:33 / /home rw - fuse.sshfs host: rw",
    "broken line",
]
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("device", "folder", "expected"),
    [
        ((8, 1), "/data", "ext4"),
        ((0, 30), "/mnt/a disk/notes", "vfat"),
        ((0, 99), "/mnt/a disk/notes", "vfat"),
        ((0, 99), "/mnt/a disks", "ext4"),
        ((0, 99), "/srv/x", "nfs4"),
        ((0, 99), "/srv/local/subvolume", "btrfs"),
        ((0, 33), "/home/me", "fuse.sshfs"),
    ],
)
def test_the_file_system_is_that_of_the_device_or_of_the_innermost_mount(device, folder, expected):
    assert change_times._file_system(MOUNTS, os.makedev(*device), folder) == expected


def test_each_device_is_looked_up_once(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("\n".join(MOUNTS))
    monkeypatch.setattr(change_times, "_MOUNTS", mounts)
    known = ChangeTimes()
    assert known.are_reliable(os.makedev(8, 1), "/data")
    assert not known.are_reliable(os.makedev(0, 31), "/srv")
    mounts.unlink()
    assert not known.are_reliable(os.makedev(0, 31), "/srv")
    assert known.are_reliable(os.makedev(0, 34), "/other")  # not Linux


@pytest.mark.parametrize(
    ("mtime_age", "ctime_age", "reliable", "expected"),
    [
        (10, 10, True, False),
        (1, 10, True, True),  # steps of two seconds
        (-100, 10, True, False),  # a time of modification can be set to any value
        (10, -100, True, True),  # our clock was set back
        (10, 0.001, True, True),
        (601, 601, False, False),
        (10, 601, False, True),  # the server's clock may be behind
        (-100, 601, False, True),  # or ahead
    ],
)
def test_stamps_that_may_repeat(mtime_age, ctime_age, reliable, expected):
    now = 2_000_000_000 * SECOND + 123
    status = SimpleNamespace(
        st_mtime_ns=now - int(mtime_age * SECOND), st_ctime_ns=now - int(ctime_age * SECOND)
    )
    assert may_repeat(status, now, reliable=reliable) is expected


def test_change_times_in_whole_seconds_may_repeat_for_two_seconds():
    now = 2_000_000_000 * SECOND
    status = SimpleNamespace(st_mtime_ns=0, st_ctime_ns=now - SECOND)
    assert may_repeat(status, now, reliable=True)
    assert not may_repeat(status, now + 2 * SECOND, reliable=True)


def test_a_file_changed_in_this_tick_is_read_in_the_next(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    now = time.time_ns()
    wait_for_next_tick(now + SECOND)  # the future: the stamp is not stored
    wait_for_next_tick(now - SECOND)
    wait_for_next_tick(None)
    assert slept == []
    monkeypatch.setattr(time, "time_ns", lambda: now)
    wait_for_next_tick(now - 1_000_000)
    assert slept == [pytest.approx(0.019)]


@pytest.fixture
def notes(collection, folder):
    """Return the indexed folder, with time stamps old enough to be stored."""
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 10**18))
    collection.index(folder)
    return folder


@pytest.fixture
def reads(monkeypatch):
    """Return the list of the paths that are read from now on."""
    from ragkit.ingest import reading

    paths = []

    def read(task, max_bytes, real=reading._read_bytes):
        paths.append(task.file.path)
        return real(task, max_bytes)

    monkeypatch.setattr(reading, "_read_bytes", read)
    return paths


def rewrite(path, old, new):
    """Change the content of a file, but not its size, time of modification and inode."""
    before = path.stat()
    with path.open("r+") as file:
        text = file.read().replace(old, new)
        file.seek(0)
        file.write(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (before.st_size, before.st_mtime_ns, before.st_ino) == (
        after.st_size, after.st_mtime_ns, after.st_ino
    )  # fmt: skip


def database(collection, sql, *arguments):
    with closing(sqlite3.connect(collection.folder / "ragkit.db")) as connection, connection:
        return connection.execute(sql, arguments).fetchall()


def test_content_that_changes_under_the_same_stamp_is_noticed(collection, notes, reads):
    rewrite(notes / "leave.txt", "half", "HALF")
    (hit,) = collection.search("parents at home", k=1)
    assert hit.stale
    assert collection.explain(notes / "leave.txt").state == "changed"
    assert done(collection.index(notes)) == {"updated": 1, "unchanged": 2}
    assert reads == ["leave.txt"]
    (hit,) = collection.search("parents at home", k=1)
    assert ("HALF" in hit.text, hit.stale) == (True, False)


def test_after_a_change_of_mode_the_content_decides(collection, notes, reads, encoder):
    encoder.encoded.clear()
    for path in notes.rglob("*.*"):
        path.chmod(0o600)
    assert done(collection.index(notes)) == {"unchanged": 3}
    assert sorted(reads) == ["keys.md", "leave.txt", "sub/cats.txt"]
    assert not collection.search("parents at home", k=1)[0].stale
    reads.clear()
    assert done(collection.index(notes)) == {"unchanged": 3}
    assert (reads, encoder.encoded) == ([], [])


def test_after_an_upgrade_nothing_is_read_and_change_times_are_filled_in(collection, notes, reads):
    database(collection, "UPDATE files SET ctime_ns = NULL")
    assert done(collection.index(notes)) == {"unchanged": 3}
    assert reads == []
    stored = dict(database(collection, "SELECT path, ctime_ns FROM files"))
    assert stored["leave.txt"] == (notes / "leave.txt").stat().st_ctime_ns
    assert None not in stored.values()


def test_a_dry_run_fills_in_nothing(collection, notes):
    database(collection, "UPDATE files SET ctime_ns = NULL")
    assert done(collection.index(notes, dry_run=True)) == {"unchanged": 3}
    assert set(database(collection, "SELECT ctime_ns FROM files")) == {(None,)}


def test_a_renamed_file_with_other_content_is_not_the_old_one(collection, notes):
    rewrite(notes / "leave.txt", "half", "HALF")
    (notes / "leave.txt").rename(notes / "parents.txt")
    assert done(collection.index(notes)) == {"added": 1, "removed": 1, "unchanged": 2}
    assert "HALF" in collection.search("parents at home", k=1)[0].text


def test_a_renamed_file_is_embedded_no_more_and_read_no_more(collection, notes, reads, encoder):
    encoder.encoded.clear()
    (notes / "leave.txt").rename(notes / "parents.txt")
    assert done(collection.index(notes)) == {"moved": 1, "unchanged": 2}
    assert done(collection.index(notes)) == {"unchanged": 3}
    assert (reads, encoder.encoded) == ([], [])


class TestUnreliable:
    """Where the system's change times are not reliable, a sample of the content is compared."""

    @pytest.fixture(autouse=True)
    def unreliable(self, monkeypatch):
        monkeypatch.setattr(change_times, "_is_reliable", lambda device, folder: False)

    def test_the_sample_shows_a_change(self, collection, notes, reads):
        rewrite(notes / "leave.txt", "half", "HALF")
        ctime_ns = (notes / "leave.txt").stat().st_ctime_ns
        database(collection, "UPDATE files SET ctime_ns = ? WHERE path = 'leave.txt'", ctime_ns)
        assert done(collection.index(notes, dry_run=True)) == {"updated": 1, "unchanged": 2}
        assert done(collection.index(notes)) == {"updated": 1, "unchanged": 2}
        assert reads == ["leave.txt"]

    def test_unchanged_files_are_not_read(self, collection, notes, reads):
        assert done(collection.index(notes)) == {"unchanged": 3}
        assert reads == []

    def test_files_without_a_sample_are_read_once(self, collection, notes, reads, encoder):
        encoder.encoded.clear()
        database(collection, "UPDATE files SET details = json_remove(details, '$.sample')")
        assert done(collection.index(notes)) == {"unchanged": 3}
        assert len(reads) == 3
        assert done(collection.index(notes)) == {"unchanged": 3}
        assert (len(reads), encoder.encoded) == (3, [])

    @pytest.mark.parametrize("seconds", [-300, -3, 0, 3, 3600])
    def test_a_second_change_is_noticed_whatever_the_clock_of_the_server(
        self, collection, folder, seconds
    ):
        """Both changes get the same stamp of a clock that differs from ours."""
        path = folder / "leave.txt"
        stamp = time.time_ns() + seconds * SECOND
        os.utime(path, ns=(stamp, stamp))
        collection.index(folder)
        rewrite(path, "half", "HALF")
        ctime_ns = path.stat().st_ctime_ns
        database(collection, "UPDATE files SET ctime_ns = ? WHERE path = 'leave.txt'", ctime_ns)
        assert collection.index(folder).updated == 1


def test_the_time_of_a_file_just_written_can_be_filtered(collection, folder, reads):
    collection.index(folder)
    entries = {entry.path: entry.id for entry in collection.documents()}
    for path, document_id in entries.items():
        moment = int((folder / path).stat().st_mtime)
        shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
        assert collection.file_fields([document_id])[document_id]["mtime"] == shown
    (year,) = {value.label for value in collection.facets()["date"]}
    found = collection.search("parents at home", where={"mtime": year})
    assert {hit.path for hit in found} == set(entries)
    reads.clear()
    collection.index(folder)
    assert set(reads) == set(entries)  # its stamp does not show a change in the same moment


def test_a_stamp_that_may_repeat_is_stored_when_it_is_old_enough(collection, folder, reads):
    collection.index(folder)
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, 10**18))
    time.sleep(0.03)  # a tick of the clock after the change
    assert collection.index(folder).unchanged == 3
    reads.clear()
    assert collection.index(folder).unchanged == 3
    assert reads == []
