"""The arguments of the commands that manage a collection. Imports nothing but argparse."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "tcsh", "fish", "powershell")


def named_collections(arguments: argparse.Namespace) -> list[str]:
    """Return what every -c names, in their order."""
    before: list[str] = getattr(arguments, "collections_before", [])
    return [*before, *getattr(arguments, "named_collections", [])]


def add_json(command: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    command.add_argument("--json", action="store_true", help="print one JSON value")


def add_wait(command: argparse.ArgumentParser) -> None:
    """Add `--wait`, of the commands that write."""
    command.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="wait this long while another process writes to the collection (default: 2)",
    )


def add_on(command: argparse.ArgumentParser, what: str) -> None:
    """Add `--on`, of the commands that can run on a cluster."""
    command.add_argument(
        "--on",
        metavar="ray[://HOST:PORT]",
        help=f"{what} on a Ray cluster: ray starts one on this machine, ray://HOST:PORT joins that "
        "of this head, ray://auto the one of this machine (docs/scale.md)",
    )


def add_init(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `init`."""
    command.add_argument(
        "folder", nargs="?", metavar="DIR", help="the folder (default: the working folder)"
    )
    add_json(command)


def add_index(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `index`."""
    command.add_argument(
        "paths", nargs="*", metavar="PATH", help="folders and files (default: all known roots)"
    )
    command.add_argument(
        "--model",
        metavar="NAME",
        help="a model's name or folder (default: all-MiniLM-L6-v2); multilingual: for a hundred "
        "languages",
    )
    command.add_argument(
        "--dimensions",
        type=int,
        metavar="N",
        help="keep the first N numbers of each vector, for Matryoshka models",
    )
    command.add_argument(
        "--precision",
        metavar="fp32|int8|auto",
        help="number format of the model (default: fp32); int8 takes less time and is less exact; "
        "auto: int8 if it is near enough to fp32 on the first 500 passages",
    )
    command.add_argument(
        "--include",
        action="append",
        metavar="GLOB",
        help="index only matching files (gitignore syntax; repeatable; stored with the root)",
    )
    command.add_argument(
        "--exclude",
        action="append",
        metavar="GLOB",
        help="leave out matching files (gitignore syntax; repeatable; stored with the root)",
    )
    command.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help="make a sharded collection of N parts, or change their number (docs/scale.md)",
    )
    add_on(command, "index a sharded collection")
    command.add_argument(
        "--dry-run", action="store_true", help="report what would change, and change nothing"
    )
    command.add_argument(
        "--strict",
        action="store_true",
        help="exit with 2 if a file or a part of one could not be read, and list them",
    )
    command.add_argument(
        "--prune",
        action="store_true",
        help="delete entries of all missing files, even if a disk may not be mounted",
    )
    command.add_argument(
        "--rebuild",
        action="store_true",
        help="read and embed everything again; --model, --dimensions or --precision may change",
    )
    command.add_argument(
        "--records",
        action=argparse.BooleanOptionalAction,
        help="read each row, element or line of tables, JSON and XML as a document of its own "
        "(stored with the collection)",
    )
    command.add_argument(
        "--secrets",
        metavar="warn|mask|skip",
        help="documents with keys or tokens: report them (default), mask them in the text, or "
        "leave the documents out (stored with the collection)",
    )
    command.add_argument(
        "--password-file",
        metavar="FILE",
        help="try these passwords on encrypted PDF, zip and Office files: one per line; they are "
        "not stored",
    )
    command.add_argument(
        "--watch", action="store_true", help="keep running and re-index on changes"
    )
    command.add_argument(
        "--nice",
        action=argparse.BooleanOptionalAction,
        help="leave the processor to other programs, and pause while the computer runs on battery",
    )
    add_wait(command)
    add_json(command)


def add_get(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `get`."""
    command.add_argument(
        "reference",
        metavar="REF",
        help="a path, path#L10-L42, path#page=7, path#char=120,810, or a passage id",
    )
    command.add_argument(
        "--context", type=int, default=0, metavar="N", help="add N lines before and after"
    )
    add_json(command)


def add_ls(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `ls`."""
    command.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and folders (default: all roots)"
    )
    command.add_argument(
        "--failed", action="store_true", help="only files that were not read, with the reason"
    )
    command.add_argument(
        "--why",
        action="store_true",
        help="explain for each PATH why it is found or not, and how to change that",
    )
    add_json(command)


def add_models(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `models`."""
    command.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="names and folders (default: all that are installed)",
    )
    command.add_argument(
        "--bench",
        action="store_true",
        help="measure the speed of each on this machine (some seconds per model)",
    )
    command.add_argument(
        "--known",
        action="store_true",
        help="instead list models that are worth choosing, with published results",
    )
    add_json(command)


def add_remove(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `remove`."""
    command.add_argument("paths", nargs="+", metavar="PATH", help="roots, folders or files")
    add_wait(command)
    add_json(command)


def add_cache(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `cache`."""
    command.add_argument(
        "names", nargs="*", metavar="NAME", help="entries of the cache, with --clear"
    )
    command.add_argument(
        "--clear",
        action="store_true",
        help="delete the entries that are named, or all; ragkit makes them again when needed",
    )
    add_json(command)


def add_completion(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `completion`."""
    command.add_argument("shell", choices=SHELLS)
