"""The arguments of `ragkit train`. Imports nothing but argparse."""

from __future__ import annotations

import argparse

OBJECTIVES = ("cosine", "cosent", "softmax", "ranking")
POOLINGS = ("cls", "mean", "max")


def add_train(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `train`."""
    command.add_argument(
        "pairs",
        nargs="?",
        metavar="PAIRS",
        help="JSONL, CSV or TSV: sentence1, sentence2 and score or label, or question, passage",
    )
    command.add_argument(
        "--from-collection",
        action="store_true",
        help="instead of PAIRS: triplets made from one half of the collection, with hard "
        "negatives; written to DIR.pairs.jsonl. Starts from the collection's model",
    )
    command.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the folder of the trained model"
    )
    command.add_argument(
        "--model", metavar="NAME", help="start from this model (default: all-MiniLM-L6-v2)"
    )
    command.add_argument(
        "--objective",
        choices=OBJECTIVES,
        help="cosine, cosent: for scores; softmax: for labels; ranking: for pairs that belong "
        "together (default: chosen by the columns, cosine for scores)",
    )
    command.add_argument(
        "--pooling",
        choices=POOLINGS,
        help="pooling of the trained model (default: the model's own, else mean)",
    )
    command.add_argument(
        "--dimensions",
        metavar="N,…",
        help="also train the first N numbers of each vector, so that they can be kept alone "
        "(Matryoshka): 192,96",
    )
    _add_dev(command)
    _add_numbers(command)
    command.add_argument("--resume", action="store_true", help="continue an interrupted training")
    command.add_argument(
        "--force", action="store_true", help="replace the model in DIR, or start again"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")


def _add_dev(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dev", metavar="FILE", help="evaluate on these pairs")
    command.add_argument(
        "--dev-share",
        type=float,
        default=0.1,
        metavar="X",
        help="without --dev: hold out this share of PAIRS (default: 0.1; 0: none)",
    )
    command.add_argument(
        "--evaluations", type=int, default=10, metavar="N", help="evaluate N times (default: 10)"
    )
    command.add_argument(
        "--patience",
        type=int,
        default=3,
        metavar="N",
        help="stop after N evaluations without improvement (default: 3)",
    )


def _add_numbers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--epochs", type=int, default=1, metavar="N", help="passes over the pairs (default: 1)"
    )
    command.add_argument(
        "--batch-size", type=int, metavar="N", help="pairs per batch (default: 16; 32 for ranking)"
    )
    command.add_argument(
        "--learning-rate",
        type=float,
        default=2e-5,
        metavar="X",
        help="peak learning rate (default: 2e-5)",
    )
    command.add_argument(
        "--warmup",
        type=float,
        default=0.1,
        metavar="X",
        help="share of the steps during which the learning rate rises (default: 0.1)",
    )
    command.add_argument(
        "--seed", type=int, default=0, metavar="N", help="random seed (default: 0)"
    )
