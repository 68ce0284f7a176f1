"""`ragkit mcp`: open the collection, serve it, say where."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from argparse import Namespace

from ragkit.cli.commands import opened
from ragkit.cli.parser_serving import MCP_PORT
from ragkit.cli.printing import tell
from ragkit.errors import UnavailableError, UsageError

_LOOPBACK = "127.0.0.1"
_SHORTEST_TOKEN = 16  # characters


def mcp(arguments: Namespace) -> int:
    """`ragkit mcp`."""
    if not arguments.http:
        for name in ("host", "port", "token_env", "allow_host"):
            if getattr(arguments, name) not in (None, []):
                raise UsageError(f"--{name.replace('_', '-')} is of --http; name that too")
    try:
        from ragkit.serving import mcp as serving
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ragkit"):
            raise
        raise UnavailableError('ragkit mcp needs mcp: pip install "ragkit[mcp]"') from None
    with opened(arguments) as collection:
        if not arguments.http:
            if sys.stdin.isatty():
                tell("waiting for a chat client on stdin; for one over HTTP: ragkit mcp --http")
            serving.run_stdio(collection)
            return 0
        host = arguments.host or _LOOPBACK
        token = token_for(host, arguments.token_env)
        with listening(host, MCP_PORT if arguments.port is None else arguments.port) as bound:
            port = bound.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            tell(f"serving {collection.folder} at http://{shown}:{port}{serving.PATH}")
            with contextlib.suppress(KeyboardInterrupt):  # that is how it ends
                serving.run_http(serving.app(collection, host, arguments.allow_host, token), bound)
    return 0


def token_for(host: str, variable: str | None) -> str | None:
    """The token that requests must bring; None where only this machine can send any.

    Raises UsageError where others can and no token is named, or the variable holds none.
    """
    from ragkit.serving.gate import is_loopback

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
