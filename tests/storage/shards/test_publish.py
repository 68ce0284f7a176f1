import contextlib
import json
import sqlite3
from dataclasses import replace

import pytest

from ragkit import Collection
from ragkit.errors import CollectionError
from ragkit.maintenance.sharded_index import publish_generation
from ragkit.storage.shards import cache, publish
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.manifest import EncoderEntry
from tests.storage.shards.conftest import fill


def hits(location, encoder):
    with Collection(location.folder, encoder=encoder) as kit:
        return sorted(hit.text for hit in kit.search("fox", mode="lexical"))


def test_what_is_published_is_searched(published, encoder):
    location, manifest, _ = published
    assert hits(location, encoder) == ["a fox and a dog", "the quick fox"]
    assert [shard.passages for shard in manifest.shards] == [2, 2]
    assert [shard.counted for shard in manifest.shards] == [2, 2]
    names = {file.name.partition("/")[0] for file in manifest.shards[0].files}
    assert {"ragkit.db", "terms.jsonl"} < names


def test_nothing_is_published_again_where_nothing_changed(published):
    location, manifest, shards = published
    assert publish_generation(location, manifest, shards) == manifest
    assert cache.read_manifest(location, "previous.json") is None


def test_files_that_two_generations_do_not_name_are_deleted(published, encoder):
    location, manifest, shards = published
    fill(shards[0], encoder, ["one more fox here"])
    second = publish_generation(location, manifest, shards)
    first_files = {file.sha256 for file in manifest.all_files()}
    assert first_files <= set(location.stored_names())  # readers may still have it open
    fill(shards[1], encoder, ["a last fox there"])
    third = publish_generation(location, second, shards)
    named = {file.sha256 for each in (second, third) for file in each.all_files()}
    assert set(location.stored_names()) == named
    assert third.generation == 3
    assert second.shards[1] == manifest.shards[1]  # it had not changed


STEPS = ("put", "write")


@pytest.mark.parametrize("stop_after", [1, 12, 23, 24, 25])
def test_a_run_that_is_killed_leaves_the_generation_before(
    published, encoder, monkeypatch, stop_after
):
    """The process ends at some step of publishing; the same run then publishes everything."""
    location, manifest, shards = published
    fill(shards[0], encoder, ["one more fox here"])
    fill(shards[1], encoder, ["a last fox there"])
    steps = 0

    class KilledError(BaseException):
        pass

    def counting(method):
        def call(self, *arguments):
            nonlocal steps
            steps += 1
            if steps == stop_after:
                raise KilledError
            return method(self, *arguments)

        return call

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(ShardLocation, name, counting(getattr(ShardLocation, name)))
        try:
            publish_generation(location, manifest, shards)
        except KilledError:
            assert cache.read_manifest(location) == manifest
            assert len(hits(location, encoder)) == 2
    current = publish_generation(location, cache.read_manifest(location), shards)
    assert current.generation == 2
    assert len(hits(location, encoder)) == 4


def test_a_manifest_without_all_of_its_files_is_not_published(published):
    location, manifest, _ = published
    gone = manifest.shards[1].files[0]
    location.delete(gone.sha256)
    with pytest.raises(CollectionError, match=r"ragkit.db of generation 2 is not there"):
        publish.publish_manifest(location, replace(manifest, generation=2))
    assert cache.read_manifest(location) == manifest


def test_shards_of_different_encoders_are_refused(published):
    location, manifest, shards = published
    other = EncoderEntry("other", "0" * 64, 64, 60)
    shards[1].encoder_entry = lambda: other
    with shards[0].store.writing() as connection:  # something has changed
        connection.execute("UPDATE files SET size = 7")
    with pytest.raises(CollectionError, match=r"shard 1 has vectors of other, others of words"):
        publish_generation(location, manifest, shards)
    assert cache.read_manifest(location) == manifest


def test_a_working_copy_is_restored_from_the_published_shard(published, tmp_path):
    location, manifest, shards = published
    target = tmp_path / "restored"
    publish.restore_working_copy(location, manifest, 1, target)
    assert (target / "ragkit.db").stat().st_nlink == 1  # not the published file itself
    assert publish.is_ahead(target, manifest, 1)  # a run that is killed now is continued
    assert publish.is_ahead(shards[1].folder, manifest, 1)
    note = json.loads((shards[1].folder / "published.json").read_bytes())
    assert note["generation"] == 1
    later = replace(manifest, generation=2, shards=(manifest.shards[1], manifest.shards[0]))
    assert not publish.is_ahead(shards[1].folder, later, 1)  # another machine has published
    assert not publish.is_ahead(target, later, 1)


def test_what_a_reader_keeps_in_the_log_is_published(published, encoder):
    location, manifest, shards = published
    with contextlib.closing(sqlite3.connect(shards[0].store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM passages").fetchone()
        fill(shards[0], encoder, ["one more fox here"])
        assert publish_generation(location, manifest, shards).passages == 5


def test_a_generation_that_somebody_else_has_published_stays(published, encoder):
    location, manifest, shards = published
    fill(shards[0], encoder, ["one more fox here"])
    second = publish_generation(location, manifest, shards)
    fill(shards[1], encoder, ["a last fox there"])
    with pytest.raises(CollectionError, match=r"has published generation 2 .* Run the same"):
        publish_generation(location, manifest, shards)
    assert cache.read_manifest(location) == second


def test_missing_statistics_are_published_again(published):
    location, manifest, shards = published
    location.delete(manifest.statistics.sha256)
    left = shards[0].folder / ".tmp-publish-killed"
    left.mkdir()
    published_again = publish_generation(location, manifest, shards)
    assert location.has(published_again.statistics)
    assert not left.exists()
