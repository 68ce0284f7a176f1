"""Scanning: which files are found, which are skipped, and the reasons."""

import os
import socket
import sys
from pathlib import Path

import pytest

from ragkit.errors import UsageError
from ragkit.ingest.scan import ScannedFile, SkippedPath, scan


def grow(root, *paths):
    """Make files (and folders, for paths that end in "/") below `root`."""
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if path.endswith("/") else target.write_text("text")


def file_paths(root, **options):
    return [entry.path for entry in scan(root, **options) if isinstance(entry, ScannedFile)]


def skipped_reasons(root, **options):
    return {
        entry.path: entry.reason
        for entry in scan(root, **options)
        if isinstance(entry, SkippedPath)
    }


def test_files_are_sorted_by_name_and_have_their_stamps(tmp_path):
    grow(tmp_path, "b.md", "a/z.md", "a/b/c.md", "a.md", "empty/")
    assert file_paths(tmp_path) == ["a/b/c.md", "a/z.md", "a.md", "b.md"]
    status = (tmp_path / "b.md").stat()
    assert list(scan(tmp_path))[-1] == ScannedFile(
        "b.md", 4, status.st_mtime_ns, status.st_ino, status.st_ctime_ns, status.st_dev
    )


def test_hidden_entries_are_skipped_without_their_content(tmp_path):
    grow(tmp_path, ".git/config", ".git/HEAD", ".env", "a/.secret", "a/b")
    assert skipped_reasons(tmp_path) == {".git/": "hidden", ".env": "hidden", "a/.secret": "hidden"}


def test_an_ignored_path_names_the_file_and_the_line(tmp_path):
    grow(
        tmp_path, "x.log", "keep.log", "build/a", "sub/y.log", "sub/deep/z.log", "sub/no.md", "a.md"
    )
    (tmp_path / ".gitignore").write_text("# logs\n\n*.log\nbuild/\n")
    (tmp_path / ".ragkitignore").write_text("!keep.log\n")
    (tmp_path / "sub/.gitignore").write_text("!y.log\n/no.md\r\n")
    assert file_paths(tmp_path) == ["a.md", "keep.log", "sub/y.log"]
    assert {path: why for path, why in skipped_reasons(tmp_path).items() if why != "hidden"} == {
        "x.log": "ignored by .gitignore:3",
        "build/": "ignored by .gitignore:4",
        "sub/deep/z.log": "ignored by .gitignore:3",
        "sub/no.md": "ignored by sub/.gitignore:2",
    }


def test_ignore_files_above_the_root_apply_up_to_the_repository(tmp_path):
    grow(tmp_path, ".git/HEAD", "docs/en/a.md", "docs/en/a.log", "docs/en/b.tmp")
    (tmp_path.parent / ".gitignore").write_text("*.md\n")
    (tmp_path / ".gitignore").write_text("*.tmp\n/docs/en/*.log")
    (tmp_path / "docs/.gitignore").write_text("")
    assert file_paths(tmp_path / "docs/en") == ["a.md"]
    assert skipped_reasons(tmp_path / "docs/en")["b.tmp"] == "ignored by ../../.gitignore:1"
    (tmp_path / ".gitignore").write_text("*.tmp\ndocs/\n")
    assert file_paths(tmp_path / "docs/en") == ["a.log", "a.md", "b.tmp"]


def test_include_and_exclude_select_files(tmp_path):
    grow(tmp_path, "a.md", "b.txt", "docs/c.md", "docs/d.txt", "tmp/e.md")
    assert file_paths(tmp_path, include=["*.md"], exclude=["tmp"]) == ["a.md", "docs/c.md"]
    assert file_paths(tmp_path, include=["docs/", "!*.txt"]) == ["docs/c.md"]
    assert skipped_reasons(tmp_path, include=["*.md"], exclude=["tmp/"]) == {
        "b.txt": "not matched by --include",
        "docs/d.txt": "not matched by --include",
        "tmp/": "excluded by --exclude 'tmp/'",
    }


@pytest.mark.parametrize(
    ("limit", "words"), [(1_500, "1.5 kB"), (2_000_000, "2 MB"), (10, "10 bytes")]
)
def test_files_over_the_limit_are_skipped(tmp_path, limit, words):
    (tmp_path / "big").write_bytes(bytes(limit + 1))
    (tmp_path / "fits").write_bytes(bytes(limit))
    assert file_paths(tmp_path, max_bytes=limit) == ["fits"]
    expected = SkippedPath("big", f"larger than {words}", limit + 1, kind="too_large")
    assert next(scan(tmp_path, max_bytes=limit)) == expected


def test_links_are_not_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    grow(tmp_path, "root/a.md", "root/sub/b.md", "outside/secret.md")
    for name, target in {
        "broken": "nowhere",
        "file": "sub/b.md",
        "folder": root / "sub",
        "out": outside,
        "out_file": "../outside/secret.md",
        "ping": "pong",
        "pong": "ping",
        "sub/up": root,
    }.items():
        (root / name).symlink_to(target)
    assert file_paths(root) == ["a.md", "sub/b.md"]
    assert skipped_reasons(root) == {
        "broken": "broken symbolic link",
        "file": "symbolic link to sub/b.md, inside this folder",
        "folder": "symbolic link to sub, inside this folder",
        "out": "symbolic link out of the folder",
        "out_file": "symbolic link out of the folder",
        "ping": "link loop",
        "pong": "link loop",
        "sub/up": "link loop",
    }


def test_special_files_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    assert skipped_reasons(tmp_path) == {
        "pipe": "not a regular file (FIFO)",
        "socket": "not a regular file (socket)",
    }


def test_names_that_are_not_utf8_are_skipped(tmp_path):
    grow(tmp_path, "new\nline.md", "ünï.md")
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    assert file_paths(tmp_path) == ["new\nline.md", "ünï.md"]
    assert skipped_reasons(tmp_path) == {"caf\\xe9/": "name is not UTF-8"}


def test_a_folder_without_permission_is_skipped(tmp_path, monkeypatch):
    grow(tmp_path, "closed/a.md", "open/b.md")
    listed = os.scandir

    def scandir(path):
        if str(path).rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert file_paths(tmp_path) == ["open/b.md"]
    assert skipped_reasons(tmp_path) == {"closed/": "permission denied"}


def test_a_file_as_root_is_read_whatever_its_name(tmp_path):
    grow(tmp_path, ".notes.log")
    (tmp_path / ".gitignore").write_text("*.log")
    assert file_paths(tmp_path / ".notes.log") == [".notes.log"]
    assert skipped_reasons(tmp_path / ".notes.log", max_bytes=3) == {
        ".notes.log": "larger than 3 bytes"
    }


def test_a_scan_of_a_part_gives_the_entries_of_a_full_scan(tmp_path):
    grow(tmp_path, "a/b/c.md", "a/b/x.log", "a/d.md", "e.md", "build/f.md")
    (tmp_path / ".gitignore").write_text("*.log\nbuild\n")
    assert file_paths(tmp_path, under="a/b") == ["a/b/c.md"]
    assert skipped_reasons(tmp_path, under="a/b") == {"a/b/x.log": "ignored by .gitignore:1"}
    assert file_paths(tmp_path, under="a/d.md") == ["a/d.md"]
    assert skipped_reasons(tmp_path, under="build/f.md") == {"build/": "ignored by .gitignore:2"}
    assert list(scan(tmp_path, under="gone/x")) == []


@pytest.mark.parametrize("under", ["../x", "a/../../x", "/etc"])
def test_a_part_outside_of_the_root_is_refused(tmp_path, under):
    with pytest.raises(UsageError):
        list(scan(tmp_path, under=under))


def test_a_missing_root_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="no file or folder at"):
        list(scan(tmp_path / "gone"))


def test_a_path_deeper_than_the_recursion_limit_is_scanned(tmp_path, monkeypatch):
    depth = sys.getrecursionlimit() + 100
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    try:
        assert list(scan(tmp_path)) == []
    finally:  # what pytest clears away by recursion it cannot clear away
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()
