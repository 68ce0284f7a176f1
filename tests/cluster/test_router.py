"""Retries, hedged calls, deadlines and missing shards, with replicas that answer on command."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ragkit.cluster.router import (
    MissingShardError,
    ReplicaLostError,
    RoutedShard,
    Router,
    new_request,
)
from ragkit.errors import CollectionError, UsageError


class FakeReplica:
    """Answers with its name, raises `error`, or waits for `release` if it is `slow`."""

    def __init__(self, name, error=None, slow=False):
        self.name, self.error, self.slow = name, error, slow
        self.calls, self.waiting = [], []

    def call(self, kind, arguments, keywords):
        self.calls.append((kind, arguments, dict(keywords)))
        future = Future()
        if self.slow:
            self.waiting.append(future)
        elif self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(self.name)
        return future


def lost():
    return ReplicaLostError("its process has ended")


def hurried(shard):
    """The shard, with hedged calls after a millisecond."""
    shard._hedge_seconds = 0.001
    return shard


def test_a_call_is_forwarded_with_its_arguments_to_one_replica():
    first, second = FakeReplica("a"), FakeReplica("b")
    shard = RoutedShard(3, [first, second])
    assert shard.read(len, "text", key=1) == "a"
    assert shard.vectors("top_k", [1.0], 5) == "a"
    assert shard.words("matching", "plan") == "a"
    assert first.calls == [
        ("read", (len, "text"), {"key": 1}),
        ("vectors", ("top_k", [1.0], 5), {}),
        ("words", ("matching", "plan"), {}),
    ]
    assert second.calls == []


def test_another_replica_answers_if_the_first_is_lost_and_later_calls_avoid_it():
    first, second = FakeReplica("a", lost()), FakeReplica("b")
    shard = RoutedShard(0, [first, second])
    assert shard.read(len) == "b"
    assert shard.retried == 1
    assert shard.read(len) == "b"
    assert len(first.calls) == 1
    first.error, second.error = None, lost()
    assert shard.read(len) == "a"  # it came back
    assert shard.read(len) == "a"


def test_a_slow_replica_gets_company_and_the_first_answer_counts():
    slow, quick = FakeReplica("slow", slow=True), FakeReplica("quick")
    shard = hurried(RoutedShard(0, [slow, quick]))
    assert shard.read(len) == "quick"
    assert (shard.hedged, len(slow.calls), len(quick.calls)) == (1, 1, 1)
    assert shard.read(len) == "quick"  # the slow one still has a call in progress
    assert len(slow.calls) == 1
    slow.waiting[0].set_result("late")
    assert [state.in_progress for state in shard._states] == [0, 0]


def test_a_replica_that_stays_silent_is_avoided_after_the_deadline():
    silent = FakeReplica("silent", slow=True)
    shard = RoutedShard(0, [silent], deadline_seconds=0.02)
    with pytest.raises(MissingShardError, match="shard 0 has no replica that answers"):
        shard.read(len)
    other = FakeReplica("other")
    shard.replace([silent, other])
    assert shard.read(len) == "other"
    assert len(silent.calls) == 1


def test_a_wrong_question_is_not_asked_twice():
    first, second = FakeReplica("a", UsageError("no such field")), FakeReplica("b")
    shard = RoutedShard(0, [first, second])
    with pytest.raises(UsageError, match="no such field"):
        shard.read(len)
    assert second.calls == []
    assert not shard._states[0].failed


def test_an_error_of_one_replica_is_raised_only_if_the_others_have_one_too():
    damaged = CollectionError("the disk is damaged")
    first, second = FakeReplica("a", damaged), FakeReplica("b")
    assert RoutedShard(0, [first, second]).read(len) == "b"
    second.error = CollectionError("the disk is full")
    with pytest.raises(CollectionError, match="the disk is full"):
        RoutedShard(0, [first, second]).read(len)


def test_lost_replicas_are_tried_again_until_the_deadline():
    replica = FakeReplica("a", lost())
    started = threading.Event()
    shard = RoutedShard(0, [replica], deadline_seconds=60)
    call = replica.call

    def count(*arguments):
        if len(replica.calls) == 2:
            replica.error = None
        started.set()
        return call(*arguments)

    replica.call = count
    assert shard.read(len) == "a"
    assert len(replica.calls) == 3


def test_a_shard_that_failed_before_does_not_delay_the_next_request_to_its_deadline():
    shard = RoutedShard(0, [FakeReplica("a", lost())], deadline_seconds=0.01)
    with pytest.raises(MissingShardError):
        shard.read(len)
    started = time.monotonic()
    with new_request(600, 600), pytest.raises(MissingShardError):
        shard.read(len)
    assert time.monotonic() - started < 300  # not the deadline of the request


def test_a_request_goes_on_without_a_missing_shard_and_names_it():
    shards = [RoutedShard(0, [FakeReplica("a")]), RoutedShard(1, [FakeReplica("b", lost())])]
    router = Router(2)
    with new_request(600, 0.1) as request:
        assert router.ask_all(shards, lambda shard: shard.read(len)) == ["a", None]
        assert request.missing == {1}
        calls = len(shards[1].replicas[0].calls)
        assert router.ask_all(shards, lambda shard: shard.read(len)) == ["a", None]
        assert router.ask_all(shards[1:], lambda shard: shard.read(len)) == [None]
        assert len(shards[1].replicas[0].calls) == calls  # it is not waited for again
    with new_request(600, 0.1) as request:
        assert request.missing == set()
        shards[0].replicas[0].error = lost()
        with pytest.raises(MissingShardError):  # an empty result would look complete
            router.ask_all(shards, lambda shard: shard.read(len))
    router.close()


def test_outside_of_a_request_a_missing_shard_is_an_error():
    shards = [RoutedShard(0, [FakeReplica("a")]), RoutedShard(7, [], deadline_seconds=0.01)]
    router = Router(2)
    with pytest.raises(MissingShardError, match="shard 7"):
        router.ask_all(shards, lambda shard: shard.read(len))
    router.close()


def test_requests_of_two_threads_do_not_see_each_other():
    router, shard = Router(2), RoutedShard(1, [FakeReplica("b", lost())])
    both = threading.Barrier(2)

    def search(seconds, shards):
        with new_request(600, seconds) as request:
            both.wait(timeout=60)
            router.ask_all(shards, lambda each: each.read(len))
            both.wait(timeout=60)
            return request.missing

    good = RoutedShard(0, [FakeReplica("a")])
    with ThreadPoolExecutor(2) as pool:
        partial, complete = (
            pool.submit(search, 0.05, [good, shard]),
            pool.submit(search, 60, [good]),
        )
        assert (partial.result(), complete.result()) == ({1}, set())
    router.close()


def test_the_least_busy_replica_is_asked_first():
    busy, idle = FakeReplica("busy"), FakeReplica("idle")
    shard = RoutedShard(0, [busy, idle])
    shard.begin(shard._states[0])
    assert shard.read(len) == "idle"
    shard.end(shard._states[0], failed=False, seconds=0.0)
    assert shard.read(len) == "busy"


def test_the_delay_of_a_second_call_follows_the_slow_calls():
    shard = RoutedShard(0, [FakeReplica("a")])
    before = shard.hedge_seconds
    for milliseconds in range(1, 101):
        shard.begin(shard._states[0])
        shard.end(shard._states[0], failed=False, seconds=milliseconds / 1000)
    assert shard.hedge_seconds == pytest.approx(0.096)  # of 1 to 100 ms, 95 are shorter
    assert before == 0.25
