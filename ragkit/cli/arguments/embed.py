"""The arguments of `ragkit embed`, `similarity` and `explain`. Imports nothing but argparse."""

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


def add_explain(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `explain`."""
    command.add_argument("text", metavar="TEXT", help="the text; - reads it from stdin")
    command.add_argument(
        "--word",
        metavar="W",
        help="show the nearest words of this word only, at each place where it occurs (default: of "
        "the ten words with the largest share in the text's vector)",
    )
    command.add_argument(
        "--neighbors",
        type=int,
        default=5,
        metavar="N",
        help="nearest words of the vocabulary for each word (default: 5)",
    )
    command.add_argument("--png", metavar="FILE", help="draw the attention rollout as a heat map")
    command.add_argument(
        "--layer",
        type=int,
        metavar="N",
        help="the layer that --png and the largest sources are of (default: the last)",
    )
    _add_model(command)
    command.add_argument(
        "--json", action="store_true", help="print all layers completely, as one JSON object"
    )


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
    _add_model(command)


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        metavar="NAME",
        help="a model's name or folder (default: that of the collection named by -c, else "
        "all-MiniLM-L6-v2)",
    )
