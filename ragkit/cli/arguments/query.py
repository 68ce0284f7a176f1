"""The arguments of `ragkit query`; the options of every search are those of `SearchOptions`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

TABLES = {
    "csv": "print a table for spreadsheets",
    "md": "print a list in Markdown, with the passages as quotes",
    "files": "print only the paths of the documents, best first",
    "vimgrep": "print path:line:column:text, as editors read it",
}


def add_query(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `query`."""
    command.add_argument(
        "text", metavar="TEXT", nargs="?", help="the question; - reads it from stdin"
    )
    add_search_options(command, k_help="show at most N passages (default: 10)", mode="dense")
    _add_output(command)
    _add_server(command)


def add_search_options(
    command: argparse.ArgumentParser, *, k_help: str, mode: str, for_answers: bool = False
) -> None:
    """Add an option for each field of `SearchOptions`, or for those that `ask` has.

    What the user does not type is None. `mode` is the default that the help names.
    """
    from ragkit.retrieval.options import SEARCH_OPTIONS  # not for other commands

    for name, option in SEARCH_OPTIONS.items():
        if for_answers and not option["for_answers"]:
            continue
        if name == "k":
            command.add_argument("-k", "--top-k", type=int, metavar="N", help=k_help)
        elif name == "diverse":
            _add_diverse(command, option["text"])
        elif name == "rerank":
            add_reranking(command, option["text"])
        elif name == "where":
            _add_option(command, name, option["text"], option)
            command.add_argument(
                "--topic",
                metavar="NAME",
                help="only passages of this topic, as `ragkit topics` names it, or of those with "
                "this word in their name",
            )
        else:
            text = f"{option['text']} (default: {mode})" if name == "mode" else option["text"]
            _add_option(command, name, text, option)


def typed_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the search options that the user typed: name of the field → value."""
    from ragkit.retrieval.options import SEARCH_OPTIONS

    values = {name: getattr(arguments, _dest(name), None) for name in SEARCH_OPTIONS}
    if (topic := getattr(arguments, "topic", None)) is not None:
        values["where"] = _with_topic(values["where"], topic)
    return {name: value for name, value in values.items() if value is not None}


def _with_topic(where: str | None, topic: str) -> str:
    """Add the topic to a filter, an expression or JSON."""
    if where is not None and where.lstrip().startswith("{"):
        own = json.dumps({"type": "eq", "key": "topic", "value": topic})
        return f'{{"type": "and", "filters": [{where}, {own}]}}'
    quoted = "topic = " + json.dumps(topic.replace('"', ""), ensure_ascii=False)
    return quoted if where is None else f"({where}) and {quoted}"


def _dest(option: str) -> str:
    return "top_k" if option == "k" else option


def _add_option(
    command: argparse.ArgumentParser, name: str, text: str, option: Mapping[str, Any]
) -> None:
    flag, schema = f"--{name.replace('_', '-')}", option["schema"]
    if schema["type"] == "boolean":
        command.add_argument(flag, action="store_true", default=None, help=text)
    elif "enum" in schema:
        command.add_argument(flag, choices=schema["enum"], help=text)
    else:
        kinds: Mapping[str, Callable[[str], object]] = {"integer": int, "number": float}
        kind = duration if name == "budget" else kinds.get(str(schema["type"]), str)
        command.add_argument(flag, type=kind, metavar=option["metavar"], help=text)


def _add_diverse(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--diverse", action="store_true", default=None, help=text)
    command.add_argument(
        "--lambda",
        dest="diverse",
        type=float,
        metavar="X",
        help="the same with another λ: 1 is relevance only, 0 is diversity only (default: 0.8)",
    )


def duration(text: str) -> float:
    """Return seconds for `300ms` or `1.5s`. Raises ValueError for anything else."""
    number = text.removesuffix("ms").removesuffix("s")
    if number == text:
        raise ValueError(text)
    return float(number) / (1000 if text.endswith("ms") else 1)


def add_reranking(command: argparse.ArgumentParser, text: str | None = None) -> None:
    """The options of every command that can rerank."""
    from ragkit.retrieval.options import SEARCH_OPTIONS

    command.add_argument(
        "--rerank",
        action="store_true",
        default=None,
        help=text or SEARCH_OPTIONS["rerank"]["text"],
    )
    command.add_argument(
        "--reranker",
        metavar="NAME",
        help="the cross-encoder: a name, a folder or an ONNX file "
        "(default: cross-encoder/ms-marco-MiniLM-L6-v2)",
    )


def _add_server(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--server",
        metavar="URL",
        help="search a running ragkit serve instead of opening a collection; -c is then its name "
        "there",
    )
    command.add_argument(
        "--token-env",
        metavar="NAME",
        help="the environment variable with the token for --server",
    )


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON value")
    command.add_argument("--jsonl", action="store_true", help="print one JSON object a line")
    table = command.add_mutually_exclusive_group()
    for name, text in TABLES.items():
        table.add_argument(f"--{name}", action="store_true", help=text)
    command.add_argument(
        "--batch",
        metavar="FILE",
        help="answer each line of FILE, or each row of a .jsonl with _id and text, all at once",
    )
    command.add_argument(
        "--format",
        choices=("json", "trec"),
        help="for --batch: json, an object a line with query_id, query and hits (default); trec, a "
        "run whose documents are passage ids",
    )
