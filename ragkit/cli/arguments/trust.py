"""The arguments of `ragkit trust`. Imports nothing but argparse."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.collection import add_json


def add_trust(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `trust`."""
    command.add_argument(
        "folder",
        nargs="?",
        metavar="DIR",
        help="a collection, or the folder with .ragkit/ and ragkit.toml (default: the nearest "
        "above the working folder)",
    )
    action = command.add_mutually_exclusive_group()
    action.add_argument("--list", action="store_true", help="list what is trusted")
    action.add_argument("--revoke", action="store_true", help="trust it no longer")
    add_json(command)
