"""Scan targets of paths, and what a comparison with the stored files finds."""

import os
from pathlib import Path

import pytest

from ragkit.errors import UsageError
from ragkit.ingest.options import ReadSettings
from ragkit.ingest.plan import Plan, ScanTarget, compare, find_targets, inner_prefix
from ragkit.storage.sqlite import files


def read_roots(collection):
    with collection._store.reading() as connection:
        return files.roots(connection)


def plan_of(collection, folder, read_settings=None):
    with collection._store.reading() as connection:
        roots = files.roots(connection)
        (target,) = find_targets(roots, [folder], None, None)
        (recipe,) = {row.recipe for root in roots for row in files.files(connection, root.id)}
        return compare(
            connection,
            roots,
            target,
            read_settings=read_settings or ReadSettings(recipe),
            max_bytes=1_000_000,
            skip=collection.folder,
        )


def test_without_paths_and_roots_there_is_nothing_to_scan():
    with pytest.raises(UsageError, match="name a folder"):
        find_targets([], [], None, None)


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="no file or folder at"):
        find_targets([], [tmp_path / "missing"], None, None)


def test_a_folder_inside_another_path_is_scanned_once(folder):
    (target,) = find_targets([], [folder / "sub", folder], None, None)
    assert (Path(target.path), target.under) == (folder, "")


def test_a_part_of_a_root_keeps_the_root(collection, folder):
    collection.index(folder)
    (target,) = find_targets(read_roots(collection), [folder / "sub"], None, None)
    assert (Path(target.path), target.under) == (folder, "sub")
    assert target.scanned_path == folder / "sub"
    with pytest.raises(UsageError, match="whose globs apply to all of it"):
        find_targets(read_roots(collection), [folder / "sub"], ["*.md"], None)


def test_a_root_around_another_absorbs_it(collection, folder, tmp_path):
    collection.index(folder)
    (target,) = find_targets(read_roots(collection), [tmp_path], None, None)
    (absorbed,) = target.absorbed_roots
    assert Path(absorbed.path) == folder
    assert inner_prefix(absorbed, str(tmp_path)) == "notes/"


def test_unchanged_files_are_only_counted(collection, folder):
    for path in folder.rglob("*.*"):
        age(path)
    collection.index(folder)
    plan = plan_of(collection, folder)
    assert (plan.unchanged_count, plan.to_read, plan.new, plan.missing) == (3, [], [], [])


def test_new_changed_and_missing_files_are_told_apart(collection, folder):
    for path in folder.rglob("*.*"):
        age(path)
    collection.index(folder)
    (folder / "new.txt").write_text("New.")
    (folder / "keys.md").write_text("# Changed\n")
    (folder / "leave.txt").unlink()
    plan = plan_of(collection, folder)
    assert [task.file.path for task in plan.new] == ["new.txt"]
    assert [task.file.path for task in plan.to_read] == ["keys.md"]
    assert [row.path for row in plan.missing] == ["leave.txt"]
    plan.finish(prune=False)
    assert [task.file.path for task in plan.to_read] == ["keys.md", "new.txt"]
    assert [row.path for row in plan.removed] == ["leave.txt"]


def test_other_read_settings_read_every_file_again(collection, folder):
    collection.index(folder)
    plan = plan_of(collection, folder, ReadSettings("other"))
    assert len(plan.to_read) == 3


def test_missing_files_of_an_empty_folder_are_kept_until_prune():
    for prune in (False, True):
        plan = Plan(ScanTarget("/notes", "/notes", "", (), ()), known_ids=[0, 1])
        plan.missing = [row_with_text(number) for number in range(2)]
        plan.finish(prune=prune)
        assert (len(plan.removed), len(plan.warnings)) == ((2, 0) if prune else (0, 1))


def age(path):
    """Give a file a time stamp old enough to be stored."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def row_with_text(number):
    return files.FileRow(
        number, 1, f"{number}.txt", 1, 1, 1, b"", "indexed", None, "base", has_text=True
    )
