"""Request limits, by a client in this process; the token bucket by hand-made times."""

import threading

from ragkit.serving.app import ServerOptions
from ragkit.serving.transport.rate_limit import RateLimiter

SEARCH = {"query": "who may stay at home?"}


def test_requests_beyond_the_rate_get_429(connect, library):
    client = connect(library, ServerOptions(rate=1))
    statuses = [client.get("/v1/health").status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses[2:]


def test_cors_preflights_count_as_requests(connect, library):
    """A preflight; and a page that may ask can read why it is refused."""
    client = connect(library, ServerOptions(rate=1, origins=("https://chat.example",)))
    ours = {"origin": "https://chat.example"}
    before = {**ours, "access-control-request-method": "POST"}
    statuses = [client.options("/v1/search", headers=before).status_code for _ in range(4)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses[2:]
    refused = client.post("/v1/search", json=SEARCH, headers=ours)
    assert refused.status_code == 429
    assert refused.headers["access-control-allow-origin"] == "https://chat.example"
    other = client.get("/v1/health", headers={"origin": "https://evil.example"})
    assert (other.status_code, "access-control-allow-origin" in other.headers) == (429, False)


def test_the_token_bucket_refills_and_each_address_has_its_own():
    rate = RateLimiter(2)
    assert [rate.allow("a", 0.0) for _ in range(5)] == [True, True, True, True, False]
    assert rate.allow("b", 0.0)
    assert not rate.allow("a", 0.4)
    assert rate.allow("a", 0.6)


def test_requests_beyond_the_maximum_at_the_same_time_get_503(connect, library, monkeypatch):
    client = connect(library, ServerOptions(max_requests=1))
    inside, go_on = threading.Event(), threading.Event()

    def search_many(queries, options):
        inside.set()
        go_on.wait(60)
        return [[] for _ in queries]

    monkeypatch.setattr(library["default"].batcher, "_search_many", search_many)
    thread = threading.Thread(target=lambda: client.post("/v1/search", json=SEARCH))
    thread.start()
    assert inside.wait(60)
    refused = client.get("/v1/health")
    go_on.set()
    thread.join()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_every_response_has_the_security_headers(client):
    for path in ("/", "/v1/health", "/v1/nothing"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
