"""The arguments of the commands that check and copy a collection. Imports nothing but argparse."""

from __future__ import annotations

import argparse

from ragkit.cli.arguments.collection import add_json, add_wait


def add_doctor(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `doctor`."""
    command.add_argument(
        "--repair",
        action="store_true",
        help="rebuild what can be rebuilt; never deletes what cannot be made again",
    )
    command.add_argument(
        "--bug-report",
        metavar="FILE",
        help="write versions, findings and counts to a new file: no text, names, paths or queries",
    )
    add_wait(command)
    add_json(command)


def add_backup(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `backup`."""
    command.add_argument("target", metavar="DEST", help="a new folder")
    command.add_argument(
        "--no-index-files",
        action="store_true",
        help="copy the database only; index files are rebuilt when the copy is first searched",
    )
    add_json(command)


def add_restore(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `restore`."""
    command.add_argument("source", metavar="SRC", help="a backup, or any copy of a collection")
    command.add_argument(
        "--force",
        action="store_true",
        help="replace the collection that is there; its folder is renamed, not deleted",
    )
    add_wait(command)
    add_json(command)


def add_export(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `export`."""
    command.add_argument("target", metavar="DEST", help="a new folder")
    add_json(command)


def add_import(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `import`."""
    command.add_argument("source", metavar="SRC", help="the folder of an export")
    add_json(command)


def add_migrate(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `migrate`."""
    command.add_argument("--model", metavar="NAME", help="the new model's name or folder")
    command.add_argument(
        "--dimensions",
        type=int,
        metavar="N",
        help="keep the first N numbers of each vector, for Matryoshka models",
    )
    command.add_argument(
        "--precision", metavar="fp32|int8", help="number format of the model (default: fp32)"
    )
    command.add_argument(
        "--rollback", action="store_true", help="switch back to the model before the last switch"
    )
    command.add_argument(
        "--force", action="store_true", help="switch even if the new model is significantly worse"
    )
    add_wait(command)
    add_json(command)


def add_tune(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `tune`."""
    command.add_argument(
        "--train",
        action="store_true",
        help="also fine-tune the model on questions made from one half of the documents, and use "
        "it if it is significantly better on the other half",
    )
    command.add_argument(
        "--undo",
        action="store_true",
        help="use the settings and the model before the last tuning again",
    )
    command.add_argument(
        "--reranker",
        metavar="NAME",
        help="also try this cross-encoder: a name, a folder or an ONNX file (default: that of "
        "your settings)",
    )
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="another number splits the documents otherwise (default: 0)",
    )
    add_wait(command)
    add_json(command)


def add_distill(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `distill`."""
    command.add_argument(
        "-o", "--output", required=True, metavar="DIR", help="the folder of the static encoder"
    )
    command.add_argument(
        "--size",
        type=int,
        default=256,
        metavar="N",
        help="numbers of a vector (default: 256)",
    )
    command.add_argument("--force", action="store_true", help="replace the model in DIR")
    add_json(command)
