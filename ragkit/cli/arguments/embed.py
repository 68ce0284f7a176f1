"""The arguments of `ragkit embed` and `ragkit similarity`. Imports nothing but argparse."""

from __future__ import annotations

import argparse

_POOLINGS = ("cls", "mean", "max")


def add_embed(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `embed`."""
    command.add_argument(
        "texts", nargs="*", metavar="TEXT", help="texts; - reads one text from stdin"
    )
    command.add_argument(
        "--file", metavar="FILE", help="read one text per line from FILE; - reads them from stdin"
    )
    _add_vector_options(command)
    command.add_argument("--json", action="store_true", help="print the complete vectors as JSON")


def add_similarity(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `similarity`."""
    command.add_argument("texts", nargs="*", metavar="TEXT", help="two texts")
    command.add_argument(
        "--pairs",
        metavar="FILE",
        help="score pairs, and correlate the cosines with gold scores where there are any: JSONL, "
        "TSV or CSV with sentence1, sentence2 and optionally score",
    )
    _add_vector_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON value")


def _add_vector_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--word", metavar="W", help="show the contextual vectors of this word in the texts"
    )
    command.add_argument(
        "--pooling",
        choices=_POOLINGS,
        help="how token vectors become one (default: the model's own; for a word: mean)",
    )
    command.add_argument(
        "--layers",
        metavar="SPEC",
        help="last (default), a layer such as -2, or a mean of layers such as mean(-4:); 0 is the "
        "output of the embedding layer",
    )
    command.add_argument(
        "--model",
        metavar="NAME",
        help="a model's name or folder (default: that of the collection named by -c, else "
        "all-MiniLM-L6-v2)",
    )
