"""Which searches go together, by a search that counts its calls."""

import asyncio
import threading

import pytest

from ragkit import ModelError, UsageError
from ragkit.errors import UnavailableError
from ragkit.retrieval.options import SearchOptions
from ragkit.serving.collections.batching import Batcher


class Calls:
    """Replaces the collection: records each call, and waits in it while `gate` is not set."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, queries, options):
        self.batches.append((list(queries), options))
        assert self.gate.wait(60)
        return [[f"{query}, {options.k}"] for query in queries]


def run(work, **how):
    """Return what `work(batcher, calls)` returns, and the batches that were searched."""
    calls = Calls()

    async def main():
        batcher = Batcher(calls, **how)
        try:
            return await work(batcher, calls)
        finally:
            calls.gate.set()
            batcher.close()

    return asyncio.run(main()), calls.batches


async def until(happened):
    """Fails where it does not come to that."""
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.001)


def count_waiting(batcher):
    return sum(len(group.waiting) for group in batcher._groups.values())


async def while_held(batcher, calls, *searches):
    """All threads are in a search; meanwhile these come, and then the threads go on."""
    calls.gate.clear()
    busy = [asyncio.ensure_future(batcher.search(f"busy {n}", SearchOptions())) for n in range(2)]
    while len(calls.batches) < 2:
        await asyncio.sleep(0.001)
    later = [asyncio.ensure_future(batcher.search(*search)) for search in searches]
    await until(lambda: count_waiting(batcher) == len(searches))
    calls.gate.set()
    return await asyncio.gather(*later, *busy)


def test_a_single_search_starts_at_once():
    results, batches = run(lambda batcher, _: batcher.search("a", SearchOptions(k=3)), max_wait=60)
    assert (results, batches) == (["a, 3"], [(["a"], SearchOptions(k=3))])


def test_waiting_searches_share_a_batch_and_get_their_own_hits():
    searches = [(f"q{n}", SearchOptions(k=3)) for n in range(10)]
    results, batches = run(lambda batcher, calls: while_held(batcher, calls, *searches))
    assert results[:10] == [[f"q{n}, 3"] for n in range(10)]
    assert batches[2:] == [([f"q{n}" for n in range(10)], SearchOptions(k=3))]


def test_two_callers_never_wait():
    results, batches = run(while_held, max_wait=60)
    assert sorted(queries for queries, _ in batches) == [["busy 0"], ["busy 1"]]
    assert results == [["busy 0, 10"], ["busy 1, 10"]]


@pytest.mark.parametrize("wait", [0.001, 60])
def test_a_group_waits_until_it_is_as_large_as_the_running_batch_or_its_time_is_over(wait):
    gates = {name: threading.Event() for name in ("x", "y", "a")}
    batches = []

    def search_many(queries, _):
        batches.append(queries)
        assert queries[0] not in gates or gates[queries[0]].wait(60)
        return [[] for _ in queries]

    async def main():
        batcher = Batcher(search_many, max_wait=wait)
        searches = [
            asyncio.ensure_future(batcher.search(name, SearchOptions())) for name in "xyabc"
        ]
        await until(lambda: len(batches) == 2)  # x and y, each in a thread
        gates["x"].set()
        await until(lambda: len(batches) == 3)
        gates["y"].set()
        await searches[1]  # a thread is free, and three run
        searches += [asyncio.ensure_future(batcher.search(name, SearchOptions())) for name in "de"]
        if wait < 1:
            await until(lambda: sum(map(len, batches)) == 7)  # the time of d and e is over
        else:
            for _ in range(1000):  # turns of the event loop in which they must not start
                await asyncio.sleep(0)
        searches.append(asyncio.ensure_future(batcher.search("f", SearchOptions())))
        await until(lambda: sum(map(len, batches)) == 8)
        gates["a"].set()
        await asyncio.gather(*searches)
        batcher.close()

    asyncio.run(main())
    assert batches[2:] == [
        ["a", "b", "c"],
        *([["d", "e", "f"]] if wait > 1 else [["d", "e"], ["f"]]),
    ]


def test_equal_queries_are_searched_once():
    searches = [("same", SearchOptions())] * 5 + [("other", SearchOptions())]
    results, batches = run(lambda batcher, calls: while_held(batcher, calls, *searches))
    assert results[:6] == [["same, 10"]] * 5 + [["other, 10"]]
    assert [queries for queries, _ in batches[2:]] == [["same", "other"]]


def test_different_options_never_share_a_batch_even_if_equal_in_python():
    kinds = [
        SearchOptions(diverse=True),
        SearchOptions(diverse=1.0),
        SearchOptions(where={"a": 1}),
        SearchOptions(k=1),
    ]
    searches = [(f"q{n}", kind) for kind in kinds for n in range(2)]
    _, batches = run(lambda batcher, calls: while_held(batcher, calls, *searches))
    assert sorted(len(queries) for queries, _ in batches[2:]) == [2, 2, 2, 2]


def test_no_batch_exceeds_the_maximum():
    searches = [(f"q{n}", SearchOptions()) for n in range(7)]
    _, batches = run(lambda batcher, calls: while_held(batcher, calls, *searches), max_batch=3)
    assert [len(queries) for queries, _ in batches[2:]] == [3, 3, 1]


def test_a_maximum_of_one_disables_batching():
    searches = [(f"q{n}", SearchOptions()) for n in range(4)]
    _, batches = run(lambda batcher, calls: while_held(batcher, calls, *searches), max_batch=1)
    assert [len(queries) for queries, _ in batches] == [1] * 6


def test_cancelled_searches_are_dropped():
    async def work(batcher, calls):
        calls.gate.clear()
        busy = [asyncio.ensure_future(batcher.search(f"b{n}", SearchOptions())) for n in range(2)]
        while len(calls.batches) < 2:
            await asyncio.sleep(0.001)
        cancelled = asyncio.ensure_future(batcher.search("gone", SearchOptions()))
        waiting = asyncio.ensure_future(batcher.search("here", SearchOptions()))
        await until(lambda: count_waiting(batcher) == 2)
        cancelled.cancel()
        calls.gate.set()
        await asyncio.gather(waiting, *busy)

    _, batches = run(work)
    assert "gone" not in [query for queries, _ in batches for query in queries]


def test_an_error_reaches_its_caller_and_later_searches_succeed():
    def search_many(queries, options):
        if options.k == 9:
            raise UsageError("k is 9")
        return [[] for _ in queries]

    async def main():
        batcher = Batcher(search_many)
        with pytest.raises(UsageError, match="k is 9"):
            await batcher.search("a", SearchOptions(k=9))
        results = await batcher.search("a", SearchOptions(k=1))
        batcher.close()
        return results

    assert asyncio.run(main()) == []


@pytest.mark.parametrize("error", [UsageError, ValueError])
def test_one_bad_query_does_not_fail_the_others_in_its_batch(error):
    sizes = []

    def search_many(queries, options):
        sizes.append(len(queries))
        if "bad" in queries:
            raise error("no")
        return [[query] for query in queries]

    async def main():
        batcher = Batcher(search_many, max_batch=3, threads=1)
        searches = [batcher.search(query, SearchOptions()) for query in ("first", "a", "bad", "b")]
        results = await asyncio.gather(*searches, return_exceptions=True)
        batcher.close()
        return results

    first, a, bad, b = asyncio.run(main())
    assert (first, a, b, type(bad)) == (["first"], ["a"], ["b"], error)
    assert sizes == [1, 3, 1, 1, 1]


def test_a_model_error_fails_its_batch_without_a_retry_per_query():
    calls = []

    def search_many(queries, options):
        calls.append(list(queries))
        raise ModelError("its server is down")

    async def main():
        batcher = Batcher(search_many, max_batch=3, threads=1)
        searches = [batcher.search(query, SearchOptions()) for query in ("first", "a", "b", "c")]
        results = await asyncio.gather(*searches, return_exceptions=True)
        batcher.close()
        return [type(result) for result in results]

    assert asyncio.run(main()) == [ModelError] * 4
    assert calls == [["first"], ["a", "b", "c"]]


def test_a_large_group_does_not_starve_others():
    searches = [(f"q{n}", SearchOptions(k=1)) for n in range(6)] + [("other", SearchOptions(k=2))]
    _, batches = run(lambda batcher, calls: while_held(batcher, calls, *searches), max_batch=2)
    # Two threads take one batch of each group, and either may be recorded first.
    assert sorted(options.k for _, options in batches[2:4]) == [1, 2]


def test_waiting_searches_raise_when_the_server_stops():
    async def work(batcher, calls):
        calls.gate.clear()
        busy = [asyncio.ensure_future(batcher.search(f"q{n}", SearchOptions())) for n in range(2)]
        while len(calls.batches) < 2:
            await asyncio.sleep(0.001)
        searches = [*busy, asyncio.ensure_future(batcher.search("late", SearchOptions()))]
        await until(lambda: count_waiting(batcher) == 1)
        calls.gate.set()
        batcher.close()
        return await asyncio.gather(*searches, return_exceptions=True)

    results, _ = run(work)
    assert results[:2] == [["q0, 10"], ["q1, 10"]]
    assert [type(error) for error in results[2:]] == [UnavailableError]


def test_batched_hits_equal_those_of_single_searches(library):
    served = library["default"]
    queries = [f"{word} at home" for word in ("who", "may", "stay", "all", "keys", "vault", "day")]

    async def main():
        return await asyncio.gather(
            *(served.search(query, SearchOptions(k=3)) for query in queries)
        )

    assert asyncio.run(main()) == [served.collection.search(query, k=3) for query in queries]
    assert max(served.batcher.batch_sizes) > 1
