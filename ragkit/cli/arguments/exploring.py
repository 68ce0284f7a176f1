"""The arguments of `ragkit topics`, `map` and `duplicates`. Imports nothing heavy."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.collection import add_wait


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


def add_topics(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `topics`."""
    command.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="number of topics (default: that with the best silhouette, or as before)",
    )
    command.add_argument(
        "--rebuild",
        action="store_true",
        help="find the topics anew, instead of updating those of before",
    )
    add_wait(command)
    command.add_argument("--json", action="store_true", help="print one JSON value")


def add_map(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `map`."""
    command.add_argument(
        "file", nargs="?", metavar="FILE", help="the picture, a PNG or SVG file (or use --json)"
    )
    command.add_argument(
        "--method",
        choices=("auto", "pca", "umap"),
        default="auto",
        help="pca, or umap where umap-learn is installed (default: auto, umap if it is)",
    )
    command.add_argument(
        "--color",
        choices=("topic", "folder", "type", "none"),
        default="topic",
        help="what the colors are (default: topic, as ragkit topics found them)",
    )
    command.add_argument(
        "--rebuild", action="store_true", help="place all points anew, instead of the new ones only"
    )
    command.add_argument("--json", action="store_true", help="print the points as one JSON value")
