"""Reading a collection in a folder that this user may not write, while other processes write.

The reader is a process of its own, without permission to write; as root it becomes another user.
"""

import os
import sqlite3
import subprocess
import sys
import time

import pytest

from ragkit.errors import CollectionError
from ragkit.storage.sqlite import connection as connections
from ragkit.storage.sqlite.database import Database
from tests.conftest import open_to_others

NOBODY = 65534
READER = """
import os, sys
import urllib.parse  # of Path.as_uri, which Python 3.13 imports when it is called
from pathlib import Path
from ragkit.errors import CollectionError
from ragkit.storage.sqlite.database import Database

uid = int(sys.argv[2])  # only now: the other user may not read Python's own files
os.setgroups([])
os.setgid(uid)
os.setuid(uid)

def read(store):
    def once():
        with store.reading() as connection:
            rows = [row[0] for row in connection.execute("SELECT path FROM roots ORDER BY id")]
            total = connection.execute("SELECT sum(length(include)) FROM roots").fetchone()[0]
            return len(rows), total, len(set(rows)), connection.stamp is not None
    return store.retry(once)

store = None
for line in sys.stdin:
    try:
        if store is None:
            store = Database(Path(sys.argv[1]))
        count, total, distinct, immutable = read(store)
        assert store.read_only and count == distinct and (total or 0) == 2000 * count
        print(count, "immutable" if immutable else "live", flush=True)
    except CollectionError as error:
        print("error", error, flush=True)
"""


class Reader:
    """A process that reads the collection for each line that it gets, and answers with a line."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(folder), str(NOBODY)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        )  # fmt: skip

    def read(self):
        self.process.stdin.write("read\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split(maxsplit=1)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def add(store, *numbers):
    with store.writing() as connection:
        for number in numbers:
            connection.execute(
                "INSERT INTO roots (path, folder, include) VALUES (?, '', ?)",
                (f"/{number}", "x" * 2000),
            )


def without_locks(folder):
    """Return a store that reads as where neither the file nor the folder may be written."""
    store = Database(folder)
    store.close()
    store.read_only, store._connect = True, store._connect_immutable
    return store


@pytest.fixture
def shared(tmp_path):
    """Return a collection that its owner may write and others may read only."""
    open_to_others(tmp_path)
    store = Database(tmp_path / "kit", create=True)
    (tmp_path / "kit").chmod(0o755)
    add(store, 1)
    yield store
    store.close()


@pytest.fixture
def reader(shared):
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    reader = Reader(shared.folder)
    yield reader
    reader.close()


def test_a_reader_sees_what_is_written_while_the_writer_is_open(shared, reader):
    assert reader.read() == ["1", "live\n"]
    for number in range(2, 6):
        add(shared, number)
        assert reader.read() == [str(number), "live\n"]


def test_a_reader_sees_what_was_written_between_two_reads(shared, reader):
    shared.close()
    assert reader.read() == ["1", "immutable\n"]
    add(shared, 2)
    shared.close()  # which merges the log: the file has changed and no log is left
    assert reader.read() == ["2", "immutable\n"]
    add(shared, 3)
    assert reader.read() == ["3", "live\n"]


def test_a_reader_is_right_while_a_writer_opens_writes_and_closes(shared, reader):
    """The file that the reader has open without locks changes below it again and again."""
    writer = subprocess.Popen(
        [sys.executable, "-c",
         "import sys; from pathlib import Path\n"
         "from ragkit.storage.sqlite.database import Database\n"
         "for number in range(2, 42):\n"
         "    store = Database(Path(sys.argv[1]))\n"
         "    with store.writing() as connection:\n"
         "        connection.execute(\"INSERT INTO roots (path, folder, include) \"\n"
         "            \"VALUES (?, '', ?)\", (f'/{number}', 'x' * 2000))\n"
         "    store.close()\n",
         str(shared.folder)],
    )  # fmt: skip
    shared.close()
    seen = []
    while writer.poll() is None:
        seen.append(reader.read())
    assert writer.wait() == 0
    assert reader.read()[0] == "41"
    counts = [int(answer[0]) for answer in seen if answer[0] != "error"]
    assert counts == sorted(counts)
    assert [answer for answer in seen if answer[0] == "error"] == []


def test_the_log_of_a_killed_writer_is_read(shared, reader):
    code = (
        "import os, sys; from pathlib import Path\n"
        "from ragkit.storage.sqlite.database import Database\n"
        "store = Database(Path(sys.argv[1]))\n"
        "with store.writing() as connection:\n"
        "    connection.execute(\"INSERT INTO roots (path, folder, include) "
        "VALUES ('/2', '', ?)\", ('x' * 2000,))\n"
        "os._exit(9)"
    )  # fmt: skip
    shared.close()
    subprocess.run([sys.executable, "-c", code, str(shared.folder)], check=False)
    assert (shared.folder / "ragkit.db-wal").stat().st_size
    assert reader.read() == ["2", "live\n"]


def test_a_log_without_its_index_names_the_remedy(shared, reader):
    add(shared, 2)
    other = shared.folder.parent / "copy"
    other.mkdir()
    for name in ("ragkit.db", "ragkit.db-wal"):
        (other / name).write_bytes((shared.folder / name).read_bytes())
    other.chmod(0o755)
    copied = Reader(other)
    kind, message = copied.read()
    copied.close()
    assert kind == "error"
    assert "Open it once where it can be written: ragkit status" in message


def test_a_read_only_folder_without_a_writer(shared, make_read_only):
    shared.close()
    with make_read_only(shared.folder):
        store = Database(shared.folder)
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM roots").fetchone()[0] == 1
        with pytest.raises(CollectionError, match="it is read-only"), store.writing():
            pass
        store.close()


def test_a_file_that_changes_during_a_read_without_locks_is_read_again(shared):
    shared.close()
    reading = without_locks(shared.folder)
    counts = []

    def read():
        with reading.reading() as connection:
            counts.append(connection.execute("SELECT count(*) FROM roots").fetchone()[0])
            if len(counts) == 1:
                add(shared, 2)
                shared.close()
        return counts[-1]

    assert reading.retry(read) == 2
    assert counts == [1, 2]
    reading.close()


def test_an_error_after_a_change_is_not_called_damage(shared):
    shared.close()
    reading = without_locks(shared.folder)
    again = pytest.raises(connections.SnapshotError, match="run the same command again")
    with again, reading.reading():
        add(shared, 2)
        shared.close()
        raise sqlite3.DatabaseError("database disk image is malformed")
    reading.close()


def test_a_file_written_just_now_is_given_time_to_settle(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"1")
    connections.settled_stamp(path)
    age = time.time_ns() - path.stat().st_mtime_ns
    assert age >= connections.SETTLED_SECONDS * 1e9
