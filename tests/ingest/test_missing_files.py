"""Missing files: which are removed, and which are kept until `--prune`.

Each story of over-deletion in other tools has a test here: memsearch#613, LEANN#386, oikb#41 and
#101 (a run over a part removes the rest), qmd PR#851 (an empty mount empties the index).
"""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragkit import Settings
from ragkit.ingest import missing_files
from ragkit.ingest.missing_files import KnownFiles, MissingPath, decide, format_warning
from ragkit.storage.sqlite.files import FileRow
from tests.ingest.test_run import done, paths


def missing(path, documents=1, *, has_text=True):
    row = FileRow(hash(path), 1, path, 1, 1, 1, b"", "indexed", None, "base", has_text)
    return MissingPath(row, path, documents)


def known(files, documents=None, present=("", "a"), unmounted=()):
    return KnownFiles(files, documents or files, frozenset(present), unmounted)


def kept_paths(files, state):
    decision = decide(files, state)
    kept = [file.path for file in decision.kept]
    assert sorted([*kept, *(row.path for row in decision.removable)]) == sorted(
        file.path for file in files
    )
    return kept


@pytest.mark.parametrize(
    ("count", "files", "are_kept"), [(1, 2, False), (9, 10, False), (10, 40, False), (10, 39, True)]
)
def test_ten_files_and_a_quarter_are_many(count, files, are_kept):
    gone = [missing(f"a/{number}.txt") for number in range(count)]
    assert bool(kept_paths(gone, known(files))) is are_kept


@pytest.mark.parametrize(
    ("documents", "of", "are_kept"), [(19, 20, False), (20, 80, False), (20, 79, True)]
)
def test_twenty_documents_and_a_quarter_are_many(documents, of, are_kept):
    gone = [missing("a/mails.mbox", documents)]
    assert bool(kept_paths(gone, known(9, of))) is are_kept


@pytest.mark.parametrize(
    ("files", "are_kept"),
    [
        ([missing("b/x.txt")], False),  # the only file of its folder was deleted
        ([missing("b/x.txt"), missing("b/c/y.txt")], True),
        ([missing("b/x.txt", 2)], True),
        ([missing("a/x.txt"), missing("a/y.txt")], False),  # others are left in a
    ],
)
def test_files_of_an_empty_or_missing_folder_are_kept(files, are_kept):
    assert bool(kept_paths(files, known(100))) is are_kept


def test_any_file_of_an_empty_root_is_kept():
    assert kept_paths([missing("x.txt")], known(1, present=())) == ["x.txt"]


def test_any_file_of_a_file_system_that_is_not_mounted_is_kept():
    state = known(100, unmounted=("b/", "c/d/"))
    assert kept_paths([missing("b/x"), missing("a/x"), missing("c/d/x")], state) == ["b/x", "c/d/x"]


def test_files_without_text_are_always_removed():
    assert kept_paths([missing("b/x", has_text=False)], known(1, present=())) == []


def test_the_warning_names_the_places_and_the_command():
    state = known(9, 500, unmounted=("usb/",))
    files = [missing("usb/x"), missing("b/x", 300), *(missing(f"c{n}/x", 2) for n in range(4))]
    assert format_warning(decide(files, state), state, Path("/my notes")) == (
        "6 of 9 files (309 of 500 documents) in /my notes are missing; not mounted now: usb/; no "
        "files are left in b/, c0/, c1/ and 2 more; their passages are kept, in case a disk is not "
        "mounted. To delete them: ragkit index --prune '/my notes'"
    )


@pytest.fixture
def disk(collection, tmp_path):
    """Return an indexed folder with five files in `usb/` and ten beside it."""
    folder = tmp_path / "disk"
    (folder / "usb").mkdir(parents=True)
    for number in range(15):
        place = folder / "usb" if number < 5 else folder
        (place / f"{number}.txt").write_text(f"Number {number}.")
    collection.index(folder)
    return folder


def test_deleted_files_are_removed(collection, disk):
    (disk / "7.txt").unlink()
    (disk / "usb" / "1.txt").unlink()
    report = collection.index(disk)
    assert (done(report), report.warnings) == ({"unchanged": 13, "removed": 2}, ())


@pytest.mark.parametrize("as_root", [True, False])
def test_a_root_with_one_file_of_many_records_is_kept(
    collection, open_collection, tmp_path, as_root
):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "rows.jsonl").write_text(
        "".join(json.dumps({"text": f"Row {number}."}) + "\n" for number in range(500))
    )
    collection = open_collection(Settings(records=True, passage_tokens=40, overlap=0.0))
    root = folder if as_root else folder / "rows.jsonl"
    collection.index(root)
    (folder / "rows.jsonl").unlink()
    report = collection.index()
    assert (report.removed, collection.status().documents, len(report.warnings)) == (0, 500, 1)
    if as_root:
        assert "1 of 1 files (500 of 500 documents)" in report.warnings[0]
        assert collection.index(folder, prune=True).removed == 1
        assert collection.status().documents == 0


@pytest.mark.parametrize("vanished", [True, False])
def test_a_folder_without_its_few_files_is_kept_until_prune(collection, disk, vanished):
    shutil.rmtree(disk / "usb")
    if not vanished:
        (disk / "usb").mkdir()
    for _ in range(2):
        report = collection.index(disk)
        assert done(report) == {"unchanged": 10}
        assert "5 of 15 files" in report.warnings[0]
        assert "no files are left in usb/" in report.warnings[0]
    assert collection.search("number 3", k=1)[0].stale
    assert done(collection.index(disk, prune=True)) == {"unchanged": 10, "removed": 5}


def test_hidden_files_do_not_count_as_files_of_a_folder(collection, disk):
    shutil.rmtree(disk / "usb")
    (disk / "usb").mkdir()
    (disk / "usb" / ".DS_Store").write_bytes(b"x")
    report = collection.index(disk)
    assert (report.removed, len(report.warnings)) == (0, 1)


def test_kept_files_are_unchanged_when_they_return(collection, disk, encoder):
    (disk / "usb").rename(disk.parent / "unplugged")
    collection.index(disk)
    (disk.parent / "unplugged").rename(disk / "usb")
    encoder.encoded.clear()
    report = collection.index(disk)
    assert (done(report), report.warnings, encoder.encoded) == ({"unchanged": 15}, (), [])


def test_a_dry_run_reports_the_same(collection, disk):
    shutil.rmtree(disk / "usb")
    (disk / "7.txt").unlink()
    expected, real = collection.index(disk, dry_run=True), collection.index(disk)
    assert done(expected) == done(real) == {"unchanged": 9, "removed": 1}
    assert expected.warnings == real.warnings


def test_many_missing_files_below_half_are_kept(collection, disk):
    for number in range(5, 10):
        (disk / f"{number}.txt").unlink()
    assert collection.index(disk).removed == 5  # few
    for number in range(20, 60):
        (disk / f"{number}.txt").write_text(f"Number {number}.")
    collection.index(disk)
    for number in range(20, 35):
        (disk / f"{number}.txt").unlink()
    report = collection.index(disk)
    assert (report.removed, len(report.warnings)) == (0, 1)  # 15 of 50
    assert collection.index(disk, prune=True).removed == 15


def test_a_run_over_a_part_removes_nothing_else(collection, disk):
    """memsearch#613, LEANN#386, oikb#101."""
    before = set(paths(collection))
    collection.index(disk / "7.txt")
    collection.index(disk / "usb")
    collection.index([disk / "8.txt", disk / "usb" / "1.txt"])
    (disk / "new").mkdir()
    (disk / "new" / "x.txt").write_text("New.")
    collection.index(disk / "new")
    assert set(paths(collection)) == before | {"new/x.txt"}


def test_documents_that_no_folder_contains_stay(collection, disk, tmp_path):
    """oikb#41: what came another way is not removed with the next run."""
    (tmp_path / "letter.txt").write_text("A letter.")
    collection.index(tmp_path / "letter.txt")
    assert done(collection.index(disk)) == {"unchanged": 15}
    assert "letter.txt" in paths(collection)


@contextmanager
def mounted(folder):
    """Mount a RAM disk at `folder`."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if (
        shutil.which("mount") is None
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("this user may not mount file systems")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("left", ["nothing", "another file", "no folder"])
def test_a_mounted_disk_that_is_not_mounted_now_keeps_its_files(collection, tmp_path, left):
    """qmd PR#851, for a mount point inside the root that had one file."""
    folder = tmp_path / "root"
    (folder / "mnt").mkdir(parents=True)
    (folder / "home.txt").write_text("At home.")
    with mounted(folder / "mnt"):
        (folder / "mnt" / "a.txt").write_text("On the disk.")
        assert done(collection.index(folder)) == {"added": 2}
    if left == "another file":
        (folder / "mnt" / "local.txt").write_text("Below the mount point.")
    if left == "no folder":
        (folder / "mnt").rmdir()
    for _ in range(2):
        report = collection.index(folder)
        assert report.removed == 0
        assert "1 of 2 files" in report.warnings[0] or "1 of 3 files" in report.warnings[0]
        assert "not mounted now: mnt/" in report.warnings[0]
    assert collection.search("on the disk", k=1)[0].path == "mnt/a.txt"
    assert collection.index(folder, prune=True).removed == 1
    assert collection.index(folder).warnings == ()


def test_a_root_inside_a_mounted_disk_keeps_its_files(collection, tmp_path):
    disk = tmp_path / "disk"
    (disk / "notes").mkdir(parents=True)
    (disk / "notes" / "old.txt").write_text("Below the mount point.")
    with mounted(disk):
        (disk / "notes").mkdir()
        for name in ("a", "b"):
            (disk / "notes" / f"{name}.txt").write_text(f"File {name}.")
        collection.index(disk / "notes")
        (disk / "notes" / "b.txt").unlink()
        assert collection.index().removed == 1  # mounted: deleted
    report = collection.index()
    assert done(report) == {"added": 1}
    assert "not mounted now: ./" in report.warnings[0]
    assert set(paths(collection)) == {"a.txt", "old.txt"}


def test_mount_points_are_where_the_device_changes(monkeypatch):
    devices = {"/": 1, "/mnt": 1, "/mnt/d": 2, "/mnt/d/x": 2, "/mnt/d/x/y": 3, "/o": 1}
    monkeypatch.setattr(missing_files, "_device", devices.get)
    assert missing_files.mount_points("/mnt", {"/mnt": 1, "/mnt/d/x": 2}) == {"/mnt/d"}
    assert missing_files.mount_points("/mnt/d/x", {"/mnt/d/x/y": 3}) == {"/mnt/d", "/mnt/d/x/y"}
    # An overlay may report a device for files that no folder has.
    assert missing_files.mount_points("/o", {"/o": 9}) == set()
    assert missing_files.mount_points("/gone", {"/gone": 1}) == set()
    devices["/mnt/d"] = 1
    stored = ["/mnt/d", "/mnt/d/x/y", "/elsewhere"]
    assert missing_files.unmounted_prefixes(stored, "/mnt", "/mnt") == {"d/": "/mnt/d"}
    assert missing_files.unmounted_prefixes(stored, "/mnt/d/x", "/mnt/d/x") == {"": "/mnt/d"}


def test_a_mount_point_is_forgotten_when_its_files_are_there_without_it(collection, tmp_path):
    """As after a move from a disk of its own to the system's disk."""
    folder = tmp_path / "root"
    (folder / "mnt").mkdir(parents=True)
    with mounted(folder / "mnt"):
        for name in ("a", "b"):
            (folder / "mnt" / f"{name}.txt").write_text(f"File {name}.")
        collection.index(folder)
    for name in ("a", "b"):
        (folder / "mnt" / f"{name}.txt").write_text(f"File {name}.")
    assert collection.index(folder).unchanged == 2
    (folder / "mnt" / "a.txt").unlink()
    assert collection.index(folder).removed == 1


def test_a_copy_of_an_unmounted_folder_is_not_a_move(collection, disk, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(disk / "usb", other)
    shutil.rmtree(disk / "usb")
    report = collection.index([disk, other])
    assert done(report) == {"unchanged": 10, "added": 5}
    assert len(paths(collection)) == 20


needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")


@needs_links
def test_a_folder_replaced_by_a_link_to_its_new_place_is_kept(collection, disk, tmp_path):
    (disk / "usb").rename(tmp_path / "elsewhere")
    (disk / "usb").symlink_to(tmp_path / "elsewhere")
    report = collection.index(disk)
    assert (report.removed, report.skipped, len(report.warnings)) == (0, 1, 1)


@needs_links
def test_a_root_that_is_a_file_is_not_read_through_a_link(collection, tmp_path):
    root, secret = tmp_path / "note.txt", tmp_path / "secret.txt"
    root.write_text("A note.")
    secret.write_text("A secret.")
    collection.index(root)
    root.unlink()
    root.symlink_to(secret)
    report = collection.index()
    assert (report.skipped, [file.kind for file in report.documents]) == (1, ["link"])
    assert collection.search("secret", k=5, mode="lexical") == []
    assert collection.explain(root).state == "skipped"
