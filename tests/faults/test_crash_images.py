"""The model of a disk that loses power: what was flushed is there, the rest may be."""

from __future__ import annotations

import random

import pytest

from tests.faults.crash_images import (
    CREATE,
    FSYNC,
    LINK,
    MKDIR,
    RENAME,
    STRATEGIES,
    TRUNCATE,
    UNLINK,
    WRITE,
    Call,
    Disk,
)


class Recorder:
    """A disk with a folder "kit", and short names for the calls of a log."""

    def __init__(self, tmp_path):
        self.folder = tmp_path / "kit"
        self.folder.mkdir(exist_ok=True)
        self.disk = Disk(self.folder)

    def call(self, record, path="", path2="", inode=0, offset=0, data=b""):
        paths = [str(self.folder / name) if name else "" for name in (path, path2)]
        self.disk.apply(Call(record, *paths, inode, offset, data))

    def states(self, strategy, rounds=40):
        """Return the different folders that a power cut may leave: path → content."""
        states = []
        for seed in range(rounds):
            self.disk.crash(self.folder, strategy, random.Random(seed))
            state = {
                path.relative_to(self.folder).as_posix(): path.read_bytes()
                for path in self.folder.rglob("*")
                if path.is_file()
            }
            if state not in states:
                states.append(state)
        return states


@pytest.fixture
def recorder(tmp_path):
    return Recorder(tmp_path)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_was_flushed_with_its_name_is_always_there(recorder, strategy):
    recorder.call(CREATE, "a", inode=7)
    recorder.call(WRITE, inode=7, data=b"content")
    recorder.call(FSYNC, "a", inode=7)
    recorder.call(FSYNC, ".", inode=1)
    recorder.disk.apply(Call(FSYNC, str(recorder.folder), "", 1, 0, b""))
    assert recorder.states(strategy) == [{"a": b"content"}]


def test_a_file_whose_name_was_not_flushed_may_be_gone(recorder):
    recorder.call(CREATE, "a", inode=7)
    recorder.call(WRITE, inode=7, data=b"content")
    recorder.call(FSYNC, "a", inode=7)
    assert recorder.states("lost") == [{}]
    assert sorted(map(str, recorder.states("reordered"))) == ["{'a': b'content'}", "{}"]


def test_a_rename_without_a_flush_of_the_content_gives_an_empty_file(recorder):
    recorder.call(CREATE, "tmp", inode=7)
    recorder.call(WRITE, inode=7, data=b"content")
    recorder.call(RENAME, "tmp", "a")
    recorder.disk.apply(Call(FSYNC, str(recorder.folder), "", 1, 0, b""))
    assert recorder.states("lost") == [{"a": b""}]


def test_writes_arrive_in_any_order_and_in_part(tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "a").write_bytes(b"-" * 2048)
    recorder = Recorder(tmp_path)
    inode = (tmp_path / "kit" / "a").stat().st_ino
    recorder.call(WRITE, inode=inode, data=b"1" * 1024)
    recorder.call(WRITE, inode=inode, offset=1024, data=b"2" * 1024)
    contents = {state["a"][::512] for state in recorder.states("reordered")}
    assert contents == {b"----", b"11--", b"--22", b"1122"}
    torn = {state["a"][::512] for state in recorder.states("torn", 200)}
    assert {b"1-2-", b"-1-2"} <= torn


def test_truncation_removal_and_links(tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "a").write_bytes(b"0123456789")
    recorder = Recorder(tmp_path)
    inode = (tmp_path / "kit" / "a").stat().st_ino
    recorder.call(MKDIR, "sub")
    recorder.call(LINK, "a", "sub/b")
    recorder.call(UNLINK, "a")
    recorder.call(TRUNCATE, inode=inode, offset=4)
    recorder.call(FSYNC, "sub")
    assert recorder.states("lost") == [{"a": b"0123456789"}]  # "sub" is not a flushed name
    recorder.disk.apply(Call(FSYNC, str(recorder.folder), "", 1, 0, b""))
    assert recorder.states("lost") == [{"sub/b": b"0123456789"}]
    recorder.call(FSYNC, inode=inode)
    assert recorder.states("lost") == [{"sub/b": b"0123"}]
