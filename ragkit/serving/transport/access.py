"""Who may talk to a server over HTTP: Host, Origin and token, checked before anything else.

A page that someone opens in a browser can send requests to servers on their own machine, and with
DNS rebinding read the answers under a name of its own. So a request must name a host that this
server has, and come from a page of such a host or from no page at all. Knows ASGI and nothing of
what is behind it.
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
_ALL = ("0.0.0.0", "::")  # noqa: S104 (compared with, never bound to)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at this address."""
    try:
        return host == _LOOPBACK_NAME or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(status: int, reason: str) -> App:
    """A refusal as plain text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))

    async def answer(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": f"{reason}\n".encode()})

    return answer


class Gate:
    """Lets through to `app` what names a host of ours, and brings `token` where there is one.

    `host` is the address that is listened at, `names` what else this server is called. Listening
    at all addresses, it answers to any of them: what a page can rebind is a name, no address.
    `origins` are pages elsewhere that may ask: https://chat.example. `unguarded` are paths (and,
    with "/" at the end, what is below them) that need no token. `refuse` makes the answers, ASGI
    applications.
    """

    def __init__(
        self,
        app: App,
        host: str,
        names: Iterable[str] = (),
        token: str | None = None,
        *,
        origins: Iterable[str] = (),
        unguarded: Iterable[str] = (),
        refuse: Callable[[int, str], App] = _plain,
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._unguarded = frozenset(unguarded)
        self._below = tuple(path for path in self._unguarded if path.endswith("/") and path != "/")
        self._refuse = refuse
        self._names = {_LOOPBACK_NAME, host.lower(), *(name.lower() for name in names)}
        self._any_address = host in _ALL
        self._token = token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        refused = self._refusal(scope) if scope["type"] == "http" else None
        app = self._app if refused is None else self._refuse(*refused)
        await app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        given: dict[str, list[str]] = {"host": [], "origin": [], "authorization": []}
        for name, value in scope["headers"]:
            given.get(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        if len(given["host"]) != 1 or not self._is_ours(f"//{given['host'][0]}"):
            return 421, "this server is not called that; name it with --allow-host"
        if any(not (each in self._origins or self._is_ours(each)) for each in given["origin"]):
            return 403, "requests from pages of other hosts are refused"
        path = scope.get("path", "")
        if self._token is None or path in self._unguarded or path.startswith(self._below):
            return None
        if not self._has_token(given["authorization"]):
            return 401, "a token is needed: Authorization: Bearer TOKEN"
        return None

    def _is_ours(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
            parts.port  # noqa: B018 (raises where it is no number)
            host = parts.hostname or ""
        except ValueError:
            return False
        if parts.scheme not in ("", "http", "https") or "@" in parts.netloc or parts.path:
            return False
        return host in self._names or self._is_address(host)

    def _is_address(self, host: str) -> bool:
        try:
            return ipaddress.ip_address(host).is_loopback or self._any_address
        except ValueError:
            return False

    def _has_token(self, given: list[str]) -> bool:
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        is_same = hmac.compare_digest(token.strip().encode(), self._token or b"")
        return kind.lower() == "bearer" and is_same
