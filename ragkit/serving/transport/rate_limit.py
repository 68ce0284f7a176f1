"""ASGI middleware around the whole server: request limits, metrics, security headers.

Requests beyond `max_requests` at the same time are answered 503, those beyond `rate` a second from
one address 429. Every response gets the security headers and is counted. Knows ASGI; knows nothing
of the application behind it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, MutableMapping
from typing import Any

from ragkit.serving.transport.access import App, Receive, Scope, Send
from ragkit.serving.transport.json_http import ApiError, to_api_error
from ragkit.serving.transport.metrics import Metrics

MAX_REQUESTS = 256  # at the same time
MAX_ADDRESSES = 10_000  # whose token buckets are kept
ENDPOINT = "ragkit.endpoint"  # key in the scope: path of the endpoint that answers, for metrics
SECURITY_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}


class RequestLimits:
    """Pass on requests within the limits; count each one in `metrics`.

    `rate` is in requests per second and address (None: unlimited). Pages of `origins` can read the
    refusal too (CORS).
    """

    def __init__(
        self,
        app: App,
        metrics: Metrics,
        rate: float | None = None,
        max_requests: int = MAX_REQUESTS,
        origins: Iterable[str] = (),
    ) -> None:
        self._app, self._metrics, self._max_requests = app, metrics, max_requests
        self._origins = frozenset(origins)
        self._limiter = RateLimiter(rate) if rate else None
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as ASGI defines it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 499  # 499: the caller hung up before the response

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                names = {name.lower() for name, _ in message["headers"]}
                missing = [item for item in SECURITY_HEADERS.items() if item[0] not in names]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self._app(scope, receive, send_with_headers)
            else:
                await refusal.response()(scope, receive, send_with_headers)
        except Exception as error:
            if status != 499:  # the response has begun and can only be broken off
                raise
            await to_api_error(error).response()(scope, receive, send_with_headers)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)
            endpoint = scope.get(ENDPOINT, "other")
            self._metrics.requests.labels(_method_label(scope), endpoint, str(status)).inc()
            self._metrics.request_seconds.labels(endpoint).observe(time.monotonic() - started)

    def _refusal(self, scope: Scope) -> ApiError | None:
        if self._in_flight > self._max_requests:
            message = "too many requests at the same time; try again in a moment"
            return ApiError(503, message, "overloaded", headers=self._retry_headers(scope))
        address = scope["client"][0] if scope.get("client") else ""
        if self._limiter is not None and not self._limiter.allow(address, time.monotonic()):
            message = "too many requests from this address; slow down"
            return ApiError(429, message, "rate_limit_exceeded", headers=self._retry_headers(scope))
        return None

    def _retry_headers(self, scope: Scope) -> dict[str, str]:
        """Headers of a refusal: when to retry, and CORS for an allowed origin."""
        headers = {"retry-after": "1", "vary": "origin"}
        for name, value in scope["headers"]:
            if name == b"origin" and value.decode("latin-1") in self._origins:
                headers["access-control-allow-origin"] = value.decode("latin-1")
        return headers


def _method_label(scope: Scope) -> str:
    """The HTTP method; "other" for any that we do not serve, to bound the number of labels."""
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "OPTIONS") else "other"


class RateLimiter:
    """A token bucket for each address: capacity 2 · `rate`, refilled by `rate` per second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._capacity = max(1.0, 2 * rate)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, time

    def allow(self, address: str, now: float) -> bool:
        """Take one token of an address at the time `now` (seconds); False if there is none."""
        tokens, then = self._buckets.pop(address, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - then) * self._rate)
        is_allowed = tokens >= 1
        self._buckets[address] = (tokens - 1 if is_allowed else tokens, now)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return is_allowed
