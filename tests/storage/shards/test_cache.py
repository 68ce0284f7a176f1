import os

import pytest

from ragkit.errors import CollectionError
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import FILES


def test_a_shard_is_fetched_once(published):
    location, manifest, _ = published
    folder = cache.fetch_shard(location, manifest, 1)
    assert (folder / "ragkit.db").is_file()
    assert not (folder / "terms.jsonl").exists()  # only publishing needs them
    for name in location.stored_names():
        location.delete(name)
    assert cache.fetch_shard(location, manifest, 1) == folder


def test_a_missing_file_is_named_with_its_shard(published):
    location, manifest, _ = published
    cache.cache_folder(manifest.id).mkdir(parents=True, exist_ok=True)
    file = manifest.shards[1].files[0]
    location.delete(file.sha256)
    with pytest.raises(CollectionError, match=r"shard 1: .*\(ragkit.db\) is missing"):
        cache.fetch_shard(location, manifest, 1)
    assert not (cache.cache_folder(manifest.id) / manifest.shards[1].digest).exists()


def test_a_damaged_file_is_named_with_its_shard(published):
    location, manifest, _ = published
    file = manifest.shards[0].files[0]
    path = location.folder / FILES / file.sha256
    path.write_bytes(b"x" * file.bytes)
    with pytest.raises(CollectionError, match=r"shard 0: .*is damaged"):
        cache.fetch_shard(location, manifest, 0)


def test_other_generations_are_deleted(published):
    location, manifest, _ = published
    folder = cache.fetch_shard(location, manifest, 0)
    other = folder.with_name("0" * 64)
    other.mkdir()
    cache.delete_unused(location, manifest)
    assert folder.is_dir()
    assert not other.exists()


def test_a_cache_that_cannot_be_written_is_named(published, monkeypatch, tmp_path):
    location, manifest, _ = published
    (tmp_path / "file").write_text("")
    monkeypatch.setitem(os.environ, "RAGKIT_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(CollectionError, match="RAGKIT_CACHE_DIR"):
        cache.fetch_shard(location, manifest, 0)
