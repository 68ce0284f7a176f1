"""Access control for an HTTP server: Host, Origin and bearer token, checked before anything else.

A web page that someone opens can send requests to servers on their own machine and, with DNS
rebinding, read the responses under a host name of its own. A request must therefore name a host of
this server, and its Origin (if any) must be one of these hosts or an allowed origin. Knows ASGI;
knows nothing of the application behind it.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LOOPBACK_NAME = "localhost"
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 (compared with, never bound to)


def is_loopback(host: str) -> bool:
    """Return whether a server at this address can be reached from this machine only."""
    try:
        return host == _LOOPBACK_NAME or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _plain_text_refusal(status: int, reason: str) -> App:
    """Return an ASGI application that answers with this status and `reason` as plain text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))

    async def respond(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": f"{reason}\n".encode()})

    return respond


class AccessControl:
    """ASGI middleware: pass on requests that name one of our hosts and carry the token, if any.

    `host` is the address the server listens on; `host_names` are its further names. A server that
    listens on all addresses accepts any IP address as Host: DNS rebinding needs a name.
    `origins` are other sites whose pages may send requests (CORS): https://chat.example. `public`
    paths need no token; one that ends in "/" includes everything below it. `refuse(status,
    reason)` makes the response to a refused request, an ASGI application.
    """

    def __init__(
        self,
        app: App,
        host: str,
        host_names: Iterable[str] = (),
        token: str | None = None,
        *,
        origins: Iterable[str] = (),
        public: Iterable[str] = (),
        refuse: Callable[[int, str], App] = _plain_text_refusal,
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._public = frozenset(public)
        self._public_folders = tuple(
            path for path in self._public if path.endswith("/") and path != "/"
        )
        self._refuse = refuse
        self._host_names = {_LOOPBACK_NAME, host.lower(), *(name.lower() for name in host_names)}
        self._is_any_address_ours = host in _ALL_ADDRESSES
        self._token = token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as ASGI defines it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        app = self._app if refusal is None else self._refuse(*refusal)
        await app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason to refuse a request with, or None."""
        headers: dict[str, list[str]] = {"host": [], "origin": [], "authorization": []}
        for name, value in scope["headers"]:
            headers.get(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if len(headers["host"]) != 1 or not self._is_our_host(f"//{headers['host'][0]}"):
            return 421, "unknown Host header; allow it with --allow-host"
        if any(not (o in self._origins or self._is_our_host(o)) for o in headers["origin"]):
            return 403, "cross-origin requests from this origin are refused"
        path = scope.get("path", "")
        if self._token is None or path in self._public or path.startswith(self._public_folders):
            return None
        if not self._has_token(headers["authorization"]):
            return 401, "a token is required: Authorization: Bearer TOKEN"
        return None

    def _is_our_host(self, url: str) -> bool:
        """Whether `url` (`//host:port` or an origin) names this server."""
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 (raises where it is not a number)
            host = parts.hostname or ""
        except ValueError:
            return False
        if parts.scheme not in ("", "http", "https") or "@" in parts.netloc or parts.path:
            return False
        return host in self._host_names or self._is_our_address(host)

    def _is_our_address(self, host: str) -> bool:
        try:
            return ipaddress.ip_address(host).is_loopback or self._is_any_address_ours
        except ValueError:
            return False

    def _has_token(self, headers: list[str]) -> bool:
        """Whether the Authorization headers are exactly one with our token (constant time)."""
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        is_equal = hmac.compare_digest(token.strip().encode(), self._token or b"")
        return scheme.lower() == "bearer" and is_equal
