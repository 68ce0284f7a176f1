"""What `ragkit ask` and `ragkit chat` take. Imports nothing but argparse."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.query import add_choosing, add_exact, add_reranking


def add_ask(command: argparse.ArgumentParser) -> None:
    """The arguments of `ask`."""
    command.add_argument("text", metavar="TEXT", help="the question; - reads it from stdin")
    add_chat(command)
    command.add_argument("--json", action="store_true", help="print one JSON value")


def add_chat(command: argparse.ArgumentParser) -> None:
    """The arguments of `chat`."""
    add_choosing(command, passages="that it is answered from (default: 6)", mode="hybrid")
    add_exact(command)
    add_reranking(command)
    command.add_argument(
        "--no-llm",
        action="store_true",
        help="answer with the documents' own sentences, though a language model is configured",
    )
