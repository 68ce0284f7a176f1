import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from ragkit.errors import CollectionError
from ragkit.maintenance.sharded_index import publish_generation
from ragkit.storage.shards import cache
from ragkit.storage.shards.database import open_sharded
from ragkit.storage.shards.location import FILES
from ragkit.storage.sqlite import passages
from tests.storage.shards.conftest import fill


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


def test_threads_may_fetch_the_same_shard(published):
    location, manifest, _ = published
    shutil.rmtree(cache.cache_folder(manifest.id), ignore_errors=True)
    store = open_sharded(location.folder)
    with ThreadPoolExecutor(8) as pool:
        for fetch in (partial(cache.fetch_shard, location, manifest), store.shard):
            assert len(set(pool.map(fetch, [1] * 8))) == 1
            shutil.rmtree(cache.cache_folder(manifest.id))
    store.close()


def test_readers_delete_old_generations_that_nobody_has_open(published, encoder):
    location, manifest, shards = published
    held = open_sharded(location.folder)
    held.shard(0)
    for number in range(3):
        fill(shards[0], encoder, [f"fox number a{number}"])
        with pytest.MonkeyPatch.context() as patch:  # somebody publishes on another machine
            patch.setattr(cache, "delete_unused", lambda *_: None)
            manifest = publish_generation(location, manifest, shards)
        store = open_sharded(location.folder)
        store.shard(0)
        store.close()
    previous = cache.read_manifest(location, "previous.json")
    kept = {held.manifest.shards[0].digest, manifest.shards[0].digest, previous.shards[0].digest}
    databases = cache.cache_folder(manifest.id).glob("*/ragkit.db")
    assert {path.parent.name for path in databases} == kept
    assert held.shard(0).read(passages.count) == 2
    held.close()
