"""One address that answers JSON with JSON over HTTP, and everything that can go wrong on the way.

Contract: `Endpoint.post` sends a JSON object and returns the one that comes back, `Endpoint.stream`
yields those of an event stream as they come; both raise a `ModelError` that says what was found
and what mends it. Busy servers (429, 5xx) and broken connections are tried again, with growing
pauses or as long as `Retry-After` says. Connections are kept; safe to share between threads.
Proxies are the environment's, but never for this machine.

A key is read from the environment when it is needed, goes to the address named beside it and
nowhere else: not over plain http to another machine, not along a redirect (none is followed), not
into a message. Knows nothing of models or vectors.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import queue
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ragkit.errors import ModelError
from ragkit.network import proxies, sse
from ragkit.network.addresses import is_loopback, split

T = TypeVar("T")
_Answer: TypeAlias = tuple[http.client.HTTPConnection, http.client.HTTPResponse]  # head read

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0  # a server may have to load its model first
TRIES = 5
PAUSE = 0.5  # seconds before the second try; doubles with each
LONGEST_PAUSE = 60.0
_MOST_BYTES = 100_000_000
_BUSY = {429, 500, 502, 503, 504}
_HTTP_ERRORS = 400


class RefusedError(ModelError):
    """The server did not take the request; `status` is its HTTP status, `said` what it says."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status, self.said = status, said


class Endpoint:
    """`path` below `base_url`, with the key that the variable `api_key_env` holds, if any.

    `called`: what the user has named those two by, for messages.
    """

    def __init__(
        self,
        base_url: str,
        path: str,
        api_key_env: str | None = None,
        called: tuple[str, str] = ("base_url", "api_key_env"),
    ) -> None:
        parts = split(base_url, *called)
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(path)}{path}"
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._netloc = parts.netloc
        self._local = is_loopback(base_url)
        self._api_key_env, self._called = api_key_env, called
        if api_key_env and not (self._secure or self._local):
            raise ModelError(
                f"{base_url} is plain http on another machine, where anyone on the way reads the "
                f"key in {api_key_env}. Name the server's https address, or no {called[1]}"
            )
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()
        weakref.finalize(self, _close, self._idle)

    def post(self, content: dict[str, Any]) -> dict[str, Any]:
        """The JSON object that the server answers to this one."""
        return self._object(self._asked(content, "application/json", self._whole))

    def stream(self, content: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The JSON objects that the server sends in answer to this one, as they come.

        Nothing is tried again once the answer has begun. Closing the iterator closes the
        connection, which is how a server learns that nobody listens. A server that answers one
        object at once is understood too.
        """
        found = self._asked(content, "text/event-stream", self._begun)
        if isinstance(found, bytes):
            yield self._object(found)
            return
        connection, answer = found
        try:
            for data in sse.data(answer):
                yield self._object(data)
        except OSError as error:
            raise self._unreachable(error) from error
        except (http.client.HTTPException, ValueError) as error:
            raise ModelError(f"{self.url} breaks off its answer: {error!r}") from error
        finally:
            connection.close()

    def _asked(self, content: dict[str, Any], accept: str, take: Callable[[_Answer], T]) -> T:
        """What `take` makes of a good answer. Busy servers are asked again."""
        body = json.dumps(content).encode("ascii")
        headers = {"Content-Type": "application/json", "Accept": accept}
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        pause = PAUSE
        for left in reversed(range(TRIES)):
            try:
                connection, answer = self._once(body, headers)
                status, wait = answer.status, _seconds(answer.getheader("Retry-After"))
                if 200 <= status < 300:
                    return take((connection, answer))
                said = self._whole((connection, answer))
            except (ConnectionResetError, BrokenPipeError, http.client.HTTPException) as error:
                if not left:
                    raise ModelError(f"{self.url} breaks off the connection: {error!r}") from error
                wait = None
            except OSError as error:
                raise self._unreachable(error) from error
            else:
                if status not in _BUSY or not left or (wait or 0) > LONGEST_PAUSE:
                    raise self._refused(status, wait, said, key)
            time.sleep(pause if wait is None else wait)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise AssertionError("the last try returns or raises")

    def _key(self) -> str | None:
        if not self._api_key_env:
            return None
        key = os.environ.get(self._api_key_env, "").strip()
        if not key:
            raise ModelError(
                f"the environment variable {self._api_key_env}, named in {self._called[1]}, is not "
                f"set; it should hold the key for {self.url}"
            )
        if not (key.isascii() and key.isprintable()):
            raise ModelError(f"what {self._api_key_env} holds is no key: not one line of ASCII")
        return key

    def _once(self, body: bytes, headers: dict[str, str]) -> _Answer:
        """A connection with the head of the answer read."""
        try:
            return self._exchange(self._idle.get_nowait(), body, headers)
        except (queue.Empty, ConnectionError, http.client.HTTPException):
            pass  # none is kept, or the server has closed it meanwhile
        return self._exchange(self._connected(), body, headers)

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
    ) -> _Answer:
        login = getattr(connection, "proxy_login", None)
        try:
            target = urlsplit(self.url).path if login is None else self.url
            connection.request("POST", target, body, {**headers, **(login or {})})
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _whole(self, found: _Answer) -> bytes:
        """The body of an answer; its connection is kept."""
        connection, answer = found
        try:
            content = answer.read(_MOST_BYTES + 1)
        except BaseException:
            connection.close()
            raise
        if len(content) > _MOST_BYTES:
            connection.close()
            raise ModelError(f"{self.url} answers more than {_MOST_BYTES:,} bytes")
        if answer.will_close:
            connection.close()
        else:
            self._idle.put(connection)
        return content

    def _begun(self, found: _Answer) -> _Answer | bytes:
        """An answer that is still to be read, where it is an event stream."""
        if "text/event-stream" in (found[1].getheader("Content-Type") or ""):
            return found
        return self._whole(found)

    def _connected(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        proxy = (
            None
            if self._local
            else proxies.named("https" if self._secure else "http", self._netloc)
        )
        if proxy is None:
            connection = kind(self._host, self._port, timeout=CONNECT_SECONDS)
        else:
            connection = kind(proxy.hostname or "", proxy.port or 80, timeout=CONNECT_SECONDS)
            if self._secure:
                connection.set_tunnel(self._host, self._port, proxies.login(proxy))
            else:
                connection.proxy_login = proxies.login(proxy)  # type: ignore[attr-defined]
        try:
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _unreachable(self, error: OSError) -> ModelError:
        if isinstance(error, TimeoutError):
            return ModelError(
                f"{self.url} does not answer in time ({CONNECT_SECONDS:g} s to connect, "
                f"{ANSWER_SECONDS:g} s to answer). Is the server well?"
            )
        reason = error.strerror or str(error)
        return ModelError(f"cannot reach {self.url}: {reason}. Is the server running there?")

    def _object(self, answer: bytes) -> dict[str, Any]:
        key = self._key()
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{self.url} answers no JSON: {_said(answer, key)}") from error
        if not isinstance(found, dict):
            raise ModelError(f"{self.url} answers no JSON object: {_said(answer, key)}")
        return found

    def _refused(
        self, status: int, wait: float | None, answer: bytes, key: str | None
    ) -> RefusedError:
        words = _said(answer, key)
        base_url, api_key_env = self._called
        if status < _HTTP_ERRORS:
            advice = f"It points elsewhere; name the address itself as {base_url}"
        elif status in (401, 403):
            has = f"the key in {self._api_key_env}" if key else "a request without a key"
            advice = (
                f"It refused {has}; name the variable that holds the right one in {api_key_env}"
            )
        elif status == 404:
            advice = f"Is the model's name right, and {base_url} (it often ends in /v1)?"
        elif status in _BUSY:
            asked = f", and asks to wait {wait:g} s" if wait else ""
            advice = f"It is busy or broken{asked}; run the same command again later"
        else:
            advice = (
                "If a text is too long for it, set a smaller window (llm_context_tokens of an llm)"
            )
        return RefusedError(f"{self.url} answers {status}: {words}. {advice}", status, words)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def _said(answer: bytes, key: str | None) -> str:
    """What the server's body says, in one printable line, without the key."""
    text = answer[:10_000].decode("utf-8", "replace")
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = None
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and (inner := found.get(name)):
            found, text = inner, inner if isinstance(inner, str) else json.dumps(inner)
    text = text.replace(key, "…") if key else text
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:300] or "nothing"


def _close(idle: queue.LifoQueue[http.client.HTTPConnection]) -> None:
    while not idle.empty():
        idle.get_nowait().close()
