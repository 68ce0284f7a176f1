"""The arguments of `ragkit duplicates`. Imports nothing but argparse."""

from __future__ import annotations

import argparse


def add_duplicates(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `duplicates`."""
    command.add_argument(
        "--min-score",
        type=float,
        default=0.95,
        metavar="X",
        help="minimum cosine of two passages, 0.5 to 1 (default: 0.95)",
    )
    command.add_argument(
        "--limit",
        type=int,
        default=20,
        metavar="N",
        help="at most N groups of passages and N pairs of documents (default: 20)",
    )
    command.add_argument(
        "--documents", action="store_true", help="show only the pairs of documents"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")
