"""A replica of a shard in this process, and what becomes of the errors of an actor."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from ragkit import Collection
from ragkit.cluster.replicas import RayReplica, ShardReplica, to_future
from ragkit.cluster.router import ReplicaLostError, RoutedShard
from ragkit.errors import CollectionError, UsageError
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.sqlite import passages


@pytest.fixture
def sharded(tmp_path, folder, collection, encoder):
    """A function that indexes the folder into two shards; returns address and manifest."""

    def index():
        address = tmp_path / "sharded"
        Collection.index_shards(
            address, folder, shards=2, settings=collection.settings, encoder=encoder
        )
        return str(address), cache.read_manifest(ShardLocation(address))

    return index


def promise(result=None, error=None):
    """What Ray returns for a call of an actor."""
    future = Future()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
    return SimpleNamespace(future=lambda: future)


def test_a_replica_answers_for_its_shard_with_rows_that_can_be_sent(sharded):
    import pickle

    address, manifest = sharded()
    replicas = [ShardReplica(address, number, None) for number in (0, 1)]
    counts = [replica.call(manifest, "read", (passages.count,), {}) for replica in replicas]
    assert counts == [shard.passages for shard in manifest.shards]
    assert [replica.open(manifest) for replica in replicas] == counts
    row = replicas[0].call(manifest, "read", (passages.model,), {})
    assert pickle.loads(pickle.dumps(row))["name"] == "words"
    assert replicas[0].call(manifest, "vectors", ("__len__",), {}) == counts[0]


def test_a_replica_keeps_two_generations(sharded, folder):
    address, first = sharded()
    replica = ShardReplica(address, 0, None)
    before = replica.call(first, "read", (passages.count,), {})
    generations = [first]
    for number in range(2):
        for name in "abcdef":  # some of them are in each shard
            (folder / f"{name}{number}.txt").write_text(f"Text {name} of generation {number}.\n")
        generations.append(sharded()[1])
        replica.open(generations[-1])
    assert replica.call(generations[-2], "read", (passages.count,), {}) > before
    assert list(replica._shards) == [each.generation for each in generations[-2:]]


def test_calls_of_an_actor_carry_the_generation():
    calls = []

    def remote(*arguments):
        calls.append(arguments)
        return promise("answer")

    handle = SimpleNamespace(call=SimpleNamespace(remote=remote))
    shard = RoutedShard(0, [RayReplica(handle, "shard 0, replica 0", "stored manifest")])
    assert shard.read(len, "x", key=1) == "answer"
    assert calls == [("stored manifest", "read", (len, "x"), {"key": 1})]


class TaskError(Exception):
    """As Ray wraps what a method raised."""

    def __init__(self, cause):
        super().__init__("a long trace of another process")
        self.cause = cause


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (TaskError(UsageError("no such field")), UsageError, "^no such field$"),
        (TaskError(CollectionError("the disk is full")), CollectionError, "^the disk is full$"),
        (TaskError(ValueError("shard 1 has no model")), ValueError, "^shard 1 has no model$"),
        (RuntimeError("The actor died.\ntrace"), ReplicaLostError, r"^The actor died\.$"),
    ],
)
def test_errors_of_an_actor_are_those_of_its_method_or_a_lost_replica(error, expected, message):
    with pytest.raises(expected, match=message):
        to_future(promise(error=error)).result()
