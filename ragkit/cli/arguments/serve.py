"""The arguments of `ragkit serve` and `ragkit mcp`. Imports nothing but argparse."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.collection import add_on

MCP_PORT = 8766
SERVE_PORT = 8765


def add_mcp(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `mcp`."""
    command.add_argument(
        "--http",
        action="store_true",
        help="serve streamable HTTP at http://127.0.0.1:8766/mcp instead of stdin and stdout",
    )
    _add_address(command, MCP_PORT)
    _add_cluster(command)


def add_serve(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `serve`."""
    command.add_argument(
        "collections",
        nargs="*",
        metavar="FOLDER | NAME=DIR",
        help="a folder to index first, or collections and the names to serve them by (default: the "
        "one of -c, as default)",
    )
    _add_address(command, SERVE_PORT)
    command.set_defaults(host="127.0.0.1", port=SERVE_PORT)
    command.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="allow cross-origin requests from this origin (CORS; repeatable)",
    )
    command.add_argument(
        "--rate-limit",
        type=float,
        metavar="X",
        help="requests per second and client address; 0: unlimited (default: 50 where other "
        "machines can connect, else unlimited)",
    )
    command.add_argument(
        "--keep-alive",
        type=int,
        metavar="SECONDS",
        default=75,
        help="close a connection after this time without a request (default: 75)",
    )
    command.add_argument(
        "--watch",
        action="store_true",
        help="keep the collections up to date: index files as they change",
    )
    command.add_argument(
        "--add-from",
        action="append",
        default=[],
        metavar="DIR",
        help="allow requests and the web page to add folders inside DIR (repeatable)",
    )
    command.add_argument(
        "--upload-to",
        metavar="DIR",
        help="allow requests and the web page to send files, which are stored in DIR and indexed",
    )
    command.add_argument(
        "--verbose",
        action="store_true",
        help="print a line for each request: method, path, status, milliseconds; no question",
    )
    command.add_argument(
        "--log-file",
        metavar="FILE",
        help="write requests and warnings to FILE, which is rotated at 5 MB (five are kept)",
    )
    command.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="maximum searches computed together (default: 32); 1: no batching",
    )
    _add_cluster(command)


def _add_cluster(command: argparse.ArgumentParser) -> None:
    """Add the arguments of a sharded collection on a cluster."""
    add_on(command, "search the shards of a sharded collection")
    command.add_argument(
        "--replicas",
        type=int,
        metavar="N",
        help="with --on: processes for each shard, on different machines (default: 2)",
    )


def _add_address(command: argparse.ArgumentParser, port: int) -> None:
    """Add the arguments of a server's address and of who may connect; `port`: the default."""
    command.add_argument(
        "--host",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1); any but a loopback address needs "
        "--token-env",
    )
    command.add_argument(
        "--port", type=int, metavar="N", help=f"the port (default: {port}); 0 takes a free one"
    )
    command.add_argument(
        "--token-env",
        metavar="NAME",
        help="the environment variable with the token that every request must carry",
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="accept this Host header too, as behind a proxy (repeatable)",
    )
