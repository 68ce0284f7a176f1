"""`ragkit serve` and `ragkit mcp`: open collections, serve them, say where."""

from __future__ import annotations

import contextlib
import math
import os
import re
import socket
import sys
from argparse import Namespace
from contextlib import ExitStack, closing
from functools import lru_cache, partial

from ragkit.cli import INTERRUPTED
from ragkit.cli.arguments.serve import MCP_PORT
from ragkit.cli.commands.collection import open_collection
from ragkit.cli.output.terminal import print_message
from ragkit.collection import Collection
from ragkit.errors import UnavailableError, UsageError

_LOOPBACK = "127.0.0.1"
DEFAULT = "default"  # the name of the collection that is served without one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,260}")
_RATE = 50.0  # requests a second of one address, where other machines can ask
_SHORTEST_TOKEN = 16  # characters


def serve(arguments: Namespace) -> int:
    """`ragkit serve`."""
    try:
        from ragkit.serving import app as serving
        from ragkit.serving.collections import batching
        from ragkit.serving.collections.library import Library
    except ModuleNotFoundError as error:
        raise _not_installed(error, "serve", "server") from None
    token = token_for(arguments.host, arguments.token_env)
    rules = serving.ServerOptions(
        arguments.host,
        tuple(arguments.allow_host),
        tuple(map(_origin, arguments.allow_origin)),
        token,
        _rate(arguments),
    )
    batch = batching.MAX_BATCH if arguments.batch is None else arguments.batch
    if batch < 1:
        raise UsageError(f"--batch is {batch}; expected 1 or more")
    with ExitStack() as stack:
        collections = _named(arguments, stack)
        library = stack.enter_context(closing(Library(collections, batch)))
        bound = stack.enter_context(listening(arguments.host, arguments.port))
        library.warm()
        address = f"http://{_in_url(arguments.host)}:{bound.getsockname()[1]}"
        names = ", ".join(collections)
        ready = partial(print_message, f"serving {names} at {address}; the API: {address}/docs")
        try:
            serving.run_server(serving.create_app(library, rules, ready), bound)
        except KeyboardInterrupt:
            print_message("interrupted; what was asked has been answered")
            return INTERRUPTED
    return 0


def _named(arguments: Namespace, stack: ExitStack) -> dict[str, Collection]:
    """The collections to serve, open, by name. Raises UsageError for names that cannot be."""
    if not arguments.collections:
        return {DEFAULT: stack.enter_context(open_collection(arguments, notify=_tell_once))}
    found: dict[str, Collection] = {}
    for each in arguments.collections:
        name, sign, folder = each.partition("=")
        if not sign or not folder or not _NAME.fullmatch(name):
            raise UsageError(
                f"{each!r} names no collection; expected NAME=DIR, the name of up to 64 letters, "
                "digits, dots, - and _"
            )
        if name in found:
            raise UsageError(f"{name} is there twice; each collection needs a name of its own")
        arguments.collection = folder
        found[name] = stack.enter_context(open_collection(arguments, notify=_tell_once))
    return found


@lru_cache(maxsize=1000)
def _tell_once(line: str) -> None:
    """What callers of a server are not told; a thousand may bring about the same line."""
    print_message(line)


def _rate(arguments: Namespace) -> float | None:
    from ragkit.serving.transport.access import is_loopback

    rate: float | None = arguments.rate_limit
    if rate is None:
        return None if is_loopback(arguments.host) else _RATE
    if not 0 <= rate < math.inf:
        raise UsageError(f"--rate-limit is {rate:g}; expected requests a second, 0 for any number")
    return rate or None


def _origin(url: str) -> str:
    """The origin as browsers send it."""
    if not _ORIGIN.fullmatch(url):
        raise UsageError(
            f"--allow-origin is {url!r}; expected scheme and host, as in https://chat.example"
        )
    return url.lower()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _not_installed(error: ModuleNotFoundError, command: str, extra: str) -> Exception:
    """What to say of it; the error itself where the module is one of ours."""
    if (error.name or "").startswith("ragkit"):
        return error
    return UnavailableError(f'ragkit {command} needs {error.name}: pip install "ragkit[{extra}]"')


def mcp(arguments: Namespace) -> int:
    """`ragkit mcp`."""
    if not arguments.http:
        for name in ("host", "port", "token_env", "allow_host"):
            if getattr(arguments, name) not in (None, []):
                raise UsageError(f"--{name.replace('_', '-')} is of --http; name that too")
    try:
        from ragkit.serving.mcp import server as serving
    except ModuleNotFoundError as error:
        raise _not_installed(error, "mcp", "mcp") from None
    with open_collection(arguments) as collection:
        if not arguments.http:
            if sys.stdin.isatty():
                print_message(
                    "waiting for a chat client on stdin; for one over HTTP: ragkit mcp --http"
                )
            serving.run_stdio(collection)
            return 0
        host = arguments.host or _LOOPBACK
        token = token_for(host, arguments.token_env)
        with listening(host, MCP_PORT if arguments.port is None else arguments.port) as bound:
            port = bound.getsockname()[1]
            print_message(
                f"serving {collection.folder} at http://{_in_url(host)}:{port}{serving.PATH}"
            )
            with contextlib.suppress(KeyboardInterrupt):  # that is how it ends
                app = serving.create_mcp_app(collection, host, arguments.allow_host, token)
                serving.run_http(app, bound)
    return 0


def token_for(host: str, variable: str | None) -> str | None:
    """The token that requests must bring; None where only this machine can send any.

    Raises UsageError where others can and no token is named, or the variable holds none.
    """
    from ragkit.serving.transport.access import is_loopback

    if variable is None:
        if is_loopback(host):
            return None
        raise UsageError(
            f"other machines can reach {host}; name the environment variable that holds the token "
            "they must bring: --token-env NAME"
        )
    token = os.environ.get(variable, "")
    if len(token) < _SHORTEST_TOKEN or not token.isascii():
        raise UsageError(
            f"{variable} holds {len(token)} characters; expected a token of {_SHORTEST_TOKEN} or "
            "more, in ASCII"
        )
    return token


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to this address. Raises UsageError where it cannot be."""
    if not 0 <= port <= 65535:
        raise UsageError(f"--port is {port}; expected 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen at {host} port {port}: {reason}; see --port") from None
