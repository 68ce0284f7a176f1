"""Reading files: without permission, changed while they are read, or with unusual names."""

import os
import time

import pytest


def status(collection, path):
    return next((file.status, file.reason) for file in collection.files() if file.path == path)


@pytest.fixture
def unreadable_names(monkeypatch):
    """Return a set of file names; opening these files fails. (root may open every file.)"""
    names = set()
    real = os.open

    def open_(path, *arguments, **named):
        if os.path.split(path)[1] in names:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", open_)
    return names


def test_an_unreadable_file_is_recorded_and_read_in_the_next_run(
    collection, folder, unreadable_names
):
    unreadable_names.add("leave.txt")
    report = collection.index(folder)
    assert (report.added, report.failed) == (2, 1)
    assert status(collection, "leave.txt") == ("failed", "permission denied")
    unreadable_names.clear()
    report = collection.index(folder)
    assert (report.added, report.failed) == (1, 0)


def test_a_file_that_can_no_longer_be_opened_keeps_its_text(collection, folder, unreadable_names):
    collection.index(folder)
    (folder / "leave.txt").write_text("Parents may stay for a whole year.")
    unreadable_names.add("leave.txt")
    for _ in range(2):
        report = collection.index(folder)
        assert report.failed == 1
        reason = status(collection, "leave.txt")[1]
        assert reason == "permission denied; its earlier text is kept"
    (hit,) = collection.search("parents at home", k=1)
    assert (hit.text, hit.stale) == ("Parents may stay at home for half a year.", True)


def test_a_file_that_is_no_longer_a_document_loses_its_text(collection, folder):
    collection.index(folder)
    (folder / "leave.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    collection.index(folder)
    assert status(collection, "leave.txt")[0] == "skipped"
    assert all(hit.path != "leave.txt" for hit in collection.search("parents at home", k=9))


def test_a_file_over_the_size_limit_is_skipped(open_collection, folder):
    from ragkit import Settings

    (folder / "big.txt").write_text("x " * 1000)
    collection = open_collection(Settings(max_file_mb=0.001))
    collection.index(folder)
    assert status(collection, "big.txt") == ("skipped", "larger than 1 kB")


def test_a_file_modified_just_before_indexing_is_compared_by_content(collection, folder):
    """Its time stamp may be too coarse to show a second change."""
    path = folder / "leave.txt"
    collection.index(folder)
    stamp = path.stat()
    path.write_text(path.read_text().replace("half", "HALF"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    report = collection.index(folder)
    assert report.updated == 1
    assert "HALF" in collection.search("parents at home", k=1)[0].text


def test_a_file_with_unchanged_size_and_time_is_not_opened(collection, folder, unreadable_names):
    for path in folder.rglob("*.*"):
        os.utime(path, ns=(0, time.time_ns() - 10**10))
    collection.index(folder)
    unreadable_names.update(path.name for path in folder.rglob("*.*"))
    report = collection.index(folder)
    assert (report.unchanged, report.failed) == (3, 0)


def test_a_folder_that_cannot_be_listed_keeps_its_documents(collection, folder, monkeypatch):
    collection.index(folder)
    real = os.scandir

    def scandir(path):
        if str(path).rstrip("/").endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = collection.index(folder)
    assert (report.removed, report.skipped) == (0, 1)
    assert collection.search("cats sleep", k=1)[0].path == "sub/cats.txt"


def test_files_with_unusual_names_are_indexed_and_cited(collection, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    names = [
        "with space.txt",
        "new\nline.txt",
        "ünïcødé 文.txt",
        "a#L3.txt",
        "-dash.txt",
        "%s'\".txt",
    ]
    for name in names:
        (folder / name).write_text(f"This file speaks of {name.split('.')[0]} things.")
    assert collection.index(folder).added == len(names)
    hits = {hit.path: hit for hit in collection.search("things", k=20)}
    assert set(hits) == set(names)
    for hit in hits.values():
        assert collection.get(hit.citation).text == hit.text


def test_a_watched_folder_is_indexed_as_it_changes(open_collection, folder):
    import threading

    collection = open_collection()
    collection.index(folder)
    stop = threading.Event()
    reports = []

    def watch():
        for report in collection.watch(folder, stop=stop):
            reports.append(report)
            stop.set()

    thread = threading.Thread(target=watch)
    thread.start()
    deadline = time.monotonic() + 30
    number = 0
    while thread.is_alive() and time.monotonic() < deadline:
        number += 1  # again and again: the watch may not have begun yet
        (folder / "new.txt").write_text(f"Something new, number {number}.")
        thread.join(timeout=2)
    stop.set()
    thread.join(timeout=10)
    assert [report.added for report in reports] == [1]
