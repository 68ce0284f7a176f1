"""Watching for changes, and waiting for another process that writes."""

import queue
import shutil
import threading
import time

import pytest

from ragkit.errors import BusyError
from ragkit.ingest import watch


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch):
    monkeypatch.setattr(watch, "RETRY_SECONDS", 0.001)


def test_a_busy_collection_is_retried_and_reported_once():
    outcomes = [BusyError("locked by 1"), BusyError("locked by 1"), "report"]
    notices = []

    def run():
        outcome = outcomes.pop(0)
        if isinstance(outcome, BusyError):
            raise outcome
        return outcome

    assert watch.retry_while_busy(run, notices.append) == "report"
    assert len(notices) == 1
    assert notices[0].startswith("locked by 1")


def test_no_retry_after_stop():
    stop = threading.Event()
    stop.set()
    assert watch.retry_while_busy(lambda: pytest.fail("it ran"), print, stop) is None


def test_other_errors_are_not_retried():
    def run():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        watch.retry_while_busy(run, print)


def test_watching_ends_when_stop_is_set(tmp_path):
    stop = threading.Event()
    stop.set()
    assert list(watch.watch_changes([tmp_path], tmp_path / ".ragkit", stop)) == []


@pytest.fixture
def watched(monkeypatch):
    """Return a function that watches paths on a thread, and returns one that waits until a change
    is reported after the call of its argument. All threads end with the test."""
    monkeypatch.setattr(watch, "DEBOUNCE_MS", 50)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.1)
    stop, threads = threading.Event(), []

    def start(*paths):
        reports = queue.SimpleQueue()

        def run():
            for _ in watch.watch_changes(paths, paths[0] / "no such folder", stop):
                reports.put(states_of(paths))

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()

        def expect(change):
            change()
            changed = states_of(paths)
            while reports.get(timeout=60) != changed:
                pass  # a report of what happened before

        return expect

    yield start
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def states_of(paths):
    """What is at these paths, without waiting; None while it changes."""
    try:
        return [
            [
                (str(entry), entry.stat().st_ino, entry.read_text() if entry.is_file() else "")
                for entry in [path, *sorted(path.rglob("*"))]
                if entry.exists()
            ]
            for path in paths
        ]
    except OSError:
        return None


def save_atomically(path, text):
    """Replace a file as editors do."""
    temporary = path.with_name(f".{path.name}.swp")
    temporary.write_text(text)
    temporary.replace(path)


def test_a_single_file_is_watched_through_many_atomic_saves(watched, tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("0")
    expect = watched(path)
    for number in range(1, 4):
        expect(lambda number=number: save_atomically(path, str(number)))
    expect(path.unlink)
    expect(lambda: path.write_text("again"))
    expect(lambda: path.write_text("once more"))


def test_a_folder_that_is_deleted_and_made_again_is_watched_on(watched, tmp_path):
    folder, other = tmp_path / "a" / "notes", tmp_path / "other"
    for path in (folder, other):
        path.mkdir(parents=True)
    expect = watched(folder, other)
    expect(lambda: (folder / "x.txt").write_text("1"))
    for _ in range(2):
        expect(lambda: shutil.rmtree(folder.parent))
        expect(lambda: (other / "y.txt").write_text("1"))  # the others are still watched
        expect(lambda: folder.mkdir(parents=True))
        expect(lambda: (folder / "x.txt").write_text("2"))
        (other / "y.txt").unlink()


def test_a_folder_replaced_by_another_is_watched(watched, tmp_path):
    folder, new = tmp_path / "notes", tmp_path / "new"
    folder.mkdir()
    new.mkdir()
    expect = watched(folder)

    def replace():
        folder.rename(tmp_path / "old")
        new.rename(folder)

    expect(replace)
    expect(lambda: (folder / "x.txt").write_text("1"))


def test_paths_that_do_not_exist_yet_are_watched(watched, tmp_path):
    folder, file = tmp_path / "later", tmp_path / "later.txt"
    expect = watched(folder, file)
    expect(lambda: file.write_text("1"))
    expect(folder.mkdir)
    expect(lambda: (folder / "x.txt").write_text("1"))


def test_changes_of_the_collection_itself_are_ignored(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "DEBOUNCE_MS", 50)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.1)
    own = tmp_path / ".ragkit"
    own.mkdir()
    reports = watch.watch_changes([tmp_path], own)
    next(reports)  # that the watch has begun
    stop = threading.Event()

    def write():
        for number in range(20):
            (own / f"{number}.db").write_text("x")
        (tmp_path / "end.txt").write_text("x")
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    next(reports)
    assert stop.is_set() or (tmp_path / "end.txt").exists()
    thread.join()
    reports.close()


@pytest.mark.parametrize("name", ["leave.txt", ""])
def test_a_collection_watches_a_path_that_goes_and_comes_back(
    open_collection, folder, monkeypatch, name
):
    monkeypatch.setattr(watch, "DEBOUNCE_MS", 50)
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.1)
    states, real_state = [], watch._state

    def state(path):
        states.append(real_state(path))
        return states[-1]

    monkeypatch.setattr(watch, "_state", state)
    collection, path, stop = open_collection(), folder / name, threading.Event()
    collection.index(path)
    reports = queue.SimpleQueue()

    def run():
        for report in collection.watch(path, stop=stop):
            reports.put(report)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for number in range(2):
            save_atomically(folder / "leave.txt", f"Parents stay for {number} years.")
            assert reports.get(timeout=60).updated == 1
            away = path.rename(folder.parent / "away")
            states.clear()
            wait_for(lambda: None in states)  # the watch has noticed
            away.rename(path)
        save_atomically(folder / "leave.txt", "Parents stay for ever.")
        assert reports.get(timeout=60).updated == 1
    finally:
        stop.set()
        thread.join(timeout=60)
    assert "for ever" in collection.search("parents stay", k=1)[0].text


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
