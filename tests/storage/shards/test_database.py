import json
import pickle
import subprocess

import pytest

from ragkit import Collection
from ragkit.cli import main
from ragkit.errors import CollectionError
from ragkit.storage.shards import cache
from ragkit.storage.shards.database import ShardedDatabase, open_sharded
from ragkit.storage.shards.manifest import FILE_NAME
from ragkit.storage.sqlite import documents
from ragkit.trust import TrustLevel


def change_manifest(location, **values):
    path = location.folder / FILE_NAME
    record = json.loads(path.read_bytes()) | values
    path.write_text(json.dumps(record))


def test_a_generation_is_opened_as_a_whole(published):
    location, manifest, _ = published
    store = open_sharded(location.folder)
    assert store.manifest == manifest
    assert store.trust is TrustLevel.OWN
    assert store.is_current()
    assert store.is_small
    change_manifest(location, generation=9)
    assert not store.is_current()
    store.close()


def test_bad_manifests_are_named(published):
    location, _, _ = published
    change_manifest(location, version=2)
    with pytest.raises(CollectionError, match=r"manifest.json was made by a newer ragkit"):
        open_sharded(location.folder)
    change_manifest(location, version=1, schema=99)
    with pytest.raises(CollectionError, match=r"shards were made by a newer ragkit \(schema 99"):
        open_sharded(location.folder)
    (location.folder / FILE_NAME).write_text("{")
    with pytest.raises(CollectionError, match=r"manifest.json is damaged: .*ragkit index"):
        Collection(location.folder)


def test_no_collection_and_what_makes_one(tmp_path):
    with pytest.raises(CollectionError, match=r"no sharded collection at .*--shards N"):
        open_sharded(tmp_path)
    pytest.importorskip("fsspec")
    with pytest.raises(CollectionError, match="no sharded collection at memory://none"):
        Collection("memory://none")


def test_object_storage_is_read_like_a_folder(published, encoder):
    fsspec = pytest.importorskip("fsspec")
    location, _, _ = published
    memory = fsspec.filesystem("memory")
    memory.put(str(location.folder / "files"), "/shared/kit/files", recursive=True)
    memory.put(str(location.folder / FILE_NAME), "/shared/kit/manifest.json")
    with Collection("memory://shared/kit", encoder=encoder) as kit:
        hits = kit.search("fox", mode="hybrid")
        assert {hit.path for hit in hits[:2]} == {"fox.md", "dog.md"}
        assert kit.status().shards == 2
        assert kit._store.trust is TrustLevel.ADOPTED
        kit.trust()
    with Collection("memory://shared/kit", encoder=encoder) as kit:
        assert kit._store.trust is TrustLevel.OWN
    memory.rm("/shared", recursive=True)


def test_a_shard_that_does_not_answer_is_left_out(published, encoder):
    location, manifest, _ = published

    def ask_all(shards, call):
        return [None if shard.number == 0 else call(shard) for shard in shards]

    store = ShardedDatabase(location, manifest, ask_all=ask_all, trust_level=TrustLevel.OWN)
    connection = store._connection
    connection.first = 1
    with Collection(location.folder, store=store, encoder=encoder) as kit:
        hits = kit.search("fox", mode="lexical")
        assert [hit.path for hit in hits] == ["dog.md"]
    assert store.take_missing() == {0}
    assert store.take_missing() == set()


def test_a_collection_of_a_checkout_is_only_read(published, encoder, notices):
    location, _, _ = published
    home = location.folder.parent
    subprocess.run(["git", "init", "-q", str(home)], check=True)
    (home / "foreign").mkdir()
    target = home / "foreign" / "kit"
    location.folder.rename(target)
    with Collection(target, encoder=encoder, notify=notices.append) as kit:
        assert not kit.is_trusted
        assert len(kit.search("fox", mode="lexical")) == 2
    with pytest.raises(CollectionError, match="nothing is added"):
        Collection.index_shards(target, home, encoder=encoder)
    with pytest.raises(CollectionError, match="nothing is removed"):
        Collection.remove_from_shards(target, "fox.md", encoder=encoder)
    assert main(["trust", str(target), "--json"]) == 0
    with Collection(target, encoder=encoder) as kit:
        assert kit.is_trusted


def test_the_cache_is_not_written_through_to_the_published_files(published, encoder):
    location, manifest, _ = published
    with Collection(location.folder, encoder=encoder) as kit:
        kit.search("fox", mode="hybrid")
    assert all(location.has(file) for file in manifest.all_files())
    folder = cache.fetch_shard(location, manifest, 0)
    assert sorted(path.name for path in folder.glob("ragkit.db*")) == ["ragkit.db"]


class CountedShard:
    """A shard, and the names of the functions that were asked of it."""

    def __init__(self, shard):
        self.number, self._shard, self.asked = shard.number, shard, []

    def __getattr__(self, kind):
        def call(what, *arguments, **options):
            self.asked.append(what if isinstance(what, str) else what.__name__)
            assert pickle.loads(pickle.dumps(what)) == what  # it can be sent to another process
            return getattr(self._shard, kind)(what, *arguments, **options)

        return call


def test_what_never_changes_in_a_generation_is_asked_once(published, encoder):
    location, manifest, _ = published
    local = open_sharded(location.folder)
    shards = [CountedShard(local.shard(number)) for number in range(2)]
    lost = {1}

    def ask_all(asked, question):
        return [None if shard.number in lost else question(shard) for shard in asked]

    store = ShardedDatabase(location, manifest, shards=shards, ask_all=ask_all)
    with Collection(location.folder, store=store, encoder=encoder) as kit:
        for missing in ({1}, set(), set()):
            lost.clear()
            lost.update(missing)
            for shard in shards:
                shard.asked.clear()
            kit.search("fox", mode="dense")
    constants = {"_stored_value", "model", "root_folders", "has_pending"}
    assert constants.isdisjoint(shards[0].asked + shards[1].asked)
    assert "top_k" in shards[0].asked
    assert store._constants  # of the second search: what a missing shard leaves out is not kept
    with store.reading() as connection:
        assert documents.root_folders(connection) == ["/data"]
    local.close()
