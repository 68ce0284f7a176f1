"""What `ragkit train` takes. Imports nothing but argparse."""

from __future__ import annotations

import argparse

OBJECTIVES = ("cosine", "cosent", "softmax", "ranking")
POOLINGS = ("cls", "mean", "max")


def add_train(command: argparse.ArgumentParser) -> None:
    """The arguments of `train`."""
    command.add_argument(
        "pairs",
        metavar="PAIRS",
        help="JSONL, CSV or TSV: sentence1, sentence2 and score or label, or question, passage",
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
        help="cosine, cosent: towards scores; softmax: labels; ranking: pairs that belong "
        "together (default: as the columns say, cosine for scores)",
    )
    command.add_argument(
        "--pooling", choices=POOLINGS, help="default: the model's own, mean where it has none"
    )
    _add_dev(command)
    _add_numbers(command)
    command.add_argument("--resume", action="store_true", help="go on with an interrupted training")
    command.add_argument(
        "--force", action="store_true", help="replace the model that is in DIR, or begin anew"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")


def _add_dev(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dev", metavar="FILE", help="measure by these pairs")
    command.add_argument(
        "--dev-share",
        type=float,
        default=0.1,
        metavar="X",
        help="else by this share of PAIRS, kept apart by sentence (default: 0.1; 0: none)",
    )
    command.add_argument(
        "--evaluations", type=int, default=10, metavar="N", help="measure N times (default: 10)"
    )
    command.add_argument(
        "--patience",
        type=int,
        default=3,
        metavar="N",
        help="stop after N evaluations that were no better (default: 3)",
    )


def _add_numbers(command: argparse.ArgumentParser) -> None:
    command.add_argument("--epochs", type=int, default=1, metavar="N", help="default: 1")
    command.add_argument(
        "--batch-size", type=int, metavar="N", help="pairs (default: 16; 32 for ranking)"
    )
    command.add_argument(
        "--learning-rate", type=float, default=2e-5, metavar="X", help="default: 2e-5"
    )
    command.add_argument(
        "--warmup",
        type=float,
        default=0.1,
        metavar="X",
        help="share of the steps in which the learning rate rises (default: 0.1)",
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
