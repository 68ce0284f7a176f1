"""The arguments of `ragkit serve` and `ragkit mcp`. Imports nothing but argparse."""

from __future__ import annotations

import argparse

MCP_PORT = 8766
SERVE_PORT = 8765


def add_mcp(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `mcp`."""
    command.add_argument(
        "--http",
        action="store_true",
        help="serve streamable HTTP at http://127.0.0.1:8766/mcp instead of stdin and stdout",
    )
    command.add_argument(
        "--host",
        metavar="ADDRESS",
        help="the address to listen on (default: 127.0.0.1); any but a loopback address needs "
        "--token-env",
    )
    command.add_argument(
        "--port", type=int, metavar="N", help=f"the port (default: {MCP_PORT}); 0 takes a free one"
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


def add_serve(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `serve`."""
    command.add_argument(
        "collections",
        nargs="*",
        metavar="NAME=DIR",
        help="collections and the names to serve them by (default: the one of -c, as default)",
    )
    command.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1); any but a loopback address needs "
        "--token-env",
    )
    command.add_argument(
        "--port",
        type=int,
        metavar="N",
        default=SERVE_PORT,
        help=f"the port (default: {SERVE_PORT}); 0 takes a free one",
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
        "--batch",
        type=int,
        metavar="N",
        help="maximum searches computed together (default: 32); 1: no batching",
    )
