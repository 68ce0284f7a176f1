"""A collection searched by replicas, here objects of this process: equal, partial, newer."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from ragkit import Collection, CollectionGroup
from ragkit.cluster import serve
from ragkit.cluster.replicas import ShardReplica
from ragkit.cluster.router import MissingShardError, ReplicaLostError, RoutedShard
from ragkit.errors import CollectionError, UsageError
from ragkit.serving.api.json_shapes import partial_fields
from ragkit.serving.collections.library import Library
from ragkit.serving.mcp.tools import ToolContext, make_tools
from ragkit.serving.schema.validate import validate
from ragkit.storage.shards.placement import shard_of

QUERIES = ("who may stay at home?", "rotate the keys", "cats")


class Replica:
    """A replica on a thread, which can be lost."""

    threads = ThreadPoolExecutor(4)

    def __init__(self, name, shard, manifest):
        self.name, self._shard, self._manifest, self.is_lost = name, shard, manifest, False

    def call(self, kind, arguments, keywords):
        if self.is_lost:
            raise ReplicaLostError(self.name)
        return self.threads.submit(self._shard.call, self._manifest, kind, arguments, keywords)


class Replicas:
    """A `ReplicaSet` without Ray."""

    def __init__(self, address, shards, replicas, candidates=None):
        self._processes = [
            [ShardReplica(address, number, candidates) for _ in range(replicas)]
            for number in range(shards)
        ]
        self.is_closed = False

    def open(self, manifest, deadline_seconds):
        self.shards = [
            RoutedShard(
                number,
                [
                    Replica(f"shard {number}, replica {copy}", shard, manifest)
                    for copy, shard in enumerate(copies)
                ],
                deadline_seconds,
            )
            for number, copies in enumerate(self._processes)
        ]
        return self.shards

    def close(self):
        self.is_closed = True


@pytest.fixture
def index(tmp_path, folder, collection, encoder):
    """A function that indexes the folder into a sharded collection; returns its address."""

    def run(shards=2):
        address = tmp_path / "sharded"
        Collection.index_shards(
            address, folder, shards=shards, settings=collection.settings, encoder=encoder
        )
        return str(address)

    return run


@pytest.fixture
def start(index, collection, encoder, monkeypatch):
    """A function that starts the service with so many replicas of each shard."""
    monkeypatch.setattr(serve, "ReplicaSet", Replicas)
    for name in ("SHARD_SECONDS", "REQUEST_SECONDS"):
        monkeypatch.setattr(serve, name, 60.0)
    services = []

    def run(replicas):
        services.append(
            serve.ClusterService(index(), replicas, settings=collection.settings, encoder=encoder)
        )
        return services[-1]

    yield run
    for service in services:
        service.close()


def lose(shard, *, copy=0):
    """Lose a replica, which has been noticed: a request waits less for a shard without any."""
    shard.replicas[copy].is_lost = shard._states[copy].failed = True


def ranking(hits):
    return [(hit.citation, hit.score, hit.scores) for hit in hits]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
def test_the_same_hits_as_in_one_collection(start, folder, collection, mode):
    collection.index(folder)
    service = start(1)
    for query in QUERIES:
        expected = ranking(collection.search(query, mode=mode))
        hits = service.collection.search(query, mode=mode)
        assert ranking(hits) == expected != []
        assert partial_fields(hits) == {}


def test_with_two_replicas_nothing_is_missing_when_one_of_each_is_lost(start):
    service = start(2)
    before = ranking(service.collection.search(QUERIES[0]))
    for shard in service._set.shards:
        lose(shard)
    hits = service.collection.search(QUERIES[0])
    assert (ranking(hits), hits.missing_shards) == (before, ())


def test_without_a_replica_of_a_shard_the_result_is_partial_and_says_so(start, folder):
    for shard in range(2):  # the shard of a file depends on the path of the folder
        names = (f"home-{number}.txt" for number in count())
        name = next(name for name in names if shard_of((str(folder), name), 2) == shard)
        (folder / name).write_text(f"Guests may stay at home {shard + 2} nights.")
    service = start(1)
    before = service.collection.search("stay at home", k=10, mode="hybrid")
    lose(service._set.shards[0])
    hits = service.collection.search("stay at home", k=10, mode="hybrid")
    in_other_shard = [hit.citation for hit in before if hit.passage_id >> 40 == 1]
    assert [hit.citation for hit in hits] == in_other_shard
    assert 0 < len(in_other_shard) < len(before)
    assert partial_fields(hits) == {"partial": True, "missing_shards": [0]}
    options = service.collection.search_options({})
    notices = service.collection.search_notices("stay at home", options, hits)
    assert notices[0].startswith("this result is partial: no replica of shard 0 has answered")
    answer = service.collection.ask("who may stay at home?", llm=False)
    assert any("no replica of shard 0" in warning for warning in answer.warnings)
    group = CollectionGroup({"default": service.collection})  # as `ragkit mcp` asks
    *_, answer = group.ask("who may stay at home?", {}, llm=False)
    assert any("no replica of shard 0" in warning for warning in answer.warnings)
    with pytest.raises(UsageError, match="the query is empty"):
        service.collection.ask_stream(" ")  # before the first event
    service._set.shards[0].replicas[0].is_lost = False
    hits = service.collection.search("stay at home", k=10, mode="hybrid")
    assert (ranking(hits), partial_fields(hits)) == (ranking(before), {})


def test_no_empty_result_if_all_shards_are_missing_and_no_partial_status(start):
    service = start(1)
    shards = service._set.shards
    lose(shards[1])
    with pytest.raises(MissingShardError, match="shard 1"):
        service.collection.status()
    lose(shards[0])
    with pytest.raises(MissingShardError):
        service.collection.search(QUERIES[0])


def test_a_newer_generation_is_served_from_the_next_search_on(start, index, folder):
    service = start(1)
    library = Library({"default": service.collection})
    old = service.collection
    assert not service.refresh()
    (folder / "dogs.txt").write_text("Dogs bark at night.\n")
    index()
    assert service.refresh()
    library["default"].replace(service.collection)
    assert service.collection.search("dogs bark")[0].path == "dogs.txt"
    assert [hit.path for hit in old.search("dogs bark")].count("dogs.txt") == 0  # still open
    assert library["default"].batcher._search_many == service.collection.search_with
    library.close()


def test_tools_say_that_a_result_is_partial_and_use_the_newest_generation(start, index, folder):
    service = start(1)
    group = CollectionGroup({"default": service.collection})
    context = ToolContext(group)
    (search,) = (tool for tool in make_tools(group.names) if tool.name == "search")

    def found(query):
        result = search.run(context, {"query": query, "k": 10})
        validate(result, search.result)
        return result

    assert "partial" not in found("stay at home")
    lose(service._set.shards[0])
    result = found("stay at home")
    assert (result["partial"], result["missing_shards"]) == (True, [0])
    service._set.shards[0].replicas[0].is_lost = False
    (folder / "dogs.txt").write_text("Dogs bark at night.\n")
    index()
    assert service.refresh()
    group.replace("default", service.collection)
    result = found("dogs bark")
    assert result["results"][0]["citation"] == "dogs.txt#L1"
    assert context.get(result["results"][0]["url"]).text == "Dogs bark at night."


def test_another_number_of_shards_starts_other_replicas(start, index, folder):
    service = start(1)
    before, first = ranking(service.collection.search(QUERIES[0])), service._set
    index(shards=3)
    assert service.refresh()
    assert len(service._set.shards) == 3
    assert service._set is not first
    assert ranking(service.collection.search(QUERIES[0])) == before


def test_a_generation_that_cannot_be_opened_leaves_the_one_before(
    start, index, folder, monkeypatch
):
    service = start(1)
    (folder / "dogs.txt").write_text("Dogs bark at night.\n")
    index()

    def fail(self, manifest, deadline_seconds):
        raise CollectionError("shard 0: the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Replicas, "open", fail)
        with pytest.raises(CollectionError, match="the disk is full"):
            service.refresh()
    assert service.collection.search(QUERIES[0]) != []
    assert service.refresh()


def test_wrong_numbers_of_replicas_and_missing_collections(tmp_path, collection, monkeypatch):
    monkeypatch.setattr(serve, "ReplicaSet", Replicas)
    for replicas in (0, 17):
        with pytest.raises(UsageError, match=f"--replicas is {replicas}; expected 1 to 16"):
            serve.ClusterService(str(tmp_path), replicas, settings=collection.settings)
    with pytest.raises(CollectionError, match=r"no sharded collection at .*--on ray --shards N"):
        serve.ClusterService(str(tmp_path / "none"), 1, settings=collection.settings)
