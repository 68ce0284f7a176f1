"""How requests are validated, and what an endpoint makes of errors."""

import asyncio

import pytest

from ragkit.errors import UsageError
from ragkit.serving.api.endpoint import Endpoint, ValidatedRequest
from ragkit.serving.transport.json_http import ApiError


@pytest.mark.parametrize(
    "body",
    [
        {}, {"query": ""}, {"query": "  "}, {"query": 3}, {"query": "x", "k": 0},
        {"query": "x", "k": 101}, {"query": "x", "k": "3"}, {"query": "x", "k": True},
        {"query": "x", "qeury": "x"}, {"query": "x", "mode": "magic"}, {"query": "x" * 8001},
        {"query": "x", "where": "type ="}, {"query": "x", "where": {"type": "eq"}},
        {"query": "x", "diverse": 2}, [], "x",
    ],
)  # fmt: skip
def test_an_invalid_search_request_is_refused_with_a_message(client, body):
    answered = client.post("/v1/search", json=body)
    error = answered.json()["error"]
    assert (answered.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["message"]
    assert {"message", "type", "code"} <= error.keys()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "query is missing"),
        ("query=a&query=b", "query is given twice"),
        ("query=a&limit=3", "limit is not known; expected query, k"),
        ("query=a&k=many", "k is 'many'; expected integer"),
        ("query=a&k=101", "k is 101; expected 1 to 100"),
    ],
)
def test_a_wrong_query_string_is_refused_by_name(client, query, message):
    answered = client.get(f"/v1/search?{query}")
    assert answered.status_code == 400
    assert answered.json()["error"]["message"].startswith(message)


def test_parameters_that_openai_has_and_we_do_not_are_ignored(client):
    assert client.get("/v1/models?order=asc").status_code == 200


def test_an_endpoint_knows_the_errors_it_may_return():
    endpoint = Endpoint("POST", "/x", None, "x", "X", "own", body="AskRequest", errors=(404,))
    assert endpoint.error_statuses == (400, 401, 403, 404, 408, 413, 415, 421, 429, 503)
    public = Endpoint("GET", "/x", None, "x", "X", "own", is_public=True)
    assert public.error_statuses == (403, 421, 429, 503)


class Connection:
    """A request whose caller hangs up once `hang_up` is set."""

    def __init__(self):
        self.hang_up = asyncio.Event()

    async def receive(self):
        await self.hang_up.wait()
        return {"type": "http.disconnect"}


def test_work_is_cancelled_when_the_caller_hangs_up():
    async def main():
        connection, is_cancelled = Connection(), asyncio.Event()

        async def work():
            connection.hang_up.set()
            try:
                await asyncio.sleep(60)
            finally:
                is_cancelled.set()

        with pytest.raises(ApiError, match="hung up"):
            await ValidatedRequest(connection, {}, {}, None).run_until_disconnect(work())
        return is_cancelled.is_set()

    assert asyncio.run(main())


def test_the_result_or_the_error_of_work_is_passed_on():
    async def succeed():
        return 7

    async def fail():
        raise UsageError("k is 0")

    async def main(work):
        return await ValidatedRequest(Connection(), {}, {}, None).run_until_disconnect(work)

    assert asyncio.run(main(succeed())) == 7
    with pytest.raises(UsageError, match="k is 0"):
        asyncio.run(main(fail()))
