"""What the commands that serve a collection take. Imports nothing but argparse."""

from __future__ import annotations

import argparse

MCP_PORT = 8766
SERVE_PORT = 8765


def add_mcp(command: argparse.ArgumentParser) -> None:
    """The arguments of `mcp`."""
    command.add_argument(
        "--http",
        action="store_true",
        help="serve streamable HTTP at http://127.0.0.1:8766/mcp; else stdin and stdout",
    )
    command.add_argument(
        "--host",
        metavar="ADDRESS",
        help="listen here (default: 127.0.0.1); another address than this machine's own needs "
        "--token-env",
    )
    command.add_argument(
        "--port", type=int, metavar="N", help=f"default: {MCP_PORT}; 0 takes a free one"
    )
    command.add_argument(
        "--token-env",
        metavar="NAME",
        help="the environment variable with the token that every request must bring",
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this host name too (may be repeated), as behind a proxy",
    )


def add_serve(command: argparse.ArgumentParser) -> None:
    """The arguments of `serve`."""
    command.add_argument(
        "collections",
        nargs="*",
        metavar="NAME=DIR",
        help="serve these collections by these names; default: the one that -c means, as default",
    )
    command.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="listen here (default: 127.0.0.1); another address than this machine's own needs "
        "--token-env",
    )
    command.add_argument(
        "--port",
        type=int,
        metavar="N",
        default=SERVE_PORT,
        help=f"default: {SERVE_PORT}; 0 takes a free one",
    )
    command.add_argument(
        "--token-env",
        metavar="NAME",
        help="the environment variable with the token that every request must bring",
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this host name too (may be repeated), as behind a proxy",
    )
    command.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="let the pages of https://NAME ask, too (CORS; may be repeated)",
    )
    command.add_argument(
        "--rate-limit",
        type=float,
        metavar="X",
        help="requests a second of one address, 0 for any number (default: 50 where other "
        "machines can ask, else any number)",
    )
    command.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="searches answered together at most (default: 32); 1 answers each by itself",
    )
