"""Bad input, interrupted runs and decisions over all shards; results: tests/test_sharded_collection
and tests/storage/shards."""

import json
import os
import string

import pytest

from ragkit import Collection, Settings
from ragkit.cli import main
from ragkit.errors import CollectionError, UsageError
from ragkit.ingest import run
from ragkit.maintenance import sharded_index
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.placement import shard_of

SETTINGS = Settings(passage_tokens=40, overlap=0.0)


@pytest.fixture
def files(tmp_path):
    """Six files, of which each of three shards has two."""
    folder = tmp_path / "files"
    folder.mkdir()
    root, wanted = str(folder.resolve()), [0, 1, 2, 0, 1, 2]
    for number, shard in enumerate(wanted):
        names = (f"{number}{letter}.txt" for letter in string.ascii_lowercase)
        name = next(name for name in names if shard_of((root, name), 3) == shard)
        (folder / name).write_text(f"text number {number} of the fox")
    return folder


@pytest.fixture
def index(tmp_path, encoder):
    def index_(*paths, folder=None, **options):
        return Collection.index_shards(
            folder or tmp_path / "kit", paths, settings=SETTINGS, encoder=encoder, **options
        )

    return index_


def test_bad_input_writes_nothing(tmp_path, files, index, collection):
    new = tmp_path / "new"
    with pytest.raises(UsageError, match="say how many shards"):
        index(files, folder=new)
    with pytest.raises(UsageError, match=r"--shards 0: expected 1 to 4,096"):
        index(files, shards=0, folder=new)
    assert not new.exists()
    with pytest.raises(UsageError, match=r"kit is an ordinary collection. Name another folder"):
        index(files, shards=2, folder=collection.folder)
    collection.close()
    with pytest.raises(UsageError, match="no file or folder at"):
        index(tmp_path / "none", shards=2, folder=tmp_path / "other")
    assert not (tmp_path / "other" / "manifest.json").exists()


def test_an_interrupted_run_is_continued(tmp_path, files, index, encoder, monkeypatch):
    original, calls = run.index, []

    def stopping(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run, "index", stopping)
        with pytest.raises(KeyboardInterrupt):
            index(files, shards=3)
    assert not (tmp_path / "kit" / "manifest.json").exists()  # nobody sees a part
    embedded = len(encoder.encoded)
    report = index(files, shards=3)
    assert report.passages == 6
    assert (report.added, report.unchanged) == (4, 2)
    assert (embedded, len(encoder.encoded)) == (2, 6)  # nothing twice


def test_a_missing_file_is_one_of_all_shards(files, index):
    """One of six files in each of several shards would be most of a shard."""
    index(files, shards=4)
    next(files.glob("3*")).unlink()
    report = index()
    assert (report.removed, report.unchanged, report.warnings) == (1, 5, ())
    for file in files.iterdir():
        file.unlink()
    report = index()  # maybe a disk that is not mounted: as in an ordinary collection
    assert (report.removed, report.passages) == (0, 5)
    assert len(report.warnings) == 1
    assert "5 of 5 files" in report.warnings[0]
    assert index(prune=True).passages == 0


def test_moved_files_are_moved_into_other_shards(files, index):
    """Their new paths belong to other shards; nothing is missing, even if all files move."""
    index(files, shards=3)
    (files / "inner").mkdir()
    for file in files.glob("*.txt"):
        file.rename(files / "inner" / file.name)
    report = index()
    assert (report.moved, report.added, report.removed, report.passages) == (6, 0, 0, 6)
    assert report.warnings == ()


def test_a_file_that_moves_to_another_shard_and_cannot_be_read_keeps_its_text(
    files, index, monkeypatch
):
    index(files, shards=3)
    target = next(
        files / f"{letter}.txt" for letter in string.ascii_lowercase
        if shard_of((str(files.resolve()), f"{letter}.txt"), 3) == 1
    )  # fmt: skip
    next(files.glob("0*")).rename(target)  # of shard 0
    real = os.open

    def refuse(path, *arguments, **named):  # root may open every file
        if os.path.split(path)[1] == target.name:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        for _ in range(2):
            report = index()
            assert (report.removed, report.failed, report.passages) == (0, 1, 6)
            assert f"it may have moved to {target.name}" in report.warnings[0]
    report = index()
    assert (report.failed, report.passages, report.warnings) == (0, 6, ())


def test_a_dry_run_changes_nothing(tmp_path, files, index):
    index(files, shards=2)
    (files / "new.txt").write_text("a new text")
    before = cache.read_manifest(ShardLocation(tmp_path / "kit"))
    assert index(dry_run=True).added == 1
    assert cache.read_manifest(ShardLocation(tmp_path / "kit")) == before


def folders_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_a_dry_run_makes_no_working_copies(tmp_path, files, index):
    new, kit = tmp_path / "new", tmp_path / "kit"
    assert index(files, shards=2, folder=new, dry_run=True).added == 6
    assert not new.exists()
    index(files, shards=3)
    (files / "new.txt").write_text("a new text")
    (kit / "work").rename(tmp_path / "lost")
    report = index(dry_run=True)
    assert (report.added, report.unchanged, report.removed) == (1, 6, 0)
    assert not (kit / "work").exists()
    assert index(shards=64, dry_run=True).unchanged < 6  # nearly all move to a new shard
    assert not (kit / "work").exists()


def test_the_working_copies_of_shards_that_were_given_up_are_deleted(tmp_path, files, index):
    index(files, shards=3)
    index(shards=2)
    assert folders_in(tmp_path / "kit" / "work") == ["shard-0000", "shard-0001"]


def test_a_run_without_changes_publishes_no_generation(tmp_path, files, index):
    location = ShardLocation(tmp_path / "kit")
    index(files, shards=3)
    before = cache.read_manifest(location)
    for _ in range(2):
        index(files)
        assert cache.read_manifest(location) == before
    (tmp_path / "kit" / "work").rename(tmp_path / "lost")  # its databases have other bytes then
    index(files)
    assert cache.read_manifest(location) == before
    next(files.glob("1*")).write_text("another text")
    index(files)
    after = cache.read_manifest(location)
    assert after.generation == before.generation + 1
    changed = [one.number for one, other in zip(after.shards, before.shards, strict=True)
               if one != other]  # fmt: skip
    assert changed == [1]


def removed(folder, *paths, encoder, **options):
    return Collection.remove_from_shards(
        folder, paths, settings=SETTINGS, encoder=encoder, **options
    )


def test_files_and_roots_are_removed_from_all_shards(tmp_path, files, index, encoder):
    other = tmp_path / "other"
    other.mkdir()
    (other / "cats.txt").write_text("cats sleep")
    index(files, other, shards=3)
    kit = tmp_path / "kit"

    def paths():
        with Collection(kit, encoder=encoder) as opened:
            return sorted(hit.path for hit in opened.search("text fox cats", k=10))

    names = sorted(file.name for file in files.iterdir())
    assert removed(kit, names[0], files / names[4], encoder=encoder) == 2
    assert paths() == [*names[1:4], names[5], "cats.txt"]
    assert removed(kit, files, encoder=encoder) == 4
    assert paths() == ["cats.txt"]
    assert index().added == 0  # the root is not known any more


def test_nothing_is_removed_if_one_path_is_unknown_or_in_several_roots(
    tmp_path, files, index, encoder
):
    other = tmp_path / "other"
    other.mkdir()
    twice = next(
        file.name for file in files.iterdir()  # of another shard there
        if shard_of((str(other), file.name), 3) != shard_of((str(files), file.name), 3)
    )  # fmt: skip
    (other / twice).write_text("cats sleep")
    index(files, other, shards=3)
    kit = tmp_path / "kit"
    before = cache.read_manifest(ShardLocation(kit))
    with pytest.raises(UsageError, match=r"none\.txt is neither a root nor a document"):
        removed(kit, files, "none.txt", encoder=encoder)
    with pytest.raises(UsageError, match=rf"{twice} is in several roots, .*absolute path"):
        removed(kit, twice, encoder=encoder)
    with pytest.raises(UsageError, match="wait is -1"):
        removed(kit, files, encoder=encoder, wait=-1)
    with pytest.raises(CollectionError, match="no sharded collection at"):
        removed(tmp_path / "none", files, encoder=encoder)
    assert cache.read_manifest(ShardLocation(kit)) == before


def test_paths_within_each_other_are_removed_as_from_an_ordinary_collection(
    tmp_path, files, index, encoder
):
    """Shard by shard a folder may be empty once its file is removed; the whole folder is not."""
    (files / "inner").mkdir()
    for number in range(6):
        (files / "inner" / f"cat{number}.txt").write_text(f"cat number {number} sleeps")
    index(files, shards=3)
    location = ShardLocation(tmp_path / "kit")
    before = cache.read_manifest(location)
    ordinary = Collection(tmp_path / "one", settings=SETTINGS, encoder=encoder)
    ordinary.index(files)
    for paths in (["inner", "inner/cat1.txt"], ["inner/cat2.txt", "inner/cat2.txt"]):
        with pytest.raises(UsageError, match="is neither a root nor a document"):
            ordinary.remove(paths)
        with pytest.raises(UsageError, match="is neither a root nor a document"):
            removed(location.folder, *paths, encoder=encoder)
        assert cache.read_manifest(location) == before
    assert index(dry_run=True).unchanged == 12  # nor is anything removed from a working copy
    paths = [f"inner/cat{number}.txt" for number in range(5)] + ["inner"]
    assert ordinary.remove(paths) == 6
    ordinary.close()
    assert removed(location.folder, *paths, encoder=encoder) == 6


def test_a_removal_that_was_interrupted_before_it_published_is_published(
    tmp_path, files, index, encoder, monkeypatch
):
    index(files, shards=3)
    kit, name = tmp_path / "kit", next(files.glob("1*")).name
    with monkeypatch.context() as patch:
        patch.setattr(sharded_index, "publish_generation", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            removed(kit, name, encoder=encoder)
    with pytest.raises(UsageError, match="neither a root nor a document"):
        removed(kit, name, encoder=encoder)
    with Collection(kit, encoder=encoder) as opened:
        assert len(opened.search("text fox", k=10)) == 5


def test_a_lost_working_copy_is_made_of_the_published_shard(tmp_path, files, index, encoder):
    index(files, shards=2)
    (tmp_path / "kit" / "work").rename(tmp_path / "lost")
    report = index()
    assert (report.unchanged, report.embedded) == (6, 0)
    assert len(encoder.encoded) == 6
    assert cache.read_manifest(ShardLocation(tmp_path / "kit")).passages == 6


def test_object_storage_is_published_to(files, index, encoder, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    address = f"memory://{tmp_path.name}/kit"
    index(files, shards=2, folder=address)
    index(folder=address)
    with Collection(address, encoder=encoder) as kit:
        assert len(kit.search("fox", mode="hybrid")) == 6
    fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


@pytest.mark.parametrize("protocol", ["file", "dir::file"])
def test_a_file_system_that_has_folders_is_published_to(files, index, encoder, tmp_path, protocol):
    pytest.importorskip("fsspec")
    address = f"{protocol}://{tmp_path}/far/kit"
    index(files, shards=2, folder=address)
    next(files.glob("1*")).unlink()
    assert index(folder=address).removed == 1
    with Collection(address, encoder=encoder) as kit:
        assert len(kit.search("fox", mode="hybrid")) == 5


def test_a_working_copy_of_another_shard_is_refused(tmp_path, encoder):
    folder = tmp_path / "shard"
    sharded_index.WorkingShard(folder, 1, SETTINGS, encoder).close()
    with pytest.raises(CollectionError, match="working copy of another shard"):
        sharded_index.WorkingShard(folder, 2, SETTINGS, encoder)


def test_the_commands_work_on_a_sharded_folder(tmp_path, files, index, capsys):
    index(files, shards=2)
    kit = ["-c", str(tmp_path / "kit")]
    assert main([*kit, "ls", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 6
    assert main([*kit, "status"]) == 0
    assert "2, generation 1; small enough" in capsys.readouterr().out
    assert main([*kit, "grep", "number 3", "--json"]) == 0
    name = next(files.glob("3*")).name
    assert name in capsys.readouterr().out
    assert main([*kit, "index", "--watch"]) == 2
    assert "--watch does not work" in capsys.readouterr().err
    assert main([*kit, "backup", str(tmp_path / "copy")]) == 3
    assert "Copy its folder" in capsys.readouterr().err
    assert main([*kit, "remove", name]) == 0
    assert capsys.readouterr().out == "removed 1 document\n"
    assert main([*kit, "remove", "none.txt"]) == 2
    assert "none.txt is neither a root nor a document" in capsys.readouterr().err


def test_a_run_that_waited_continues_what_the_other_one_published(
    tmp_path, files, index, monkeypatch
):
    make_folder, location = sharded_index.make_folder, ShardLocation(tmp_path / "kit")
    published = []

    def other_run(*arguments):  # before this run has the lock
        monkeypatch.setattr(sharded_index, "make_folder", make_folder)
        index(files, shards=3)
        published.append(cache.read_manifest(location))
        make_folder(*arguments)

    monkeypatch.setattr(sharded_index, "make_folder", other_run)
    assert index(files, shards=3).unchanged == 6
    assert [cache.read_manifest(location).id] == [manifest.id for manifest in published]


def test_a_shard_that_was_given_up_does_not_bring_back_old_globs(files, index):
    index(files, shards=3)
    assert index(files, shards=2, exclude=["0*"]).passages == 5
    assert index(shards=3).passages == 5
