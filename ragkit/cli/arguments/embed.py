"""What can be typed after `ragkit embed` and `ragkit similarity`. Imports nothing but argparse."""

from __future__ import annotations

import argparse

_POOLINGS = ("cls", "mean", "max")


def add_embed(command: argparse.ArgumentParser) -> None:
    """`ragkit embed`."""
    command.add_argument(
        "texts", nargs="*", metavar="TEXT", help="texts; - reads one from stdin, to its end"
    )
    command.add_argument(
        "--file", metavar="FILE", help="one text a line instead; - reads the lines from stdin"
    )
    _add_how(command)
    command.add_argument("--json", action="store_true", help="print the whole vectors, as JSON")


def add_similarity(command: argparse.ArgumentParser) -> None:
    """`ragkit similarity`."""
    command.add_argument("texts", nargs="*", metavar="TEXT", help="two texts")
    command.add_argument(
        "--pairs",
        metavar="FILE",
        help="pairs instead, and how well their cosines follow their scores: JSONL, TSV or CSV "
        "with sentence1, sentence2 and perhaps score",
    )
    _add_how(command)
    command.add_argument("--json", action="store_true", help="print one JSON value")


def _add_how(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--word", metavar="W", help="the vectors of this word where it stands in the texts"
    )
    command.add_argument(
        "--pooling",
        choices=_POOLINGS,
        help="how tokens become one vector (default: as the model was trained; a word: mean)",
    )
    command.add_argument(
        "--layers",
        metavar="SPEC",
        help="last (default), one from the back such as -2, or a mean such as mean(-4:); 0 is "
        "the embeddings before the first layer",
    )
    command.add_argument(
        "--model",
        metavar="NAME",
        help="a model's name or folder (default: that of the collection named by -c, else "
        "all-MiniLM-L6-v2)",
    )
