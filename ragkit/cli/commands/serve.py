"""`ragkit serve` and `ragkit mcp`: open collections, serve them, print the address."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import socket
import sys
from argparse import Namespace
from contextlib import ExitStack, closing
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from ragkit.cli import INTERRUPTED
from ragkit.cli.arguments.collection import named_collections
from ragkit.cli.arguments.serve import MCP_PORT
from ragkit.cli.commands.groups import load_with_origins, locate_or_address, open_collection
from ragkit.cli.output import render
from ragkit.cli.output.server_log import server_log
from ragkit.cli.output.terminal import print_message, printable_record
from ragkit.collection import Collection
from ragkit.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from ragkit.cluster.serve import ClusterService
    from ragkit.collection_group import CollectionGroup
    from ragkit.serving.collections.library import Library
    from ragkit.serving.collections.watching import Watchers

_LOOPBACK = "127.0.0.1"
DEFAULT = "default"  # the name of the collection that is served without a name
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]{1,260}")
_DEFAULT_RATE = 50.0  # requests per second and address, where other machines can connect
_MIN_TOKEN_LENGTH = 16  # characters


def serve(arguments: Namespace) -> int:
    """Run `ragkit serve`; return its exit code."""
    try:
        from ragkit.serving import app as serving
        from ragkit.serving.collections import batching
        from ragkit.serving.collections.folders import AddedFolders, folder_rights
        from ragkit.serving.collections.library import Library
        from ragkit.serving.transport.request_log import RequestLog
    except ModuleNotFoundError as error:
        raise _not_installed(error, "serve", "server") from None
    token = read_token(arguments.host, arguments.token_env)
    rules = serving.ServerOptions(
        arguments.host,
        tuple(arguments.allow_host),
        tuple(map(_parse_origin, arguments.allow_origin)),
        token,
        _rate_limit(arguments),
        keep_alive=arguments.keep_alive,
    )
    batch = batching.MAX_BATCH if arguments.batch is None else arguments.batch
    if arguments.keep_alive < 1:
        raise UsageError(f"--keep-alive is {arguments.keep_alive}; expected 1 second or more")
    if batch < 1:
        raise UsageError(f"--batch is {batch}; expected 1 or more")
    rights = folder_rights(arguments.add_from, arguments.upload_to)
    _check_cluster(arguments)
    if arguments.on is not None and (arguments.collections or arguments.watch):
        raise UsageError("--on serves the sharded collection of -c, without FOLDER and --watch")
    if rights.upload_to and len(arguments.collections) > 1:
        raise UsageError("--upload-to needs a single collection; files of several would be mixed")
    with ExitStack() as stack:
        stack.enter_context(server_log(verbose=arguments.verbose, file=arguments.log_file))
        service = None if arguments.on is None else _start_replicas(arguments, stack)
        if service is None:
            collections = _open_collections(arguments, stack)
        else:
            collections = {DEFAULT: service.collection}
        library = stack.enter_context(closing(Library(collections, batch)))
        if service is not None:
            service.keep_current(library[DEFAULT].replace)
        bound = stack.enter_context(bind_socket(arguments.host, arguments.port))
        library.warm()
        address = f"http://{_in_url(arguments.host)}:{bound.getsockname()[1]}"
        names = ", ".join(collections)
        ready = partial(print_message, f"serving {names} at {address}; the API: {address}/docs")
        try:
            folders = AddedFolders(rights, _watch(library, stack) if arguments.watch else None)
            app = serving.create_app(library, rules, ready, folders)
            if arguments.verbose or arguments.log_file is not None:
                app = RequestLog(app)
            serving.run_server(app, bound, rules.keep_alive)
        except KeyboardInterrupt:
            print_message("interrupted; requests in progress have been answered")
            return INTERRUPTED
    return 0


def _check_cluster(arguments: Namespace) -> None:
    """Raise UsageError unless --on and --replicas fit the other arguments."""
    if arguments.on is None and arguments.replicas is not None:
        raise UsageError("--replicas needs --on ray")
    if arguments.on is not None and len(named := named_collections(arguments)) > 1:
        raise UsageError(f"-c is given {len(named)} times; --on serves one sharded collection")


def _start_replicas(arguments: Namespace, stack: ExitStack) -> ClusterService:
    """Start replicas of the shards of the collection that -c names, on a Ray cluster."""
    from ragkit.cluster.session import connected

    settings, origins = load_with_origins(arguments)
    address = locate_or_address(settings.collection)
    stack.enter_context(connected(arguments.on))
    from ragkit.cluster.serve import DEFAULT_REPLICAS, ClusterService

    replicas = DEFAULT_REPLICAS if arguments.replicas is None else arguments.replicas
    service = ClusterService(
        str(address), replicas, settings=settings, notify=_print_once,
        chosen_settings=tuple(origins),
    )  # fmt: skip
    return stack.enter_context(closing(service))


def _watch(library: Library, stack: ExitStack) -> Watchers:
    """Index files of all collections as they change, until the server stops."""
    from ragkit.serving.collections.watching import Watchers

    watchers = stack.enter_context(closing(Watchers()))
    for served in library.served.values():
        watchers.start(served)
    return watchers


def _open_collections(arguments: Namespace, stack: ExitStack) -> dict[str, Collection]:
    """Open the collections to serve: name → collection. Raises UsageError for an invalid name.

    A folder is indexed first, as by `ragkit index FOLDER`.
    """
    if not arguments.collections and len(named_collections(arguments)) > 1:
        from ragkit.cli.commands.groups import open_group

        return stack.enter_context(open_group(arguments, _print_once)).collections
    if not arguments.collections:
        return {DEFAULT: stack.enter_context(open_collection(arguments, notify=_print_once))}
    if len(arguments.collections) == 1 and "=" not in arguments.collections[0]:
        return {DEFAULT: _open_with_folder(arguments, stack)}
    collections: dict[str, Collection] = {}
    for argument in arguments.collections:
        name, sign, folder = argument.partition("=")
        if not sign or not folder or not _NAME.fullmatch(name):
            raise UsageError(
                f"{argument!r} names no collection; expected NAME=DIR, with a name of up to 64 "
                "letters, digits, dots, - and _"
            )
        if name in collections:
            raise UsageError(f"{name} occurs twice; each collection needs a name of its own")
        arguments.collection = folder
        collections[name] = stack.enter_context(open_collection(arguments, notify=_print_once))
    return collections


def _open_with_folder(arguments: Namespace, stack: ExitStack) -> Collection:
    """Open the collection of -c, or create it, and index the folder (or file) that is named."""
    from ragkit.cli.output.progress import progress
    from ragkit.ingest.plan import is_missing

    (path,) = arguments.collections
    if is_missing(path):
        raise UsageError(f"no file or folder at {path}; expected FOLDER or NAME=DIR")
    collection = stack.enter_context(open_collection(arguments, create=True, notify=_print_once))
    with progress() as show:
        report = collection.index([path], on_progress=show)
    print_message(render.format_report(printable_record(report)), lines=True)
    return collection


@lru_cache(maxsize=1000)
def _print_once(line: str) -> None:
    """Print a notice once, however many requests cause it; clients do not see it."""
    logging.getLogger("ragkit.server").warning("%s", line)


def _rate_limit(arguments: Namespace) -> float | None:
    from ragkit.serving.transport.access import is_loopback

    rate: float | None = arguments.rate_limit
    if rate is None:
        return None if is_loopback(arguments.host) else _DEFAULT_RATE
    if not 0 <= rate < math.inf:
        raise UsageError(f"--rate-limit is {rate:g}; expected requests per second, 0 for unlimited")
    return rate or None


def _parse_origin(url: str) -> str:
    """Return the origin in the form in which browsers send it. Raises UsageError."""
    if not _ORIGIN.fullmatch(url):
        raise UsageError(
            f"--allow-origin is {url!r}; expected scheme and host, as in https://chat.example"
        )
    return url.lower()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _not_installed(error: ModuleNotFoundError, command: str, extra: str) -> Exception:
    """The error to raise for a missing package; `error` itself for a module of ragkit."""
    if (error.name or "").startswith("ragkit"):
        return error
    return UnavailableError(
        f'ragkit {command} needs {error.name}: pip install "ragkit-search[{extra}]"'
    )


def mcp(arguments: Namespace) -> int:
    """Run `ragkit mcp`; return its exit code."""
    if not arguments.http:
        for name in ("host", "port", "token_env", "allow_host"):
            if getattr(arguments, name) not in (None, []):
                raise UsageError(f"--{name.replace('_', '-')} needs --http")
    _check_cluster(arguments)
    try:
        from ragkit.serving.mcp import server as serving
    except ModuleNotFoundError as error:
        raise _not_installed(error, "mcp", "mcp") from None
    with ExitStack() as stack:
        group = _open_mcp_group(arguments, stack)
        if not arguments.http:
            if sys.stdin.isatty():
                print_message("waiting for an MCP client on stdin; for HTTP: ragkit mcp --http")
            serving.run_stdio(group)
            return 0
        host = arguments.host or _LOOPBACK
        token = read_token(host, arguments.token_env)
        with bind_socket(host, MCP_PORT if arguments.port is None else arguments.port) as bound:
            port = bound.getsockname()[1]
            print_message(
                f"serving {', '.join(str(item.folder) for item in group.collections.values())} "
                f"at http://{_in_url(host)}:{port}{serving.PATH}"
            )
            with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C ends the server
                app = serving.create_mcp_app(group, host, arguments.allow_host, token)
                serving.run_http(app, bound)
    return 0


def _open_mcp_group(arguments: Namespace, stack: ExitStack) -> CollectionGroup:
    """Open what -c names; with --on, by replicas on a cluster, and always the newest generation."""
    from ragkit.cli.commands.groups import open_group
    from ragkit.collection_group import CollectionGroup

    if arguments.on is None:
        return stack.enter_context(open_group(arguments))
    service = _start_replicas(arguments, stack)
    group = CollectionGroup({DEFAULT: service.collection})
    service.keep_current(partial(group.replace, DEFAULT))
    return group


def read_token(host: str, variable: str | None) -> str | None:
    """Return the token that requests must carry; None where only this machine can connect.

    Raises UsageError where other machines can and `variable` is None, or it contains no token.
    """
    from ragkit.serving.transport.access import is_loopback

    if variable is None:
        if is_loopback(host):
            return None
        raise UsageError(
            f"other machines can reach {host}; name the environment variable with the token "
            "that they must send: --token-env NAME"
        )
    token = os.environ.get(variable, "")
    if len(token) < _MIN_TOKEN_LENGTH or not token.isascii():
        raise UsageError(
            f"{variable} contains {len(token)} characters; "
            f"expected a token of {_MIN_TOKEN_LENGTH} or more, in ASCII"
        )
    return token


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens at this address. Raises UsageError where it cannot."""
    if not 0 <= port <= 65535:
        raise UsageError(f"--port is {port}; expected 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen at {host} port {port}: {reason}; see --port") from None
