"""Reading files: without permission, changed while they are read, or with unusual names."""

import os
import sys
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


def test_a_moved_file_that_cannot_be_read_keeps_its_text(collection, folder, unreadable_names):
    collection.index(folder)
    (folder / "leave.txt").rename(folder / "absence.txt")
    (folder / "absence.txt").touch()  # its stamp does not say that it is the same file
    unreadable_names.add("absence.txt")
    for _ in range(2):
        report = collection.index(folder)
        assert (report.removed, report.failed) == (0, 1)
        assert "leave.txt is missing, and its text is kept" in report.warnings[0]
        assert "absence.txt, which cannot be read" in report.warnings[0]
    (hit,) = collection.search("parents at home", k=1)
    assert hit.path == "leave.txt"
    unreadable_names.clear()
    report = collection.index(folder)
    assert (report.removed, report.failed, report.warnings) == (1, 0, ())
    (hit,) = collection.search("parents at home", k=1)
    assert hit.path == "absence.txt"


def test_prune_removes_what_may_have_moved(collection, folder, unreadable_names):
    collection.index(folder)
    (folder / "leave.txt").rename(folder / "absence.txt")
    (folder / "absence.txt").touch()
    unreadable_names.add("absence.txt")
    report = collection.index(folder, prune=True)
    assert (report.removed, report.failed) == (1, 1)


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
    deadline = time.monotonic() + 60
    number = 0
    while thread.is_alive() and time.monotonic() < deadline:
        number += 1  # again and again: the watch may not have begun yet
        (folder / "new.txt").write_text(f"Something new, number {number}.")
        thread.join(timeout=2)
    stop.set()
    thread.join(timeout=60)
    assert [report.added for report in reports] == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "nothing", "folder becomes a link"])
def test_a_file_that_changes_between_listing_and_reading_is_not_followed(
    collection, folder, tmp_path, monkeypatch, kind
):
    """No other program can make an index run read a file outside its root, or wait for ever."""
    from ragkit.ingest import reading

    (tmp_path / "outside").mkdir()
    secret = tmp_path / "outside" / "cats.txt"
    secret.write_text("A secret outside the root.")
    path = folder / "sub" / "cats.txt"
    replaced = []

    def replace(task, max_bytes, real=reading._read_bytes):
        if task.file.path == "sub/cats.txt" and not replaced:
            replaced.append(path.rename(tmp_path / "old.txt"))
            if kind == "link":
                path.symlink_to(secret)
            elif kind == "fifo":
                os.mkfifo(path)
            elif kind == "folder":
                path.mkdir()
            elif kind == "folder becomes a link":
                path.parent.rmdir()
                path.parent.symlink_to(secret.parent)
        return real(task, max_bytes)

    monkeypatch.setattr(reading, "_read_bytes", replace)
    report = collection.index(folder)
    assert (report.added, report.failed) == (2, 1)
    assert collection.search("secret", k=9, mode="lexical") == []
    assert "sub/cats.txt" in [missing.path for missing in report.missing]
    report = collection.index(folder)  # as it is listed now
    assert report.failed == 0
    assert collection.search("secret", k=9, mode="lexical") == []


def test_a_file_replaced_by_another_between_listing_and_reading_is_read(
    collection, folder, monkeypatch
):
    """As an editor saves it: the new file is a regular file at the listed path."""
    from ragkit.ingest import reading

    path = folder / "leave.txt"

    def replace(task, max_bytes, real=reading._read_bytes):
        if task.file.path == "leave.txt":
            temporary = path.with_suffix(".tmp")
            temporary.write_text("Parents may stay for ever.")
            temporary.replace(path)
        return real(task, max_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(reading, "_read_bytes", replace)
        collection.index(folder)
    (hit,) = collection.search("parents stay", k=1)
    assert (hit.text, hit.stale) == ("Parents may stay for ever.", False)
    assert collection.index(folder).unchanged == 3


def test_a_file_that_grows_beyond_the_limit_after_its_listing_keeps_its_text(
    open_collection, folder, monkeypatch
):
    from ragkit import Settings
    from ragkit.ingest import reading

    collection = open_collection(Settings(max_file_mb=0.001))
    collection.index(folder)

    def grow(task, max_bytes, real=reading._read_bytes):
        if task.file.path == "leave.txt":
            (folder / "leave.txt").write_text("x " * 1000)
        return real(task, max_bytes)

    (folder / "leave.txt").write_text("Parents may stay for a year.")
    monkeypatch.setattr(reading, "_read_bytes", grow)
    report = collection.index(folder)
    assert report.skipped == 1
    expected = "larger than 1 kB; its earlier text is kept"
    assert status(collection, "leave.txt") == ("skipped", expected)
    collection.index(folder)
    assert status(collection, "leave.txt") == ("skipped", "larger than 1 kB")


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "I/O error")]
)
def test_an_unreadable_root_is_reported_and_the_others_are_indexed(
    collection, folder, tmp_path, monkeypatch, error
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "birds.txt").write_text("Birds sing.")
    collection.index([folder, other])
    real = os.stat

    def refuse(path, *arguments, **named):
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(str(folder)):
            raise error
        return real(path, *arguments, **named)

    (other / "new.txt").write_text("Something new.")
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refuse)
        expected = collection.index(dry_run=True)
        report = collection.index()
    assert (report.added, report.unchanged, report.failed, report.removed) == (1, 1, 1, 0)
    assert (expected.added, expected.failed) == (1, 1)
    reason = "permission denied" if error.errno == 13 else "i/o error"
    assert report.warnings == (f"cannot read {folder}: {reason}; its documents are kept",)
    (unread,) = report.documents
    assert (unread.root, unread.path, unread.status, unread.reason) == (
        str(folder), "./", "failed", reason
    )  # fmt: skip
    assert [missing.kind for missing in report.missing] == ["unreadable"]  # --strict exits with 2
    assert collection.search("cats sleep", k=1)[0].path == "sub/cats.txt"
    report = collection.index()
    assert (report.unchanged, report.failed, report.removed) == (5, 0, 0)


def test_a_new_path_that_cannot_be_read_is_an_error(collection, tmp_path, monkeypatch):
    from ragkit.errors import UsageError

    real = os.lstat

    def refuse(path, *arguments, **named):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    (tmp_path / "locked").mkdir()
    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(UsageError, match="locked: permission denied"):
        collection.index(tmp_path / "locked")
