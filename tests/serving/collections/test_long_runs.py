"""Long work: shared, limited in number and in time."""

import asyncio
import threading

import pytest

from ragkit.serving.collections.long_runs import LongRuns
from ragkit.serving.collections.threads import OverloadedError


def test_equal_requests_share_a_run_and_few_others_wait():
    runs, gate, calls = LongRuns(max_runs=2), threading.Event(), []

    def work(name):
        calls.append(name)
        gate.wait()
        return name

    async def ask():
        first = [asyncio.create_task(runs.run("a", lambda: work("a"))) for _ in range(3)]
        await asyncio.sleep(0)
        second = asyncio.create_task(runs.run("b", lambda: work("b")))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="try again"):
            await runs.run("c", lambda: work("c"))
        gate.set()
        return await asyncio.gather(*first, second)

    try:
        assert asyncio.run(ask()) == ["a", "a", "a", "b"]
        assert calls == ["a", "b"]
        assert asyncio.run(runs.run("a", lambda: "anew")) == "anew"
    finally:
        gate.set()
        runs.close()


def test_a_request_ends_before_a_run_that_takes_too_long_and_errors_are_passed_on():
    runs, gate = LongRuns(seconds=0.01), threading.Event()
    try:
        with pytest.raises(OverloadedError, match=r"0\.01 seconds"):
            asyncio.run(runs.run("slow", gate.wait))
    finally:
        gate.set()
        runs.close()
    runs = LongRuns()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(runs.run("wrong", lambda: 1 / 0))
    runs.close()
