"""What one server takes at once, and what every answer carries: counts, limits, safe headers.

More requests than `most` at a time are answered 503; more than `rate` a second of one address 429
(a token bucket of twice as many, so that a page may load), and a page of another host that may ask
can read why. Knows ASGI, and nothing of what is behind it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, MutableMapping
from typing import Any

from ragkit.serving.transport.access import App, Receive, Scope, Send
from ragkit.serving.transport.metrics import Metrics
from ragkit.serving.transport.responses import Problem, problem_of

REQUESTS = 256  # at the same time
REMEMBERED = 10_000  # addresses
ENDPOINT = "ragkit.network.json_client"  # in the scope: the path of the table that answered
SAFE = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}


class Limits:
    """Lets through to `app` what is not too much, and counts it in `metrics`."""

    def __init__(
        self,
        app: App,
        metrics: Metrics,
        rate: float | None = None,
        most: int = REQUESTS,
        origins: Iterable[str] = (),
    ) -> None:
        self._app, self._metrics, self._most = app, metrics, most
        self._origins = frozenset(origins)
        self._rate = Rate(rate) if rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 499  # of a caller who hung up before the answer

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name.lower() for name, _ in message["headers"]}
                safe = [each for each in SAFE.items() if each[0] not in there]
                message = {**message, "headers": [*message["headers"], *safe]}
            await send(message)

        self._metrics.in_flight += 1
        try:
            refused = self._refusal(scope)
            if refused is None:
                await self._app(scope, receive, watched)
            else:
                await refused.response()(scope, receive, watched)
        except Exception as error:
            if status != 499:  # the answer has begun: it can only be broken off
                raise
            await problem_of(error).response()(scope, receive, watched)
        finally:
            self._metrics.in_flight -= 1
            endpoint = scope.get(ENDPOINT, "other")
            seconds = time.monotonic() - started
            self._metrics.answered(_method(scope), endpoint, status, seconds)

    def _refusal(self, scope: Scope) -> Problem | None:
        if self._metrics.in_flight > self._most:
            message = "too many requests are being answered; try again in a moment"
            return Problem(503, message, "overloaded", headers=self._later(scope))
        address = scope["client"][0] if scope.get("client") else ""
        if self._rate is not None and not self._rate.allows(address, time.monotonic()):
            message = "too many requests of this address; slow down"
            return Problem(429, message, "rate_limit_exceeded", headers=self._later(scope))
        return None

    def _later(self, scope: Scope) -> dict[str, str]:
        """Headers of a refusal."""
        headers = {"retry-after": "1", "vary": "origin"}
        for name, value in scope["headers"]:
            if name == b"origin" and value.decode("latin-1") in self._origins:
                headers["access-control-allow-origin"] = value.decode("latin-1")
        return headers


def _method(scope: Scope) -> str:
    """Of a request; what is no method of ours has one name, however many there are."""
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "OPTIONS") else "other"


class Rate:
    """A bucket for each address: it holds 2 · `rate` requests and fills by `rate` a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, 2 * rate)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, when

    def allows(self, address: str, now: float) -> bool:
        """Whether this address may ask, `now` (seconds); if so it has."""
        left, then = self._buckets.pop(address, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        allowed = left >= 1
        self._buckets[address] = (left - 1 if allowed else left, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed
