"""What `ragkit query` takes. Imports nothing but argparse."""

from __future__ import annotations

import argparse

from ragkit.settings import FUSIONS, MODES


def add_query(command: argparse.ArgumentParser) -> None:
    """The arguments of `query`."""
    command.add_argument(
        "text", metavar="TEXT", nargs="?", help="the question; - reads it from stdin"
    )
    add_choosing(command, passages="to show (default: 10)", mode="dense")
    command.add_argument(
        "--context",
        type=int,
        default=0,
        metavar="N",
        help="add N passages before and after, and join what then overlaps",
    )
    add_exact(command)
    add_reranking(command)
    command.add_argument(
        "--budget",
        type=duration,
        metavar="TIME",
        help="how long reranking may take, 300ms or 1.5s: as many passages as fit, best first",
    )
    _add_output(command)
    _add_server(command)


def duration(text: str) -> float:
    """Seconds, of `300ms` or `1.5s`."""
    number = text.removesuffix("ms").removesuffix("s")
    if number == text:
        raise ValueError(text)
    return float(number) / (1000 if text.endswith("ms") else 1)


def add_reranking(command: argparse.ArgumentParser) -> None:
    """The options of every command that can rerank."""
    command.add_argument(
        "--rerank",
        action="store_true",
        help="have a cross-encoder read the question with each of the first 20 passages, and order "
        "them by what it finds, too",
    )
    command.add_argument(
        "--reranker",
        metavar="NAME",
        help="the cross-encoder: a name, a folder or an ONNX file "
        "(default: cross-encoder/ms-marco-MiniLM-L6-v2)",
    )


def add_choosing(command: argparse.ArgumentParser, *, passages: str, mode: str) -> None:
    """The options that choose passages, as `query` and `ask` take them."""
    command.add_argument("-k", "--top-k", type=int, metavar="N", help=f"passages {passages}")
    command.add_argument(
        "--mode",
        choices=MODES,
        help="dense: by cosine similarity; lexical: by words, BM25; hybrid: both "
        f"(default: {mode})",
    )
    command.add_argument(
        "--fusion",
        choices=FUSIONS,
        help="how hybrid makes one ranking of both: convex, of their scores (default); rrf, of "
        "their ranks",
    )
    command.add_argument(
        "--where",
        metavar="EXPR",
        help="only passages that it lets through: 'type = pdf and mtime > 2024-01-01 and "
        'path ~ "hr/**"\', also as JSON',
    )
    command.add_argument(
        "--min-score",
        type=float,
        default=-1.0,
        metavar="X",
        help="leave out what has a lower cosine, in every mode",
    )
    command.add_argument(
        "--per-document", type=int, metavar="N", help="at most N passages of each document"
    )
    command.add_argument(
        "--diverse",
        action="store_true",
        help="no two passages that say the same (maximal marginal relevance)",
    )
    command.add_argument(
        "--lambda",
        dest="diverse",
        type=float,
        metavar="X",
        help="the same, with its λ: 1 is relevance alone, 0 variety alone (default: 0.8)",
    )


def add_exact(command: argparse.ArgumentParser) -> None:
    """The option of every command that searches as `query` does."""
    command.add_argument(
        "--exact",
        action="store_true",
        help="compare with every passage, also in a large collection",
    )


def _add_server(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--server",
        metavar="URL",
        help="ask a running ragkit serve instead of opening a collection; -c then is a name there",
    )
    command.add_argument(
        "--token-env",
        metavar="NAME",
        help="of --server: the environment variable with its token",
    )


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--explain",
        action="store_true",
        help="say of each hit what every stage gave it, which words it shares with the question, "
        "and which of its sentences is nearest",
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")
    command.add_argument("--jsonl", action="store_true", help="print one JSON object a line")
    command.add_argument(
        "--batch",
        metavar="FILE",
        help="answer each line of FILE, or each row of a .jsonl with _id and text, all at once",
    )
    command.add_argument(
        "--format",
        choices=("json", "trec"),
        help="of --batch: json, an object a line with query_id, query and hits (default); trec, a "
        "run whose documents are passage ids",
    )
