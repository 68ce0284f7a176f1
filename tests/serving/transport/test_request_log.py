import asyncio
import logging

import pytest

from ragkit.serving.transport.request_log import LOGGER, RequestLog


def request(app, path="/v1/search", kind="http"):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_):
        pass

    scope = {"type": kind, "method": "GET", "path": path, "query_string": b"query=secret"}
    asyncio.run(RequestLog(app)(scope, receive, send))


async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def fail(scope, receive, send):
    raise RuntimeError("x")


def test_a_request_is_one_line_without_what_was_asked(caplog):
    with caplog.at_level(logging.INFO, LOGGER):
        request(answer)
        request(answer, "/a\nragkit: fake\x1b[2J" + "x" * 500)
        request(answer, kind="lifespan")
    first, second = [record.getMessage() for record in caplog.records]
    assert first.startswith("GET '/v1/search' 418 ")
    assert first.endswith(" ms")
    assert "\n" not in second
    assert "\x1b" not in second
    assert len(second) < 300
    assert "secret" not in caplog.text


def test_a_failure_is_logged_and_raised(caplog):
    with caplog.at_level(logging.INFO, LOGGER), pytest.raises(RuntimeError):
        request(fail)
    assert "no response" in caplog.text


def test_nothing_is_logged_unless_it_was_asked_for(caplog):
    with caplog.at_level(logging.WARNING, LOGGER):
        request(answer)
    assert caplog.records == []
