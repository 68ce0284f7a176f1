"""The arguments of `ragkit grep`, `glob`, `tree`, `read` and `related`. Imports only argparse."""

from __future__ import annotations

import argparse

WHERE_HELP = "only documents that match this filter: 'type = pdf and path ~ \"hr/**\"'"


def add_grep(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `grep`."""
    command.add_argument("pattern", metavar="PATTERN", help="a regular expression (Python's)")
    command.add_argument(
        "-i", "--ignore-case", action="store_true", help="upper and lower case are the same"
    )
    command.add_argument(
        "-F", "--literal", action="store_true", help="PATTERN is a text, not an expression"
    )
    command.add_argument("-w", "--word", action="store_true", help="match whole words only")
    command.add_argument(
        "-g", "--glob", metavar="GLOB", help="only documents whose path matches: 'hr/**', '*.pdf'"
    )
    command.add_argument(
        "-C", "--context", type=int, default=0, metavar="N", help="show N lines before and after"
    )
    command.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="X",
        help="stop a pattern that takes longer (default: 10)",
    )
    command.add_argument("--where", metavar="EXPR", help=WHERE_HELP)
    _add_part(command, 1_000, "matches")


def add_glob(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `glob`."""
    command.add_argument("pattern", metavar="GLOB", help="'**/*.pdf', 'hr/**', '*.{md,txt}'")
    command.add_argument("--where", metavar="EXPR", help=WHERE_HELP)
    _add_part(command, 10_000, "documents")


def add_tree(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `tree`."""
    command.add_argument(
        "path", nargs="?", default="", metavar="PATH", help="a folder or an archive (default: all)"
    )
    command.add_argument(
        "-L", "--depth", type=int, default=3, metavar="N", help="levels of folders (default: 3)"
    )
    command.add_argument("--where", metavar="EXPR", help=WHERE_HELP)
    _add_part(command, 10_000, "entries")


def add_read(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `read`."""
    command.add_argument("reference", metavar="REF", help="a path, a citation or a passage id")
    command.add_argument("--lines", metavar="A-B", help="only these lines of the extracted text")
    command.add_argument("--pages", metavar="A-B", help="only these pages")
    command.add_argument("-n", "--number", action="store_true", help="number the lines")
    command.add_argument(
        "--max-tokens", type=int, metavar="N", help="show at most N tokens (estimated)"
    )
    _add_cursor_and_json(command)


def add_related(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `related`."""
    command.add_argument("reference", metavar="REF", help="a citation or a passage id")
    command.add_argument(
        "-k", "--top-k", type=int, default=5, metavar="N", help="similar passages (default: 5)"
    )
    command.add_argument(
        "--around", type=int, default=1, metavar="N", help="passages before and after (default: 1)"
    )
    command.add_argument(
        "--other-documents", action="store_true", help="similar passages of other documents only"
    )
    command.add_argument("--where", metavar="EXPR", help=WHERE_HELP)
    command.add_argument("--json", action="store_true", help="print one JSON value")


def _add_part(command: argparse.ArgumentParser, limit: int, noun: str) -> None:
    command.add_argument(
        "--limit", type=int, default=limit, metavar="N", help=f"at most N {noun} ({limit:,})"
    )
    command.add_argument(
        "--max-tokens", type=int, metavar="N", help="show at most N tokens (estimated)"
    )
    _add_cursor_and_json(command)


def _add_cursor_and_json(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cursor", metavar="TEXT", help="continue where a result was cut, which names the cursor"
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")
