"""A client for one URL that accepts and returns JSON over HTTP, with retries and event streams.

`JsonClient.post` sends a JSON object and returns the object that the server answers;
`JsonClient.stream` yields the objects of an event stream as they arrive. Both raise ModelError with
what was found and what to do. Busy servers (429, 5xx) and broken connections are retried, with
growing pauses or as `Retry-After` says. Connections are reused; safe to share between threads.
Proxies are those of the environment, but never for this machine.

A key is read from the environment when it is needed and sent to its own address only: not over
plain http to another machine, not to a redirect (none is followed), not into a message. Built on
http.client because a process that asks one question should not pay for a larger library
(bench/RESULTS.md). Knows nothing of models or vectors.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import queue
import time
import weakref
from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ragkit.errors import ModelError
from ragkit.network import proxies, sse
from ragkit.network.addresses import is_loopback, parse_base_url

T = TypeVar("T")
# A connection and its response, of which status and headers have been read.
_Exchange: TypeAlias = tuple[http.client.HTTPConnection, http.client.HTTPResponse]

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0  # a server may have to load its model first
MAX_TRIES = 5
FIRST_PAUSE = 0.5  # seconds before the second try; doubles with each
MAX_PAUSE = 60.0  # seconds
_MAX_BYTES = 100_000_000  # of a response
_MAX_DETAIL = 300  # characters of a server's message that are shown
_BUSY = {429, 500, 502, 503, 504}
_FIRST_ERROR_STATUS = 400


class RefusedError(ModelError):
    """The server refused the request: `status` is its HTTP status, `detail` its message."""

    def __init__(self, message: str, status: int, detail: str) -> None:
        super().__init__(message)
        self.status, self.detail = status, detail


class JsonClient:
    """A client for `path` below `base_url`, with the key in the variable `api_key_env`, if any.

    `setting_names` are the names by which the user gave the address and the variable; messages use
    them. Raises ModelError for an address that cannot be used, and for a key that would be sent
    over plain http to another machine.
    """

    def __init__(
        self,
        base_url: str,
        path: str,
        api_key_env: str | None = None,
        setting_names: tuple[str, str] = ("base_url", "api_key_env"),
    ) -> None:
        parts = parse_base_url(base_url, *setting_names)
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(path)}{path}"
        self._is_https = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._netloc = parts.netloc
        self._is_local = is_loopback(base_url)
        self._api_key_env, self._setting_names = api_key_env, setting_names
        if api_key_env and not (self._is_https or self._is_local):
            raise ModelError(
                f"{base_url} is plain http on another machine, where anyone on the way reads the "
                f"key in {api_key_env}. Name the server's https address, or no {setting_names[1]}"
            )
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()
        weakref.finalize(self, _close_all, self._idle)

    def post(self, content: dict[str, Any]) -> dict[str, Any]:
        """Send a JSON object and return the JSON object of the response. Raises ModelError."""
        return self._parse_object(self._request(content, "application/json", self._read_body))

    def stream(self, content: dict[str, Any]) -> Generator[dict[str, Any], None, bool]:
        """Send a JSON object and yield the JSON objects of the response's events as they arrive.
        Return whether the response said that it ends: by [DONE], or by its length.

        Nothing is retried once the response has begun. Closing the iterator closes the connection,
        which tells the server to stop. A response of one JSON object is accepted too. Raises
        ModelError.
        """
        response = self._request(content, "text/event-stream", self._open_stream)
        if isinstance(response, bytes):
            yield self._parse_object(response)
            return True
        connection, response_events = response
        try:
            events = sse.event_data(response_events)
            while True:
                try:
                    data = next(events)
                except StopIteration as end:
                    return bool(end.value)
                yield self._parse_object(data)
        except OSError as error:
            raise self._unreachable_error(error) from error
        except (http.client.HTTPException, ValueError) as error:
            raise ModelError(f"{self.url} ended its response early: {error!r}") from error
        finally:
            connection.close()

    def _request(self, content: dict[str, Any], accept: str, read: Callable[[_Exchange], T]) -> T:
        """Send the request, with retries, and return what `read` makes of a good response."""
        body = json.dumps(content).encode("ascii")
        headers = {"Content-Type": "application/json", "Accept": accept}
        if key := self._read_key():
            headers["Authorization"] = f"Bearer {key}"
        pause = FIRST_PAUSE
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                connection, response = self._send(body, headers)
                status = response.status
                retry_after = _parse_retry_after(response.getheader("Retry-After"))
                if 200 <= status < 300:
                    return read((connection, response))
                error_body = self._read_body((connection, response))
            except (ConnectionResetError, BrokenPipeError, http.client.HTTPException) as error:
                if not tries_left:
                    raise ModelError(f"{self.url} closed the connection: {error!r}") from error
                retry_after = None
            except OSError as error:
                raise self._unreachable_error(error) from error
            else:
                is_final = status not in _BUSY or (retry_after or 0) > MAX_PAUSE
                if is_final or not tries_left:
                    raise self._refused_error(status, retry_after, error_body, key)
            time.sleep(pause if retry_after is None else retry_after)
            pause = min(2 * pause, MAX_PAUSE)
        raise AssertionError("the last try returns or raises")

    def _read_key(self) -> str | None:
        if not self._api_key_env:
            return None
        key = os.environ.get(self._api_key_env, "").strip()
        if not key:
            raise ModelError(
                f"the environment variable {self._api_key_env}, named in {self._setting_names[1]}, "
                f"is not set; it should contain the key for {self.url}"
            )
        if not (key.isascii() and key.isprintable()):
            raise ModelError(f"{self._api_key_env} is not a key: expected one line of ASCII")
        return key

    def _send(self, body: bytes, headers: dict[str, str]) -> _Exchange:
        """Send the request over a kept connection, or over a new one."""
        try:
            return self._exchange(self._idle.get_nowait(), body, headers)
        except (queue.Empty, ConnectionError, http.client.HTTPException):
            pass  # none is kept, or the server has closed it meanwhile
        return self._exchange(self._connect(), body, headers)

    def _exchange(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
    ) -> _Exchange:
        proxy_headers = getattr(connection, "proxy_headers", None)
        try:
            target = urlsplit(self.url).path if proxy_headers is None else self.url
            connection.request("POST", target, body, {**headers, **(proxy_headers or {})})
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _read_body(self, exchange: _Exchange) -> bytes:
        """Read the body of a response and keep its connection."""
        connection, response = exchange
        try:
            content = response.read(_MAX_BYTES + 1)
        except BaseException:
            connection.close()
            raise
        if len(content) > _MAX_BYTES:
            connection.close()
            raise ModelError(f"the response of {self.url} has more than {_MAX_BYTES:,} bytes")
        if response.will_close:
            connection.close()
        else:
            self._idle.put(connection)
        return content

    def _open_stream(self, exchange: _Exchange) -> _Exchange | bytes:
        """Return an event stream unread, any other response as its body."""
        if "text/event-stream" in (exchange[1].getheader("Content-Type") or ""):
            return exchange
        return self._read_body(exchange)

    def _connect(self) -> http.client.HTTPConnection:
        connection_class = (
            http.client.HTTPSConnection if self._is_https else http.client.HTTPConnection
        )
        proxy = None
        if not self._is_local:
            proxy = proxies.find_proxy("https" if self._is_https else "http", self._netloc)
        if proxy is None:
            connection = connection_class(self._host, self._port, timeout=CONNECT_SECONDS)
        else:
            connection = connection_class(
                proxy.hostname or "", proxy.port or 80, timeout=CONNECT_SECONDS
            )
            headers = proxies.authorization_headers(proxy)
            if self._is_https:
                connection.set_tunnel(self._host, self._port, headers)
            else:
                connection.proxy_headers = headers  # type: ignore[attr-defined]
        try:
            connection.connect()
            connection.sock.settimeout(ANSWER_SECONDS)
        except BaseException:
            connection.close()
            raise
        return connection

    def _unreachable_error(self, error: OSError) -> ModelError:
        if isinstance(error, TimeoutError):
            return ModelError(
                f"{self.url} did not answer in time ({CONNECT_SECONDS:g} s to connect, "
                f"{ANSWER_SECONDS:g} s to answer). Is the server working?"
            )
        reason = error.strerror or str(error)
        return ModelError(f"cannot reach {self.url}: {reason}. Is the server running there?")

    def _parse_object(self, content: bytes) -> dict[str, Any]:
        key = self._read_key()
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{self.url} returned no JSON: {_detail(content, key)}") from error
        if not isinstance(value, dict):
            raise ModelError(f"{self.url} returned no JSON object: {_detail(content, key)}")
        return value

    def _refused_error(
        self, status: int, retry_after: float | None, content: bytes, key: str | None
    ) -> RefusedError:
        detail = _detail(content, key)
        base_url, api_key_env = self._setting_names
        if status < _FIRST_ERROR_STATUS:
            advice = f"It redirects; name the final address as {base_url}"
        elif status in (401, 403):
            refused = f"the key in {self._api_key_env}" if key else "a request without a key"
            advice = f"It refused {refused}; name the variable with the right key in {api_key_env}"
        elif status == 404:
            advice = f"Is the model's name right, and {base_url} (it often ends in /v1)?"
        elif status in _BUSY:
            wait = f", and asks to wait {retry_after:g} s" if retry_after else ""
            advice = f"It is busy or broken{wait}; run the same command again later"
        else:
            advice = (
                "If a text is too long for it, set a smaller window (llm_context_tokens of an llm)"
            )
        return RefusedError(f"{self.url} answered {status}: {detail}. {advice}", status, detail)


def _parse_retry_after(value: str | None) -> float | None:
    """Seconds to wait: the header is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _detail(content: bytes, key: str | None) -> str:
    """The server's message from the body of a response: one printable line, without the key."""
    text = content[:10_000].decode("utf-8", "replace")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and (inner := value.get(name)):
            value, text = inner, inner if isinstance(inner, str) else json.dumps(inner)
    text = text.replace(key, "…") if key else text
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:_MAX_DETAIL] or "nothing"


def _close_all(idle: queue.LifoQueue[http.client.HTTPConnection]) -> None:
    while not idle.empty():
        idle.get_nowait().close()
