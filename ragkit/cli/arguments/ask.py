"""What `ragkit ask` and `ragkit chat` take. Imports nothing but argparse."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.query import add_search_options


def add_ask(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `ask`."""
    command.add_argument("text", metavar="TEXT", help="the question; - reads it from stdin")
    add_chat(command)
    command.add_argument("--json", action="store_true", help="print one JSON value")


def add_chat(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `chat`."""
    add_search_options(
        command,
        k_help="answer from at most N passages (default: 6)",
        mode="hybrid",
        for_answers=True,
    )
    command.add_argument(
        "--no-llm",
        action="store_true",
        help="answer with the documents' own sentences, though a language model is configured",
    )
