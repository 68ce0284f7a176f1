"""The arguments of `ragkit eval`. Imports little but argparse."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.collection import add_wait
from ragkit.cli.arguments.query import add_reranking
from ragkit.settings import MODES


def add_eval(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `eval`."""
    command.add_argument(
        "dataset",
        nargs="?",
        metavar="DATASET",
        help="a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv",
    )
    command.add_argument(
        "--self",
        dest="of_collection",
        action="store_true",
        help="instead of a DATASET: questions made from the collection, and your "
        "judgements (ragkit judge)",
    )
    command.add_argument(
        "--mode", choices=MODES, help="as for query (default: dense; with --self each of them)"
    )
    add_reranking(command)
    add_wait(command)
    command.add_argument(
        "--model", metavar="NAME", help="a model's name or folder (default: all-MiniLM-L6-v2)"
    )
    command.add_argument(
        "--protocol",
        choices=("collection", "beir"),
        help="collection: a document is split into passages and scored by its best one; beir: a "
        "document is one passage, title and text, truncated at the model's window, as in "
        "published figures (default: collection)",
    )
    command.add_argument(
        "--compare",
        metavar="CHANGES",
        help="measure a second time with these changes, and say which differences are "
        "significant: settings as in NAME=VALUE,NAME=VALUE, also protocol=beir, and rerank; for "
        "example mode=hybrid, or model=FOLDER,rerank. With --self: mode, fusion, rerank, and "
        "collection=DIR, which is another collection of the same files",
    )
    command.add_argument(
        "--llm",
        action="store_true",
        help="with --self: also questions that the language model of the settings generates from "
        "passages, whose text is sent to its server; they are kept in the cache folder",
    )
    command.add_argument(
        "--calibrate",
        action="store_true",
        help="with --self: fit how likely a passage answers to its cosine, and store it in the "
        "collection; embeds some hundred texts",
    )
    command.add_argument(
        "--png",
        metavar="FILE",
        help="with --self, of a calibrated collection: draw the reliability diagram",
    )
    command.add_argument(
        "--run", dest="run_file", metavar="FILE", help="write the rankings as a TREC run"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")


def add_judge(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `judge`."""
    command.add_argument("query", nargs="?", metavar="QUERY", help="the query as it was searched")
    command.add_argument(
        "references",
        nargs="*",
        metavar="REF",
        help="passages: an id or a citation, as a query shows them; a path is the whole document",
    )
    verdict = command.add_mutually_exclusive_group()
    verdict.add_argument("--relevant", action="store_true", help="these passages answer the query")
    verdict.add_argument(
        "--not-relevant", action="store_true", help="these passages do not answer the query"
    )
    verdict.add_argument(
        "--forget", action="store_true", help="delete what was said about these passages"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")
