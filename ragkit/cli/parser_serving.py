"""What the commands that serve a collection take. Imports nothing but argparse."""

from __future__ import annotations

import argparse

MCP_PORT = 8766


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
