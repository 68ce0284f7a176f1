"""Every request ends, whatever ends the work behind it."""

import asyncio
import concurrent.futures
import threading
from contextlib import contextmanager

import pytest

from ragkit.records.answers import Piece
from ragkit.retrieval.options import SearchOptions
from ragkit.serving.collections.batching import Batcher
from ragkit.serving.collections.indexing import IndexRuns
from ragkit.serving.collections.library import AnswerStreams
from ragkit.serving.collections.threads import WorkerError, run_guarded

ENDINGS = (
    type("PanicException", (BaseException,), {}),  # as pyo3 derives it
    SystemExit,
    KeyboardInterrupt,
    GeneratorExit,
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
    StopIteration,
    StopAsyncIteration,
    MemoryError,
    RecursionError,
    OSError,
)


def raising(ending):
    def work(*_, **__):
        raise ending("secret text")

    return work


@contextmanager
def time_limit():
    """Fails, rather than hangs, if the work in the block does not end."""
    done = threading.Event()

    def fail():
        if not done.wait(30):
            pytest.exit("a request never ended")

    threading.Thread(target=fail, daemon=True).start()
    try:
        yield
    finally:
        done.set()


@pytest.mark.parametrize("ending", ENDINGS)
def test_work_that_ends_in_any_way_raises_an_exception(ending):
    with pytest.raises(Exception) as raised:
        run_guarded(raising(ending))
    if issubclass(ending, (MemoryError, RecursionError, OSError)):
        assert type(raised.value) is ending
    else:
        assert type(raised.value) is WorkerError
        assert isinstance(raised.value.__cause__, ending)
        assert "secret" not in str(raised.value)


def test_work_that_ends_well_returns_its_result():
    assert run_guarded(divmod, 7, 2) == (3, 1)


async def within(awaitable):
    async with asyncio.timeout(30):
        return await awaitable


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_search_ends_however_its_thread_does_and_the_next_one_runs(ending):
    async def main():
        is_failing = True

        def search_many(queries, options):
            if is_failing:
                raise ending("x")
            return [[query] for query in queries]

        batcher = Batcher(search_many)
        searches = [batcher.search(f"q{number}", SearchOptions()) for number in range(6)]
        failures = await within(asyncio.gather(*searches, return_exceptions=True))
        assert all(isinstance(failure, Exception) for failure in failures)
        is_failing = False
        assert await within(batcher.search("again", SearchOptions())) == ["again"]
        batcher.close()

    asyncio.run(main())


def test_a_panic_for_one_query_does_not_fail_the_others_of_its_batch():
    async def main():
        release = threading.Event()

        def search_many(queries, options):
            release.wait(30)
            if "bad" in queries:
                raise ENDINGS[0]
            return [[query] for query in queries]

        batcher = Batcher(search_many, threads=1)
        searches = [
            asyncio.ensure_future(batcher.search(query, SearchOptions()))
            for query in ("first", "good", "bad", "better")
        ]
        await asyncio.sleep(0)
        release.set()
        results = await within(asyncio.gather(*searches, return_exceptions=True))
        assert results[0:2] + results[3:] == [["first"], ["good"], ["better"]]
        assert isinstance(results[2], WorkerError)
        batcher.close()

    asyncio.run(main())


def test_a_search_of_wrong_length_is_an_error():
    async def main():
        batcher = Batcher(lambda queries, options: [])
        with pytest.raises(RuntimeError, match="0 results of 1 queries"):
            await within(batcher.search("a", SearchOptions()))
        batcher.close()

    asyncio.run(main())


def test_a_search_for_which_no_thread_can_be_started_ends(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    async def main():
        batcher = Batcher(lambda queries, options: [[query] for query in queries])
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(Exception, match="no search can be started"):
                await within(batcher.search("a", SearchOptions()))
        assert await within(batcher.search("b", SearchOptions())) == ["b"]
        batcher.close()

    asyncio.run(main())


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_answer_ends_however_its_thread_does_and_frees_its_slot(ending, is_late):
    def ask():
        if not is_late:
            raise ending("x")
        return iter(Late())

    class Late:
        def __iter__(self):
            yield "text"
            raise ending("x")

    async def main():
        answers = AnswerStreams(max_answers=1)
        for _ in range(3):
            with pytest.raises(Exception):  # noqa: B017 (any is good, none is not)
                async with asyncio.timeout(30):
                    async for _ in answers.stream(ask):
                        pass
        assert answers.in_progress == 0
        answers.close()

    asyncio.run(main())


def test_an_answer_is_closed_although_no_thread_has_begun_its_next_step():
    closed, release, kept = threading.Event(), threading.Event(), []

    def ask():
        try:
            yield "text"
        finally:
            closed.set()

    def opened():
        kept.append(ask())  # else the garbage collector would close it
        return kept[0]

    async def main():
        answers = AnswerStreams(max_answers=1)
        stream = answers.stream(opened)
        assert await anext(stream) == "text"
        answers._pool.submit(release.wait, 60)  # the only thread is busy
        step = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)  # until it waits for a thread
        step.cancel()  # as when the caller disconnects
        with pytest.raises(asyncio.CancelledError):
            await step
        assert not closed.is_set()
        release.set()
        answers.close()

    asyncio.run(main())
    assert closed.wait(60)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_index_run_that_ends_in_any_way_is_not_running(ending):
    class Failing:
        index = staticmethod(raising(ending))

    runs = IndexRuns()
    runs.start("notes", Failing(), {"notes": "/notes"})
    runs._thread.join(30)
    assert runs.latest("notes").state == "failed"


REQUESTS = {
    "search_with": ("POST", "/v1/search", {"query": "cats"}),
    "get": ("GET", "/v1/get?reference=keys.md", None),
    "status": ("GET", "/v1/status", None),
    "documents": ("GET", "/v1/documents", None),
    "ask_stream": ("POST", "/v1/ask", {"question": "cats?"}),
}


@pytest.mark.parametrize("method", REQUESTS)
def test_a_request_is_answered_and_frees_its_slot_whatever_happens(
    connect, library, monkeypatch, method
):
    served = library["default"]
    verb, path, body = REQUESTS[method]
    client = connect(library, raise_server_exceptions=False)
    with time_limit():
        for ending in ENDINGS:
            with monkeypatch.context() as patch:
                patch.setattr(type(served.collection), method, raising(ending))
                if method == "search_with":  # the batcher holds the bound method
                    patch.setattr(served.batcher, "_search_many", raising(ending))
                answered = client.request(verb, path, json=body)
            assert answered.status_code == 500
            message = answered.json()["error"]["message"]
            assert message == "internal error; the server's log has the details"
        assert client.request(verb, path, json=body).status_code == 200
        assert "ragkit_requests_in_flight 1.0" in client.get("/metrics").text


class Breaking:
    """Events that break off after the first one."""

    def __init__(self, ending):
        self.ending, self.events = ending, [Piece("Cats")]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.events:
            raise self.ending("x")
        return self.events.pop()


def test_a_stream_that_breaks_off_ends_with_an_error_event(connect, library, monkeypatch):
    client = connect(library, raise_server_exceptions=False)
    for ending in ENDINGS:
        events = Breaking(ending)
        monkeypatch.setattr(library["default"], "ask_stream", lambda *_, _it=events, **__: _it)
        with time_limit():
            text = client.post("/v1/ask", json={"question": "cats?", "stream": True}).text
        if ending is StopIteration:  # the regular end of an iterator
            assert text.endswith("event: done\ndata: {}\n\n")
        else:
            assert "event: error" in text
    assert library.answers.in_progress == 0
